"""Folds over a row: its maximum, its sum of exponentials, a dot product.

A row lies in a tile as `count` vectors, `step` numbers apart. Either all lanes belong to one row
(a contiguous axis), or each lane is a row of its own (a strided axis, `row.columns`); the folds are
the same, only the last step, across the lanes, is left out in the second case.

A sum is a pair of numbers, the rounded sum and its error, so that nothing drifts.
"""

import math
from typing import NamedTuple

from . import elementary
from .elementary import (
    REACH,
    accumulate,
    accumulate_four,
    add_pairs,
    divide_pairs,
    exp_base,
    two_diff,
)
from .memory import load, prefetch, prefetch_to_write, store
from .simd import (
    exchange_1,
    exchange_2,
    exchange_4,
    exchange_8,
    first_lane,
    fma,
    inline,
    lanes,
    maximum,
    select,
    splat,
)

# A row longer than a tile is taken in three phases: each block is folded, the blocks' states are
# merged, each block is mapped. A row that fits a tile is folded and mapped at once.
WHOLE, FOLD, MERGE, MAP = range(4)


class Row(NamedTuple):
    """What a fold or a map needs to know of a row in a tile."""

    step: int
    count: int
    columns: bool
    phase: int
    unit: bool  # whether t == 1
    t: tuple[object, object]  # t and 1/t, each as a rounded number and its error
    rate: tuple[object, object]
    ahead: object  # where the next row lies in memory, fetched while this one is computed
    ahead_step: int
    target: object  # where the result will lie, fetched likewise
    target_step: int


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
    if columns:
        return total
    if lanes(total[0]) == 16:
        total = add_pairs(total, (exchange_8(total[0]), exchange_8(total[1])))
    total = add_pairs(total, (exchange_4(total[0]), exchange_4(total[1])))
    total = add_pairs(total, (exchange_2(total[0]), exchange_2(total[1])))
    return add_pairs(total, (exchange_1(total[0]), exchange_1(total[1])))


@inline
def row_max(x, row):
    """The maximum m of the row; NaN is passed over (the sum keeps it)."""
    a = b = c = d = splat(x, -math.inf)
    fours = row.count - row.count % 4
    for k in range(0, fours, 4):
        i = k * row.step
        a = maximum(load(x, i), a)
        b = maximum(load(x, i + row.step), b)
        c = maximum(load(x, i + 2 * row.step), c)
        d = maximum(load(x, i + 3 * row.step), d)
    for k in range(fours, row.count):
        a = maximum(load(x, k * row.step), a)
    return across_max(maximum(maximum(a, b), maximum(c, d)), row.columns)


@inline
def row_sum(v, row):
    """The sum of v over the row."""
    total = (splat(v, 0.0), splat(v, 0.0))
    fours = row.count - row.count % 4
    for k in range(0, fours, 4):
        i = k * row.step
        ab = load(v, i) + load(v, i + row.step)
        cd = load(v, i + 2 * row.step) + load(v, i + 3 * row.step)
        total = accumulate(accumulate(total, ab), cd)
    for k in range(fours, row.count):
        total = accumulate(total, load(v, k * row.step))
    return across_sum(total, row.columns)


@inline
def anchor(m):
    """m, or 0 for a row of -inf alone, where -inf - (-inf) would be NaN: the pair (-inf, 0)."""
    return select(m == -math.inf, splat(m, 0.0), m)


@inline
def shifted(x, m, row, unit):
    """(x - m)/t as a rounded number and its error."""
    d, error = two_diff(x, m)
    if unit:
        return d, error
    rate, rate_error = row.rate
    q = d * rate
    return q, fma(d, rate, q * -1.0) + fma(d, rate_error, error * rate)


@inline
def _over_t(x, row, unit):
    """x/t as a rounded number and its error."""
    if unit:
        return x, splat(x, 0.0)
    rate, rate_error = row.rate
    q = x * rate
    return q, fma(x, rate_error, fma(x, rate, q * -1.0))


@inline
def _origin(m, row):
    """What to subtract from x before exp: 0, or m where m/t is beyond the reach of exp.

    There x - m is exact for every x that matters, for those lie close to m.
    """
    q = m * row.rate[0]
    far = maximum(q, q * -1.0) > REACH(m)
    return select(far, m, splat(m, 0.0))


@inline
def _term(x, y, k, origin, base, row, keep, unit):
    """exp(x/t) over the base, with x for vector k; also kept in y."""
    i = k * row.step
    q, error = _over_t(x - origin, row, unit)
    e, error = elementary.exp(q, error, base)
    if keep:
        store(y, i, e)
    prefetch(row.ahead, k * row.ahead_step)
    if keep:
        prefetch_to_write(row.target, k * row.target_step)
    return e, error


@inline
def _exp_sum(x, y, m, row, keep, unit):
    m = anchor(m)
    origin = _origin(m, row)
    q, error = _over_t(m - origin, row, unit)
    base = exp_base(q)
    total = splat(m, 0.0), splat(m, 0.0)
    fours = row.count - row.count % 4
    for k in range(0, fours, 4):
        a, _ = _term(load(x, k * row.step), y, k, origin, base, row, keep, unit)
        b, _ = _term(load(x, (k + 1) * row.step), y, k + 1, origin, base, row, keep, unit)
        c, _ = _term(load(x, (k + 2) * row.step), y, k + 2, origin, base, row, keep, unit)
        d, _ = _term(load(x, (k + 3) * row.step), y, k + 3, origin, base, row, keep, unit)
        total = accumulate_four(total, a, b, c, d)
    for k in range(fours, row.count):
        a, _ = _term(load(x, k * row.step), y, k, origin, base, row, keep, unit)
        total = accumulate(total, a)
    return across_sum(total, row.columns), elementary.exp(q, error, base)


@inline
def exp_sum(x, y, m, row, keep):
    """(sum of e, e of the maximum), as pairs, with e = exp(x/t) over a power of two close to exp(m/t).

    With `keep` each e is left in y.
    """
    if row.unit:
        return _exp_sum(x, y, m, row, keep, True)
    return _exp_sum(x, y, m, row, keep, False)


@inline
def _split_sum(x, y, m, row, keep, unit):
    m = anchor(m)
    origin = _origin(m, row)
    q, error = _over_t(m - origin, row, unit)
    base = exp_base(q)
    maxima, rest = splat(m, 0.0), (splat(m, 0.0), splat(m, 0.0))
    for k in range(row.count):
        entry = load(x, k * row.step)
        at_top = entry == m
        e, e_error = _term(entry, y, k, origin, base, row, keep, unit)
        maxima = maxima + select(at_top, splat(m, 1.0), splat(m, 0.0))
        rest = accumulate(rest, select(at_top, splat(m, 0.0), e))
        rest = rest[0], rest[1] + select(at_top, splat(m, 0.0), e_error)
    maxima = across_sum((maxima, splat(m, 0.0)), row.columns)
    top = elementary.exp(q, error, base)
    return add_pairs(maxima, divide_pairs(across_sum(rest, row.columns), top)), top


@inline
def split_sum(x, y, m, row, keep):
    """(s, e of the maximum) as `exp_sum`, but with s = sum exp((x - m)/t) relative to the maximum.

    The maxima are counted apart, so that s - 1 is accurate where one entry outweighs all others.
    """
    if row.unit:
        return _split_sum(x, y, m, row, keep, True)
    return _split_sum(x, y, m, row, keep, False)


@inline
def reciprocal(total):
    """1/s as a rounded number and its error."""
    s, c = total
    h = 1.0 / s
    return h, (fma(h * -1.0, s, splat(s, 1.0)) - h * c) * h


@inline
def normalise(y, total, row):
    """y = exp((x - m)/t) becomes y/s."""
    h, error = reciprocal(total)
    for k in range(row.count):
        e = load(y, k * row.step)
        store(y, k * row.step, fma(e, h, e * error))


@inline
def pivot(x, v, m, row):
    """v at a maximum of the row: the p that tangents are measured from."""
    p = found = splat(x, 0.0)
    for k in range(row.count):
        hit = load(x, k * row.step) == m
        p = select(hit, load(v, k * row.step), p)
        found = select(hit, splat(x, 1.0), found)
    if row.columns:
        return p
    if lanes(p) == 16:
        p, found = _whichever(p, found, exchange_8(p), exchange_8(found))
    p, found = _whichever(p, found, exchange_4(p), exchange_4(found))
    p, found = _whichever(p, found, exchange_2(p), exchange_2(found))
    p, found = _whichever(p, found, exchange_1(p), exchange_1(found))
    return first_lane(p)


@inline
def _whichever(p, found, q, found_too):
    return select(found > 0.0, p, q), maximum(found, found_too)


@inline
def deviation(y, v, p, row):
    """<y, v - p> over the row."""
    total = (splat(y, 0.0), splat(y, 0.0))
    fours = row.count - row.count % 4
    for k in range(0, fours, 4):
        i = k * row.step
        ab = _product(y, v, p, i) + _product(y, v, p, i + row.step)
        cd = _product(y, v, p, i + 2 * row.step) + _product(y, v, p, i + 3 * row.step)
        total = accumulate(accumulate(total, ab), cd)
    for k in range(fours, row.count):
        total = accumulate(total, _product(y, v, p, k * row.step))
    return across_sum(total, row.columns)


@inline
def _product(y, v, p, i):
    return load(y, i) * (load(v, i) - p)
