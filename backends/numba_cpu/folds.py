"""Folds over a row that need no exponential: its maximum, its sum, a dot product."""

import math

from .elementary import accumulate
from .memory import load, store, store_first
from .row import across_max, across_sum, read
from .shuffles import exchange_1, exchange_2, exchange_4, exchange_8, first_lane
from .simd import absolute, apart, fma, inline, lanes, loop, maximum, select, splat


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
def reciprocal(total):
    """1/s as a rounded number and its error."""
    s, c = total
    h = 1.0 / s
    return h, (fma(h * -1.0, s, splat(s, 1.0)) - h * c) * h


@inline
def normalise(e, y, total, row):
    """y = e/s, with e = exp((x - m)/t)."""
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
def mean(y, v, row):
    """Each lane's <y, v>, <y, |v|> and maximum of y."""
    apart()
    zero = splat(y, 0.0)
    total, size = (zero, zero), zero
    m = n = splat(y, -math.inf)
    fours = row.whole - row.whole % 4
    for k in range(0, fours, 4):
        i = k * row.step
        a, b = load(y, i), load(y, i + row.step)
        c, d = load(y, i + 2 * row.step), load(y, i + 3 * row.step)
        m, n = maximum(a, maximum(b, m)), maximum(c, maximum(d, n))
        a, b = a * load(v, i), b * load(v, i + row.step)
        c, d = c * load(v, i + 2 * row.step), d * load(v, i + 3 * row.step)
        size = size + ((absolute(a) + absolute(b)) + (absolute(c) + absolute(d)))
        total = accumulate(total, (a + b) + (c + d))
    for k in range(fours, row.count):
        a = read(y, k, row, 0.0)
        m = maximum(a, m)
        a = a * read(v, k, row, 0.0)
        size = size + absolute(a)
        total = accumulate(total, a)
    return total, size, maximum(m, n)


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
