"""Folds over a row that need no exponential: its maximum, its sum, a dot product."""

import math

from .across import across_max, across_roughly, across_sum, no_sums, pairs_of, with_row, with_sum
from .elementary import accumulate
from .group import group_of, is_columns, step_of
from .memory import load, offset, store
from .row import FACTORS, fetch, fetch_result, get_row, put, read, write
from .shuffles import exchange_1, exchange_2, exchange_4, exchange_8, first_lane
from .simd import absolute, apart, fma, inline, lanes, loop, maximum, select, splat


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


@loop
def peak(x, v, row):
    """(m, p): the maximum of x, and v at a maximum, the pivot that tangents are measured from."""
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


@loop
def rough_mean(y, v, row):
    """Of columns <y, v>, but for its last digits, and `peak`."""
    apart()
    zero, step = splat(y, 0.0), step_of(row, y)
    sums = zero, zero
    tops = (splat(y, -math.inf), zero), (splat(y, -math.inf), zero)
    twos = row.count - row.count % 2
    for k in range(0, twos, 2):
        i = k * step
        weight, tangent = load(y, i), load(v, i)
        next_weight, next_tangent = load(y, i + step), load(v, i + step)
        sums = fma(weight, tangent, sums[0]), fma(next_weight, next_tangent, sums[1])
        tops = (
            _higher(tops[0], weight, tangent),
            _higher(tops[1], next_weight, next_tangent),
        )
    if twos < row.count:
        weight, tangent = load(y, twos * step), load(v, twos * step)
        sums = fma(weight, tangent, sums[0]), sums[1]
        tops = _higher(tops[0], weight, tangent), tops[1]
    m, p = _higher(tops[0], *tops[1])
    return sums[0] + sums[1], m, p


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


@loop
def mean_and_sum(y, v, row):
    """The same of one row, and the sum of y."""
    apart()
    total, size, m, of_all = _mean(y, v, row, True)
    size, m = across_roughly(size, row), across_max(m, row)
    return across_sum(total, row), size, m, across_sum(of_all, row)


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
