"""Folds over a row: its maximum, its sum of exponentials, a dot product.

A row is `count` vectors, `step` numbers apart, in memory or in a tile. Either all lanes belong to one
row (a contiguous axis), or each lane is a row of its own (a strided axis, `row.columns`); the folds
are the same, only the last step, across the lanes, is left out in the second case.

A sum is a pair of numbers, the rounded sum and its error, so that nothing drifts.
"""

import math
from typing import NamedTuple

from numba import types
from numba.extending import overload

from .elementary import (
    HEADROOM,
    REACH,
    accumulate,
    add_pairs,
    divide_pairs,
    exp,
    exp_base,
    exp_pair,
    two_diff,
)
from .memory import load, load_first, prefetch, prefetch_to_write, store, store_first
from .simd import (
    any_lane,
    apart,
    exchange_1,
    exchange_2,
    exchange_4,
    exchange_8,
    first_lane,
    fma,
    inline,
    lanes,
    loop,
    maximum,
    narrowed_twice,
    select,
    splat,
    widened_halves,
)

# A row longer than a tile is taken in three phases: each block is folded, the blocks' states are
# merged, each block is mapped. A row that fits a tile is folded and mapped at once.
WHOLE, FOLD, MERGE, MAP = range(4)


class Row(NamedTuple):
    """What a fold or a map needs to know of a row."""

    step: int
    count: int
    whole: int  # vectors that the row fills
    length: int  # numbers from the first vector's first on that belong to the row
    columns: bool
    phase: int
    unit: bool  # whether t == 1 in the exponent
    wants_y: bool  # whether the result itself is wanted, beside its derivative
    rates: object  # where t and 1/t lie, each as a rounded number and its error
    ahead: object  # where the next row lies in memory, fetched while this one is computed
    ahead_step: int
    target: object  # where the result will lie, fetched likewise
    target_step: int


@inline
def temperature_of(row):
    """t as a rounded number and its error."""
    return load(row.rates, 0), load(row.rates, lanes(row.rates))


@inline
def rate_of(row):
    """1/t as a rounded number and its error."""
    w = lanes(row.rates)
    return load(row.rates, 2 * w), load(row.rates, 3 * w)


@inline
def exponent_rate(row):
    """The 1/t that x is multiplied by: 1 where x is log-softmax, which has it already."""
    rate, error = rate_of(row)
    if row.unit:
        return splat(rate, 1.0), splat(rate, 0.0)
    return rate, error


@inline
def read(x, k, row, fill):
    """Vector k of a row, `fill` in the lanes beyond its end."""
    i = k * row.step
    if row.length - i >= lanes(x):
        return load(x, i)
    return load_first(x, i, row.length - i, splat(x, fill))


@inline
def write(y, k, row, value):
    """y's vector k = value, as far as the row goes."""
    i = k * row.step
    if row.length - i >= lanes(y):
        store(y, i, value)
    else:
        store_first(y, i, row.length - i, value)


@inline
def across_max(m, columns):
    if columns:
        return m
    if lanes(m) == 16:
        m = maximum(exchange_8(m), m)
    m = maximum(exchange_4(m), m)
    m = maximum(exchange_2(m), m)
    return maximum(exchange_1(m), m)


@inline
def across_sum(total, columns):
    """The sum of all lanes, in all lanes; in float32 by way of float64, which holds a pair."""
    if columns:
        return total
    return _across_sum(total)


def _across_sum(total):
    """Chosen by type, see below."""


@overload(_across_sum, jit_options={"forceinline": True})
def _across_sum_of(total):
    if total[0].element == types.float64:
        return lambda total: _across_sum_float64(total)
    return lambda total: _across_sum_float32(total)


@inline
def _across_sum_float32(total):
    a, b = widened_halves(total[0])
    c, d = widened_halves(total[1])
    wide = (a + b) + (c + d)
    wide = wide + exchange_4(wide)
    wide = wide + exchange_2(wide)
    wide = wide + exchange_1(wide)
    high = narrowed_twice(wide)
    return high, narrowed_twice(wide - widened_halves(high)[0])


@inline
def _across_sum_float64(total):
    total = add_pairs(total, (exchange_4(total[0]), exchange_4(total[1])))
    total = add_pairs(total, (exchange_2(total[0]), exchange_2(total[1])))
    return add_pairs(total, (exchange_1(total[0]), exchange_1(total[1])))


@inline
def row_max(x, row):
    """The maximum m of the row; NaN is passed over (the sum keeps it)."""
    a = b = c = d = splat(x, -math.inf)
    fours = row.whole - row.whole % 4
    for k in range(0, fours, 4):
        i = k * row.step
        a = maximum(load(x, i), a)
        b = maximum(load(x, i + row.step), b)
        c = maximum(load(x, i + 2 * row.step), c)
        d = maximum(load(x, i + 3 * row.step), d)
    for k in range(fours, row.count):
        a = maximum(read(x, k, row, -math.inf), a)
    return across_max(maximum(maximum(a, b), maximum(c, d)), row.columns)


@inline
def row_sum(v, row):
    """The sum of v over the row."""
    total = (splat(v, 0.0), splat(v, 0.0))
    fours = row.whole - row.whole % 4
    for k in range(0, fours, 4):
        i = k * row.step
        ab = load(v, i) + load(v, i + row.step)
        cd = load(v, i + 2 * row.step) + load(v, i + 3 * row.step)
        total = accumulate(accumulate(total, ab), cd)
    for k in range(fours, row.count):
        total = accumulate(total, read(v, k, row, 0.0))
    return across_sum(total, row.columns)


@inline
def anchor(m):
    """m, or 0 for a row of -inf alone, where -inf - (-inf) would be NaN: the pair (-inf, 0)."""
    return select(m == -math.inf, splat(m, 0.0), m)


@inline
def shifted(x, m, row):
    """(x - m)/t as a rounded number and its error."""
    d, error = two_diff(x, m)
    rate, rate_error = exponent_rate(row)
    q = d * rate
    return q, fma(d, rate, q * -1.0) + fma(d, rate_error, error * rate)


@inline
def _over_t(x, row):
    """x/t as a rounded number and its error."""
    rate, rate_error = exponent_rate(row)
    q = x * rate
    return q, fma(x, rate_error, fma(x, rate, q * -1.0))


@inline
def _is_far(m, row):
    """Where m/t is beyond the reach of exp.

    There m is subtracted first: x - m is exact for every x that matters, for those lie close to m.
    """
    q = m * exponent_rate(row)[0]
    return maximum(q, q * -1.0) > REACH(m)


@inline
def _argument(x, near, row, like):
    """The argument of exp, as a rounded number and its error: (x - like)/t where like is far, or x/t."""
    if near:
        return x, splat(x, -0.0)
    origin = select(_is_far(like, row), like, splat(x, 0.0))
    return _over_t(x - origin, row)


@inline
def _term(x, y, k, base, like, row, keep, near):
    """exp of x, which is vector k, over the base; also kept in y."""
    q, error = _argument(x, near, row, like)
    e = exp(q, error, base)
    if keep:
        store(y, k * row.step, e)
    prefetch(row.ahead, k * row.ahead_step)
    if keep:
        prefetch_to_write(row.target, k * row.target_step)
    return e


@inline
def _exp_sum(x, y, like, row, keep, exact, near):
    """The sum of exponentials over a power of two close to exp(like/t), and the maximum of x."""
    q, error = _argument(like, near, row, like)
    base = exp_base(q)
    zero = splat(like, 0.0)
    total = other = zero, zero
    m = n = splat(like, -math.inf)
    fours = row.whole - row.whole % 4
    for k in range(0, fours, 4):
        i = k * row.step
        a, b = load(x, i), load(x, i + row.step)
        c, d = load(x, i + 2 * row.step), load(x, i + 3 * row.step)
        m, n = maximum(a, maximum(b, m)), maximum(c, maximum(d, n))
        a = _term(a, y, k, base, like, row, keep, near)
        b = _term(b, y, k + 1, base, like, row, keep, near)
        c = _term(c, y, k + 2, base, like, row, keep, near)
        d = _term(d, y, k + 3, base, like, row, keep, near)
        if exact:
            total, other = accumulate(total, a), accumulate(other, b)
            total, other = accumulate(total, c), accumulate(other, d)
        else:
            total = accumulate(accumulate(total, a + b), c + d)
    for k in range(fours, row.count):
        a = read(x, k, row, -math.inf)
        m = maximum(a, m)
        total = accumulate(total, _term(a, y, k, base, like, row, keep, near))
    if exact:
        total = add_pairs(total, other)
    return total, maximum(m, n)


@inline
def _exp_sum_over(x, y, like, row, keep, exact):
    if row.unit and not any_lane(_is_far(like, row)):
        return _exp_sum(x, y, like, row, keep, exact, True)
    return _exp_sum(x, y, like, row, keep, exact, False)


@inline
def _is_too_low(like, m, row):
    """Whether exp(m/t) is, or may be, too large over a power of two close to exp(like/t)."""
    return any_lane((m - like) * exponent_rate(row)[0] > HEADROOM(m))


@inline
def _exp_sum_safely(x, y, like, row, keep, exact):
    total, m = _exp_sum_over(x, y, anchor(like), row, keep, exact)
    if _is_too_low(like, m, row):
        like = across_max(m, row.columns)
        total, m = _exp_sum_over(x, y, anchor(like), row, keep, exact)
    return total, m, anchor(like)


@loop
def exp_sum(x, like, row):
    """(total, m, like): each lane's sum of exp(x/t) over a power of two close to exp(like/t), and max.

    The sum does not depend on the power of two, which is exact, as long as nothing overflows: so a
    glance at the row will do for `like`, and where it does not the maximum takes its place.
    """
    apart()
    return _exp_sum_safely(x, x, like, row, False, False)


@loop
def exp_sum_exactly(x, like, row):
    """`exp_sum` without a rounding, for where one entry outweighs all others."""
    apart()
    return _exp_sum_safely(x, x, like, row, False, True)


@loop
def exp_and_sum(x, y, like, row):
    """`exp_sum`, with each exponential left in y."""
    apart()
    return _exp_sum_safely(x, y, like, row, True, False)


@loop
def share_of_max(m, like, row):
    """e of the maximum, as `exp_sum` adds it up, and as a pair."""
    apart()
    q, _ = _argument(like, False, row, like)
    base = exp_base(q)
    q, error = _argument(anchor(m), False, row, like)
    return exp(q, error, base), exp_pair(q, error, base)


@loop
def split_sum(x, y, m, row, keep):
    """(s, e of the maximum): s = sum exp((x - m)/t), and e as in `exp_sum` with `like` = m.

    The maxima are counted apart, so that s - 1 is accurate where one entry outweighs all others.
    """
    apart()
    m = anchor(m)
    base = exp_base(_argument(m, False, row, m)[0])
    zero = splat(m, 0.0)
    maxima, rest = zero, (zero, zero)
    for k in range(row.count):
        number = read(x, k, row, -math.inf)
        at_top = number == m
        q, error = _argument(number, False, row, m)
        e, e_error = exp_pair(q, error, base)
        if keep:
            store(y, k * row.step, e)
        maxima = maxima + select(at_top, splat(m, 1.0), zero)
        rest = accumulate(rest, select(at_top, zero, e))
        rest = rest[0], rest[1] + select(at_top, zero, e_error)
    top = share_of_max(m, m, row)[1]
    rest = divide_pairs(across_sum(rest, row.columns), top)
    return add_pairs(across_sum((maxima, zero), row.columns), rest), top


@inline
def reciprocal(total):
    """1/s as a rounded number and its error."""
    s, c = total
    h = 1.0 / s
    return h, (fma(h * -1.0, s, splat(s, 1.0)) - h * c) * h


@loop
def normalise(e, y, total, row):
    """y = e/s, with e = exp((x - m)/t)."""
    apart()
    h, error = reciprocal(total)
    i = 0
    while i + lanes(e) <= row.length:
        term = load(e, i)
        store(y, i, fma(term, h, term * error))
        i += row.step
    if i < row.length:
        term = load(e, i)
        store_first(y, i, row.length - i, fma(term, h, term * error))


@loop
def peak(x, v, row):
    """(m, p): the maximum of x, and v at a maximum, the pivot that tangents are measured from."""
    apart()
    a = b = c = d = splat(x, -math.inf), splat(x, 0.0)
    fours = row.whole - row.whole % 4
    for k in range(0, fours, 4):
        i = k * row.step
        a = _higher(a, load(x, i), load(v, i))
        b = _higher(b, load(x, i + row.step), load(v, i + row.step))
        c = _higher(c, load(x, i + 2 * row.step), load(v, i + 2 * row.step))
        d = _higher(d, load(x, i + 3 * row.step), load(v, i + 3 * row.step))
    for k in range(fours, row.count):
        a = _higher(a, read(x, k, row, -math.inf), read(v, k, row, 0.0))
    a = _higher(_higher(a, b[0], b[1]), *_higher(c, d[0], d[1]))
    if row.columns:
        return a
    if lanes(x) == 16:
        a = _higher(a, exchange_8(a[0]), exchange_8(a[1]))
    a = _higher(a, exchange_4(a[0]), exchange_4(a[1]))
    a = _higher(a, exchange_2(a[0]), exchange_2(a[1]))
    a = _higher(a, exchange_1(a[0]), exchange_1(a[1]))
    return a[0], first_lane(a[1])


@inline
def _higher(best, m, p):
    return maximum(m, best[0]), select(m > best[0], p, best[1])


@loop
def deviation(y, v, p, row):
    """<y, v - p> over the row."""
    apart()
    total = (splat(y, 0.0), splat(y, 0.0))
    fours = row.whole - row.whole % 4
    for k in range(0, fours, 4):
        i = k * row.step
        ab = _product(y, v, p, i) + _product(y, v, p, i + row.step)
        cd = _product(y, v, p, i + 2 * row.step) + _product(y, v, p, i + 3 * row.step)
        total = accumulate(accumulate(total, ab), cd)
    for k in range(fours, row.count):
        product = read(y, k, row, 0.0) * (read(v, k, row, 0.0) - p)
        total = accumulate(total, product)
    return across_sum(total, row.columns)


@inline
def _product(y, v, p, i):
    return load(y, i) * (load(v, i) - p)
