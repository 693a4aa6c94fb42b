"""Sums of exponentials over a row.

A sum is a pair of numbers, the rounded sum and its error, so that nothing drifts.
"""

import math

from numba.extending import overload

from .across import across_max, across_sum, no_sums, pairs_of, with_row, with_sum
from .at_temperature import (
    argument,
    base_of,
    exp_of,
    exp_of_four,
    exp_of_max,
    is_far,
    scaled_by,
    share_of_max,
)
from .elementary import (
    HEADROOM,
    accumulate,
    add_pairs,
    divide_pairs,
    exp_pair,
)
from .fours import fours, read_four, write_four
from .group import Columns, alone, group_of, is_columns, step_of
from .memory import load, offset, store
from .part import PART
from .row import (
    BASES,
    anchor,
    exponent_rate,
    fetch,
    fetch_target,
    fetched_target,
    get_lane_sums,
    get_row,
    put,
    put_lane_sums,
    read,
    several,
    write,
)
from .simd import (
    any_lane,
    apart,
    inline,
    loop,
    maximum,
    select,
    splat,
)


@inline
def _exp_sum(x, y, base, like, row, keep, near, exact):
    """Each lane's sum of exponentials over the base, and maximum of x; of columns, which have that in `like`,
    the greatest exponential.
    """
    zero, step = splat(like, 0.0), step_of(row, x)
    total, over = (zero, zero), scaled_by(base, like, row)
    m = n = splat(like, 1.0 if is_columns(row) else -math.inf)  # 1 is less than exp over its base
    for k in range(0, fours(row), 4):
        i = k * step
        numbers = read_four(x, k, row, -math.inf)
        a, b, c, d = exp_of_four(numbers, base, over, near)
        m, n = _higher(m, n, (a, b, c, d) if is_columns(row) else numbers)
        if keep:
            write_four(y, k, row, (a, b, c, d))
        for j in range(i, i + 4 * step, step):
            fetch_target(y, j, row)
            fetch(x, j, row)
        if exact and is_columns(row):  # or one of many rows would often want another look
            total = accumulate(accumulate(accumulate(accumulate(total, a), b), c), d)
        else:
            total = accumulate(accumulate(total, a + b), c + d)
    for k in range(fours(row), row.count):
        number = read(x, k, row, -math.inf)
        a = exp_of(number, base, over, near)
        m = maximum(a if is_columns(row) else number, m)
        if keep:
            write(y, k, row, a)
        total = accumulate(total, a)
    return total, maximum(m, n)


@inline
def _higher(m, n, four):
    a, b, c, d = four
    return maximum(a, maximum(b, m)), maximum(c, maximum(d, n))


def _exp_sums(x, y, like, row, keep, near, exact):
    """The sums and maxima, as in `_exp_sum`, of a group's rows; chosen by type, see below."""


@overload(_exp_sums, jit_options={"forceinline": True, **PART})
def _exp_sums_by_type(x, y, like, row, keep, near, exact):
    return _of_columns if row.instance_class is Columns else _of_rows


def _of_columns(x, y, like, row, keep, near, exact):
    return _exp_sum(x, y, base_of(like, row), like, row, keep, near, exact)


def _of_rows(x, y, like, row, keep, near, exact):
    shift, lowest = base_of(like, several(row))
    put(row, BASES, shift)
    put(row, BASES + 1, lowest)
    put(row, BASES + 2, like)
    _, used, x_step, _, e_step, _, _ = group_of(row)
    for i in range(used):
        own_x, own_y, it = offset(x, i * x_step), offset(y, i * e_step), alone(row, i)
        base = get_row(row, BASES, i), get_row(row, BASES + 1, i)
        own_like = get_row(row, BASES + 2, i)
        total, m = _exp_sum(own_x, own_y, base, own_like, it, keep, near, exact)
        put_lane_sums(row, i, (total[0], total[1], m))
    sums, maxima = no_sums(like, row), splat(like, 0.0)
    for i in range(used):
        total, error, m = get_lane_sums(row, i)
        sums = with_sum(sums, i, (total, error), row)
        maxima = with_row(maxima, i, across_max(m, row), row)
    return pairs_of(sums, row), maxima


@inline
def _too_low(like, m, row):
    """Where exp(m/t) is, or may be, too large over a power of two close to exp(like/t).

    Where m is far, any lower number is: differences to that would be other numbers.
    """
    most = select(is_far(anchor(m), row), splat(m, 0.0), HEADROOM(m))
    return (m - like) * exponent_rate(row)[0] > most


@inline
def are_exact(like, m, row):
    """Whether exponentials over a power of two close to exp(like/t) have the bits of those over exp(m/t)."""
    far = any_lane(is_far(like, row)) or any_lane(is_far(m, row))
    return not (far or any_lane(_too_low(like, m, row)))


@inline
def _exp_sums_safely(x, y, like, row, keep, exact):
    each = several(row)
    again = True
    while again:
        if row.unit and not any_lane(is_far(anchor(like), each)):
            total, most = _exp_sums(x, y, anchor(like), row, keep, True, exact)
        else:
            total, most = _exp_sums(x, y, anchor(like), row, keep, False, exact)
        m = like if is_columns(row) else most
        too_low = _too_low(like, m, each)
        again = any_lane(too_low)
        like = select(too_low, m, like)
    return total, m, anchor(like), most


@loop
def exp_sum(x, y, like, row):
    """(total, m, like, top) of each row: the sum of exp(x/t) over a power of two close to exp(like/t), max,
    and the greatest of those exponentials.

    The sum does not depend on the power of two, which is exact, as long as nothing overflows: so a
    glance at the row will do for `like`, and where it does not the maximum takes its place.
    """
    apart()
    to_fetch = fetched_target(x, y, row)
    total, m, like, top = _exp_sums_safely(x, to_fetch, like, row, False, True)
    if not is_columns(row):
        top, _ = exp_of_max(m, like, several(row))
    return total, m, like, top


@loop
def exp_and_sum(x, y, like, row, exact):
    """`exp_sum`, with each exponential left in y; not `exact`: digits may be lost in sums over columns."""
    apart()
    total, m, like, _ = _exp_sums_safely(x, y, like, row, True, exact)
    return total, m, like


@inline
def _of_other(x, m, base, over, near):
    """exp of x, and whether it is a maximum, whose exp is taken for 0."""
    at_top = x == m
    zero = splat(x, 0.0)
    e = select(at_top, zero, exp_of(x, base, over, near))
    return e, select(at_top, splat(x, 1.0), zero)


@inline
def _sum_of_others(x, m, like, row, near):
    base, step = base_of(like, row), step_of(row, x)
    over, zero = scaled_by(base, like, row), splat(m, 0.0)
    total, maxima = (zero, zero), zero
    twos = row.whole - row.whole % 2
    for k in range(0, twos, 2):
        a, of_a = _of_other(load(x, k * step), m, base, over, near)
        b, of_b = _of_other(load(x, (k + 1) * step), m, base, over, near)
        total, maxima = accumulate(total, a + b), maxima + (of_a + of_b)
    for k in range(twos, row.count):
        a, of_a = _of_other(read(x, k, row, -math.inf), m, base, over, near)
        total, maxima = accumulate(total, a), maxima + of_a
    return total, maxima


@loop
def exp_sum_of_others(x, m, like, row):
    """(total, maxima): each lane's sum as of `exp_sum`, without the maxima m, and how many they are.

    Infinite maxima are not counted, so that a row of -inf alone has the sum 0.
    """
    apart()
    m = anchor(m)
    if row.unit and not any_lane(is_far(like, row)):
        return _sum_of_others(x, m, like, row, True)
    return _sum_of_others(x, m, like, row, False)


@loop
def split_sum(x, y, m, row, keep):
    """(s, e of the maximum): s = sum exp((x - m)/t), and e as in `exp_sum` with `like` = m.

    The maxima are counted apart, so that s - 1 is accurate where one entry outweighs all others.
    """
    apart()
    m = anchor(m)
    base, step = base_of(m, row), step_of(row, x)
    zero = splat(m, 0.0)
    maxima, rest = zero, (zero, zero)
    for k in range(row.count):
        number = read(x, k, row, -math.inf)
        at_top = number == m
        q, error = argument(number, row, m)
        e, e_error = exp_pair(q, error, base)
        if keep:
            store(y, k * step, e)
        maxima = maxima + select(at_top, splat(m, 1.0), zero)
        rest = accumulate(rest, select(at_top, zero, e))
        rest = rest[0], rest[1] + select(at_top, zero, e_error)
    top = share_of_max(m, m, row)
    rest = divide_pairs(across_sum(rest, row), top)
    return add_pairs(across_sum((maxima, zero), row), rest), top
