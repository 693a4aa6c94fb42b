"""Means <y, v> of v under the weights y, and v less its mean to all digits, where the two cancel.

There v is measured from a pivot p: <y, v> = p + <y, v - p>, so v - <y, v> = (v - p) - <y, v - p>.
"""

import math

from .across import across_max, across_roughly, across_sum, no_sums, pairs_of, with_row, with_sum
from .elementary import FEW_PLACES, accumulate
from .group import group_of, is_columns, step_of
from .memory import load, load_like, offset
from .row import fetch, read
from .shuffles import exchange_1, exchange_2, exchange_4, exchange_8, first_lane
from .simd import (
    absolute,
    any_lane,
    apart,
    fma,
    inline,
    is_nan,
    lanes,
    loop,
    maximum,
    select,
    splat,
)
from .states import choose

# Columns of up to so many numbers have a pivot at once: one of a vector would want it anyway.
SOON_PIVOTED = 64
DOUBTED = 1.6


@loop
def peak(x, v, row):
    """(m, p): the maximum of x, and v at a maximum."""
    apart()
    a = b = c = d = splat(x, -math.inf), splat(x, 0.0)
    step = step_of(row, x)
    fours = row.whole - row.whole % 4
    for k in range(0, fours, 4):
        i = k * step
        a = _higher(a, load(x, i), load(v, i))
        b = _higher(b, load(x, i + step), load(v, i + step))
        c = _higher(c, load(x, i + 2 * step), load(v, i + 2 * step))
        d = _higher(d, load(x, i + 3 * step), load(v, i + 3 * step))
    for k in range(fours, row.count):
        a = _higher(a, read(x, k, row, -math.inf), read(v, k, row, 0.0))
    a = _higher(_higher(a, b[0], b[1]), *_higher(c, d[0], d[1]))
    if is_columns(row):
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


@inline
def pivot_of(mean, top, of_top):
    """v at the maximum of y, if that outweighs all others or v is its mean there, but for rounding; else the mean.

    So a v that is the same everywhere is exactly its pivot.
    """
    apart_by = absolute(of_top - mean)
    at_top = select(apart_by > absolute(mean) * FEW_PLACES(mean), splat(top, 0.0), splat(top, 1.0))
    at_top = select(top > 0.5, splat(top, 1.0), at_top)
    return select(at_top > 0.0, of_top, mean)


@loop
def deviation(y, v, p, row):
    """<y, v - p> over the row."""
    apart()
    total = (splat(y, 0.0), splat(y, 0.0))
    step = step_of(row, y)
    fours = row.whole - row.whole % 4
    for k in range(0, fours, 4):
        i = k * step
        ab = _product(y, v, p, i) + _product(y, v, p, i + step)
        cd = _product(y, v, p, i + 2 * step) + _product(y, v, p, i + 3 * step)
        total = accumulate(accumulate(total, ab), cd)
    for k in range(fours, row.count):
        product = read(y, k, row, 0.0) * (read(v, k, row, 0.0) - p)
        total = accumulate(total, product)
    return across_sum(total, row)


@inline
def _product(y, v, p, i):
    return load(y, i) * (load(v, i) - p)


@inline
def wants_pivot(a, size, top):
    """Where v - a may cancel: where an entry outweighs all others, or the mean is not small beside `size`.

    To look at a row again costs more than to fold it, and of short rows a sixth have means above half of
    `size`; up to 1/DOUBTED of it, the greatest errors found are no larger.
    Where all products are 0, as in lanes without a column, it may not.
    """
    a = absolute(a)
    most = select(top > 0.5, splat(a, math.inf), a * DOUBTED)
    doubt = select(most < size, splat(a, 0.0), splat(a, 1.0))
    return select(size == 0.0, splat(a, 0.0), doubt) > 0.0


@inline
def about_pivot(y, v, mean_of_v, a, wanted, row):
    """(p, <y, v - p>) where a pivot is wanted, else (0, a)."""
    p = splat(mean_of_v, 0.0)
    if any_lane(wanted):
        p = select(wanted, pivot_of(mean_of_v, *peak(y, v, row)), p)
        a = choose(wanted, deviation(y, v, p, row), a)
    return p, a


@inline
def pivoted(y, v, share, row):
    """(p, <y, v - p>, maximum of y) of columns; `share` is 1 over the sum of y."""
    a, size, top, _ = _mean(y, v, row, False)
    p, a = about_pivot(y, v, a[0] * share, a, wants_pivot(a[0], size, top), row)
    return p, a, top


@loop
def pivoted_mean(y, v, share, row):
    """The same."""
    apart()
    return pivoted(y, v, share, row)


@loop
def mean_of_columns(y, v, row):
    """(p, <y, v - p>) of columns whose y add up to 1."""
    apart()
    if row.count > SOON_PIVOTED:
        p, a, _ = pivoted(y, v, splat(y, 1.0), row)
        return p, a
    return soon_pivoted(y, v, splat(y, 0.0), row)


@inline
def soon_pivoted(y, v, zero, row):
    """The same of short columns, as many as `zero` has lanes."""
    step = step_of(row, y)
    mean, heavy = zero, splat(zero, math.nan)
    for k in range(row.count):
        weight, tangent = load_like(y, k * step, zero), load_like(v, k * step, zero)
        mean, heavy = fma(weight, tangent, mean), select(weight > 0.5, tangent, heavy)
    p = pivot_near(mean, load_like(v, 0, zero), heavy)
    total = zero, zero
    fours = row.count - row.count % 4
    for k in range(0, fours, 4):
        i = k * step
        ab = _two_below(y, v, p, i, i + step)
        total = accumulate(total, ab + _two_below(y, v, p, i + 2 * step, i + 3 * step))
    for k in range(fours, row.count):
        i = k * step
        total = accumulate(total, load_like(y, i, p) * (p - load_like(v, i, p)))
    return p, (zero - total[0], zero - total[1])


@inline
def _two_below(y, v, p, i, j):
    """Two terms of <y, p - v>: to subtract what lies in memory takes no instruction to load it."""
    first = load_like(y, i, p) * (p - load_like(v, i, p))
    return fma(load_like(y, j, p), p - load_like(v, j, p), first)


@inline
def pivot_near(mean, first, heavy):
    """`heavy`, unless that is NaN: v where y outweighs all others; else the mean, roughly.

    For the mean stands the first v where the two differ by rounding alone: so a v that is the same everywhere
    is exactly its pivot here, too.
    """
    near = absolute(first - mean) < absolute(mean) * FEW_PLACES(mean)
    return select(is_nan(heavy), select(near, first, mean), heavy)


@inline
def _mean(y, v, row, summed):
    """Each lane's <y, v>, <y, |v|>, maximum of y, and sum of y if wanted."""
    zero, step = splat(y, 0.0), step_of(row, y)
    total, size, of_all = (zero, zero), zero, (zero, zero)
    m = n = splat(y, -math.inf)
    fours = row.whole - row.whole % 4
    for k in range(0, fours, 4):
        i = k * step
        a, b = load(y, i), load(y, i + step)
        c, d = load(y, i + 2 * step), load(y, i + 3 * step)
        m, n = maximum(a, maximum(b, m)), maximum(c, maximum(d, n))
        if summed:
            of_all = accumulate(of_all, (a + b) + (c + d))
        a, b = a * load(v, i), b * load(v, i + step)
        c, d = c * load(v, i + 2 * step), d * load(v, i + 3 * step)
        for j in range(i, i + 4 * step, step):
            fetch(y, j, row)
            fetch(v, j, row)
        size = size + ((absolute(a) + absolute(b)) + (absolute(c) + absolute(d)))
        total = accumulate(total, (a + b) + (c + d))
    for k in range(fours, row.count):
        a = read(y, k, row, 0.0)
        m = maximum(a, m)
        if summed:
            of_all = accumulate(of_all, a)
        a = a * read(v, k, row, 0.0)
        size = size + absolute(a)
        total = accumulate(total, a)
    return total, size, maximum(m, n), of_all


@loop
def mean(y, v, y_step, row):
    """<y, v>, <y, |v|> and the maximum of y of each row."""
    apart()
    _, used, _, v_step, _, _, _ = group_of(row)
    sizes = peaks = splat(y, 0.0)
    sums = no_sums(sizes, row)
    for i in range(used):
        total, size, m, _ = _mean(offset(y, i * y_step), offset(v, i * v_step), row, False)
        sums = with_sum(sums, i, total, row)
        sizes = with_row(sizes, i, across_roughly(size, row), row)
        peaks = with_row(peaks, i, across_max(m, row), row)
    return pairs_of(sums, row), sizes, peaks


@inline
def mean_about_pivot(y, v, row):
    """(p, <y, v - p>) of one row; p is 0 where v - <y, v> does not cancel."""
    total, size, m, _ = _mean(y, v, row, False)
    p, a = splat(m, 0.0), across_sum(total, row)
    if any_lane(wants_pivot(a[0], across_roughly(size, row), m)):
        p = pivot_of(a[0], *peak(y, v, row))
        a = deviation(y, v, p, row)
    return p, a


@loop
def mean_and_sum(y, v, row):
    """What `mean` returns, of one row, and the sum of y."""
    apart()
    total, size, m, of_all = _mean(y, v, row, True)
    size, m = across_roughly(size, row), across_max(m, row)
    return across_sum(total, row), size, m, across_sum(of_all, row)
