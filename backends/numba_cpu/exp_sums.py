"""Sums of exponentials over a row.

A sum is a pair of numbers, the rounded sum and its error, so that nothing drifts.
"""

import math

from .elementary import (
    HEADROOM,
    REACH,
    accumulate,
    add_pairs,
    divide_pairs,
    exp,
    exp_base,
    exp_of_sum,
    exp_pair,
    two_diff,
)
from .memory import load, prefetch, prefetch_to_write, store
from .row import across_max, across_sum, anchor, exponent_rate, read
from .simd import any_lane, apart, fma, inline, loop, maximum, select, splat


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
def _argument(x, row, like):
    """The argument of exp, as a rounded number and its error: (x - like)/t where like is far, or x/t."""
    origin = select(_is_far(like, row), like, splat(x, 0.0))
    return _over_t(x - origin, row)


@inline
def _exp_of(number, base, like, row, near):
    """exp of a number at t over the base; `near`: at t = 1, and where like is not far."""
    if near:
        return exp(number, base)
    q, error = _argument(number, row, like)
    return exp_of_sum(q, error, base)


@inline
def _base_of(like, row):
    return exp_base(_argument(like, row, like)[0])


@inline
def _term(number, x, y, k, base, like, row, keep, near):
    """exp of a number, which is x's vector k, over the base; also kept in y."""
    e = _exp_of(number, base, like, row, near)
    if keep:
        store(y, k * row.step, e)
    prefetch(x, k * row.step + row.ahead)
    if keep:
        prefetch_to_write(x, k * row.step + row.target)
    return e


@inline
def _exp_sum(x, y, like, row, keep, near):
    """The sum of exponentials over a power of two close to exp(like/t), and the maximum of x."""
    base = _base_of(like, row)
    zero = splat(like, 0.0)
    total = zero, zero
    m = n = splat(like, -math.inf)
    fours = row.whole - row.whole % 4
    for k in range(0, fours, 4):
        i = k * row.step
        a, b = load(x, i), load(x, i + row.step)
        c, d = load(x, i + 2 * row.step), load(x, i + 3 * row.step)
        m, n = maximum(a, maximum(b, m)), maximum(c, maximum(d, n))
        a = _term(a, x, y, k, base, like, row, keep, near)
        b = _term(b, x, y, k + 1, base, like, row, keep, near)
        c = _term(c, x, y, k + 2, base, like, row, keep, near)
        d = _term(d, x, y, k + 3, base, like, row, keep, near)
        if row.columns:  # no digit is lost, or one of many rows would often want another look
            total = accumulate(accumulate(accumulate(accumulate(total, a), b), c), d)
        else:
            total = accumulate(accumulate(total, a + b), c + d)
    for k in range(fours, row.count):
        a = read(x, k, row, -math.inf)
        m = maximum(a, m)
        total = accumulate(total, _term(a, x, y, k, base, like, row, keep, near))
    return total, maximum(m, n)


@inline
def _exp_sum_over(x, y, like, row, keep):
    if row.unit and not any_lane(_is_far(like, row)):
        return _exp_sum(x, y, like, row, keep, True)
    return _exp_sum(x, y, like, row, keep, False)


@inline
def _is_too_low(like, m, row):
    """Whether exp(m/t) is, or may be, too large over a power of two close to exp(like/t).

    Where m is far, any lower number is: differences to that would be other numbers.
    """
    most = select(_is_far(anchor(m), row), splat(m, 0.0), HEADROOM(m))
    return any_lane((m - like) * exponent_rate(row)[0] > most)


@inline
def are_exact(like, m, row):
    """Whether exponentials over a power of two close to exp(like/t) have the bits of those over exp(m/t)."""
    far = any_lane(_is_far(like, row)) or any_lane(_is_far(m, row))
    return not (far or _is_too_low(like, m, row))


@inline
def _exp_sum_safely(x, y, like, row, keep):
    total, m = _exp_sum_over(x, y, anchor(like), row, keep)
    if _is_too_low(like, m, row):
        like = across_max(m, row.columns)
        total, m = _exp_sum_over(x, y, anchor(like), row, keep)
    return total, m, anchor(like)


@loop
def exp_sum(x, like, row):
    """(total, m, like): each lane's sum of exp(x/t) over a power of two close to exp(like/t), and max.

    The sum does not depend on the power of two, which is exact, as long as nothing overflows: so a
    glance at the row will do for `like`, and where it does not the maximum takes its place.
    """
    apart()
    return _exp_sum_safely(x, x, like, row, False)


@loop
def exp_and_sum(x, y, like, row):
    """`exp_sum`, with each exponential left in y."""
    apart()
    return _exp_sum_safely(x, y, like, row, True)


@loop
def exp_of_max(m, like, row):
    """e of the maximum, as `exp_sum` adds it up."""
    apart()
    base = _base_of(like, row)
    return _exp_of(anchor(m), base, like, row, False)


@loop
def share_of_max(m, like, row):
    """`exp_of_max` as a pair."""
    apart()
    base = _base_of(like, row)
    q, error = _argument(anchor(m), row, like)
    return exp_pair(q, error, base)


@inline
def _of_other(x, m, base, like, row, near):
    """exp of x, as in `_term`, and whether it is a maximum, whose exp is taken for 0."""
    at_top = x == m
    zero = splat(x, 0.0)
    return select(at_top, zero, _exp_of(x, base, like, row, near)), select(at_top, splat(x, 1.0), zero)


@inline
def _sum_of_others(x, m, like, row, near):
    base = _base_of(like, row)
    zero = splat(m, 0.0)
    total, maxima = (zero, zero), zero
    twos = row.whole - row.whole % 2
    for k in range(0, twos, 2):
        a, of_a = _of_other(load(x, k * row.step), m, base, like, row, near)
        b, of_b = _of_other(load(x, (k + 1) * row.step), m, base, like, row, near)
        total, maxima = accumulate(total, a + b), maxima + (of_a + of_b)
    for k in range(twos, row.count):
        a, of_a = _of_other(read(x, k, row, -math.inf), m, base, like, row, near)
        total, maxima = accumulate(total, a), maxima + of_a
    return total, maxima


@loop
def exp_sum_of_others(x, m, like, row):
    """(total, maxima): each lane's sum as of `exp_sum`, without the maxima m, and how many they are.

    Infinite maxima are not counted, so that a row of -inf alone has the sum 0.
    """
    apart()
    m = anchor(m)
    if row.unit and not any_lane(_is_far(like, row)):
        return _sum_of_others(x, m, like, row, True)
    return _sum_of_others(x, m, like, row, False)


@loop
def split_sum(x, y, m, row, keep):
    """(s, e of the maximum): s = sum exp((x - m)/t), and e as in `exp_sum` with `like` = m.

    The maxima are counted apart, so that s - 1 is accurate where one entry outweighs all others.
    """
    apart()
    m = anchor(m)
    base = _base_of(m, row)
    zero = splat(m, 0.0)
    maxima, rest = zero, (zero, zero)
    for k in range(row.count):
        number = read(x, k, row, -math.inf)
        at_top = number == m
        q, error = _argument(number, row, m)
        e, e_error = exp_pair(q, error, base)
        if keep:
            store(y, k * row.step, e)
        maxima = maxima + select(at_top, splat(m, 1.0), zero)
        rest = accumulate(rest, select(at_top, zero, e))
        rest = rest[0], rest[1] + select(at_top, zero, e_error)
    top = share_of_max(m, m, row)
    rest = divide_pairs(across_sum(rest, row.columns), top)
    return add_pairs(across_sum((maxima, zero), row.columns), rest), top
