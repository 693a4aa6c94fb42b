"""A row of numbers, as `count` vectors, `step` numbers apart, in memory or in a tile.

Either all lanes belong to one row (a contiguous axis), or each lane is a row of its own (a strided
axis, `columns`); folds are the same, only the last step, across the lanes, is left out in the second
case.
"""

import math
from typing import NamedTuple

from numba import types
from numba.extending import overload

from .elementary import add_pairs
from .memory import load, load_first, store, store_first
from .part import PART
from .shuffles import exchange_1, exchange_2, exchange_4, exchange_8, narrowed_twice, widened_halves
from .simd import inline, lanes, maximum, select, splat

# A row longer than a tile is taken in three phases: each block is folded, the blocks' states are
# merged, each block is mapped. A row that fits a tile is folded and mapped at once. Where rows have
# labels, what those want of their rows is done in the end.
WHOLE, FOLD, MERGE, MAP, LABEL = range(5)


class Row(NamedTuple):
    """What a fold or a map needs to know of a row."""

    step: int  # 0 where only the states of rows are at hand
    count: int
    whole: int  # vectors that the row fills
    length: int  # numbers from the first vector's first on that belong to the row
    columns: bool
    phase: int
    unit: bool  # whether t == 1 in the exponent
    wants_y: bool  # whether the result itself is wanted, beside its derivative
    rates: object  # where t and 1/t lie, each as a rounded number and its error
    ahead: int  # from x to what is fetched while this row is computed
    target: int  # from x to what is fetched to be written


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


@overload(_across_sum, jit_options={"forceinline": True, **PART})
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
def anchor(m):
    """m, or 0 for a row of -inf alone, where -inf - (-inf) would be NaN: the pair (-inf, 0)."""
    return select(m == -math.inf, splat(m, 0.0), m)
