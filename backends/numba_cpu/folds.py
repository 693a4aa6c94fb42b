"""Folds over a row that need no exponential: its maximum and its sum; and what divides it by that."""

import math

from .across import across_max, across_sum
from .elementary import accumulate
from .group import group_of, step_of
from .memory import load, offset, store
from .row import FACTORS, fetch_result, get_row, put, read, write
from .simd import apart, fma, inline, loop, maximum, splat


@inline
def row_max(x, row):
    """The maximum m of the row; NaN is passed over (the sum keeps it)."""
    a = b = c = d = splat(x, -math.inf)
    step = step_of(row, x)
    fours = row.whole - row.whole % 4
    for k in range(0, fours, 4):
        i = k * step
        a = maximum(load(x, i), a)
        b = maximum(load(x, i + step), b)
        c = maximum(load(x, i + 2 * step), c)
        d = maximum(load(x, i + 3 * step), d)
    for k in range(fours, row.count):
        a = maximum(read(x, k, row, -math.inf), a)
    return across_max(maximum(maximum(a, b), maximum(c, d)), row)


@inline
def row_sum(v, row):
    """The sum of v over the row."""
    total = (splat(v, 0.0), splat(v, 0.0))
    step = step_of(row, v)
    fours = row.whole - row.whole % 4
    for k in range(0, fours, 4):
        i = k * step
        ab = load(v, i) + load(v, i + step)
        cd = load(v, i + 2 * step) + load(v, i + 3 * step)
        total = accumulate(accumulate(total, ab), cd)
    for k in range(fours, row.count):
        total = accumulate(total, read(v, k, row, 0.0))
    return across_sum(total, row)


@inline
def reciprocal(total):
    """1/s as a rounded number and its error."""
    s, c = total
    h = 1.0 / s
    return h, (fma(h * -1.0, s, splat(s, 1.0)) - h * c) * h


@loop
def normalise(e, y, total, row):
    """y = e/s for each row, with e = exp((x - m)/t)."""
    apart()
    h, error = reciprocal(total)
    put(row, FACTORS, h)
    put(row, FACTORS + 1, error)
    step, (_, used, _, _, e_step, y_step, _) = step_of(row, e), group_of(row)
    for i in range(used):
        own_e, own_y = offset(e, i * e_step), offset(y, i * y_step)
        h, error = get_row(row, FACTORS, i), get_row(row, FACTORS + 1, i)
        for k in range(row.whole):
            term = load(own_e, k * step)
            store(own_y, k * step, fma(term, h, term * error))
            fetch_result(own_y, k * step, row)
        for k in range(row.whole, row.count):
            term = read(own_e, k, row, 0.0)
            write(own_y, k, row, fma(term, h, term * error))
