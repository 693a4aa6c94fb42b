"""The product of softmax's Jacobian with v where y is given: whole rows, each as soon as its mean is known."""

import math

from numba.extending import overload

from .across import across_max, across_roughly
from .group import Columns, alone, group_of, step_of
from .means import SOON_PIVOTED, mean_about_pivot, pivot_near, pivoted, soon_pivoted
from .memory import load, load_first, load_like, offset, store, store_first
from .part import PART
from .row import fetch_result, rate_of, read, write
from .shuffles import dot, first_lane, largest_part, repeated, twice
from .simd import any_lane, apart, inline, lanes, loop, select, splat


def product_given(y, v, dy, row):
    """dy = y ((v - p) - a) / t; chosen by type, see below."""


@overload(product_given, jit_options={"forceinline": True, **PART})
def _product_by_type(y, v, dy, row):
    if row.instance_class is Columns:
        return lambda y, v, dy, row: _product_of_columns(y, v, dy, row)
    return lambda y, v, dy, row: _product_of_rows(y, v, dy, row)


@loop
def _product_of_columns(y, v, dy, row):
    apart()
    w, zero, rate = lanes(y), splat(y, 0.0), rate_of(row)[0]
    if row.count > SOON_PIVOTED:
        p, a, _ = pivoted(y, v, splat(y, 1.0), row)
        weighted(y, v, dy, p, a[0] + a[1], rate, row)
        return
    end = row.vectors * w
    twos = end - end % (2 * w)
    for i in range(0, twos, 2 * w):
        _short_columns(offset(y, i), offset(v, i), offset(dy, i), twice(zero), twice(rate), row)
    if twos < end:
        _short_columns(offset(y, twos), offset(v, twos), offset(dy, twos), zero, rate, row)


@inline
def _short_columns(y, v, dy, zero, rate, row):
    """As many columns as `zero` has lanes."""
    step = step_of(row, y)
    p, a = soon_pivoted(y, v, zero, row)
    below = zero - (a[0] + a[1])
    for k in range(row.count):
        i = k * step
        store(dy, i, load_like(y, i, p) * (below - (p - load_like(v, i, p))) * rate)


@loop
def _product_of_rows(y, v, dy, row):
    apart()
    zero = splat(y, 0.0)
    if row.count == 1:
        _short_rows(y, v, dy, zero, row)
    elif row.count == 2:
        _short_rows(y, v, dy, twice(zero), row)
    elif row.count <= 4:
        _short_rows(y, v, dy, twice(twice(zero)), row)
    else:
        _long_rows(y, v, dy, row)


@inline
def _short_rows(y, v, dy, zero, row):
    """Rows that a vector as long as `zero` holds, in registers from the first to the last step."""
    _, used, _, v_step, y_step, _, dy_step = group_of(row)
    n = row.length
    for i in range(used):
        weight = load_first(y, i * y_step, n, zero)
        tangent = load_first(v, i * v_step, n, zero)
        mean = across_roughly(dot(weight, tangent), row)
        p = pivot_near(mean, first_lane(repeated(tangent, mean)), splat(mean, math.nan))
        if any_lane(largest_part(weight) > 0.5):
            heavy = select(weight > 0.5, tangent, splat(tangent, -math.inf))
            p = across_max(largest_part(heavy), row)
        tangent = tangent - repeated(p, zero)
        a = repeated(across_roughly(dot(weight, tangent), row), zero)
        rate = repeated(rate_of(alone(row, i))[0], zero)
        store_first(dy, i * dy_step, n, weight * (tangent - a) * rate)


@inline
def _long_rows(y, v, dy, row):
    _, used, _, v_step, y_step, _, dy_step = group_of(row)
    for i in range(used):
        own_y, own_v, it = offset(y, i * y_step), offset(v, i * v_step), alone(row, i)
        p, a = mean_about_pivot(own_y, own_v, it)
        weighted(own_y, own_v, offset(dy, i * dy_step), p, a[0] + a[1], rate_of(it)[0], row)


@inline
def weighted(y, v, dy, p, a, rate, row):
    """dy of one row or of columns."""
    step = step_of(row, y)
    for k in range(row.whole):
        i = k * step
        store(dy, i, load(y, i) * ((load(v, i) - p) - a) * rate)
        fetch_result(dy, i, row)
    for k in range(row.whole, row.count):
        write(dy, k, row, read(y, k, row, 0.0) * ((read(v, k, row, 0.0) - p) - a) * rate)
