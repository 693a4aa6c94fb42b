"""A row of numbers, as `count` vectors, a step apart: reading, writing, and bringing its lanes together."""

import math

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from .elementary import add_pairs
from .group import Columns, field, is_columns, step_of
from .memory import load, load_first, prefetch, prefetch_to_write, store, store_first
from .part import PART
from .shuffles import (
    exchange_1,
    exchange_2,
    exchange_4,
    exchange_8,
    narrowed_twice,
    widened_halves,
)
from .simd import inline, lanes, maximum, select, splat, splat_value, vector_of

# A row longer than a tile is taken in three phases: each block is folded, the blocks' states are
# merged, each block is mapped. A row that fits a tile is folded and mapped at once. Where rows have
# labels, what those want of their rows is done in the end.
WHOLE, FOLD, MERGE, MAP, LABEL = range(5)

# What lies in a group's room: states, and numbers of rows that are computed for all of them at once.
STATE_VECTORS = 13
STATES = 0
LIKES = STATE_VECTORS
BASES = LIKES + 1
SUMS = BASES + 3
FACTORS = SUMS + 4
DOUBTS = FACTORS + 3
ROOM = DOUBTS + 1  # vectors


def several(row):
    """The rows of a group as columns, of which only states are at hand; chosen by type, see below."""


@overload(several, jit_options={"forceinline": True, **PART})
def _several(row):
    if row.instance_class is Columns:
        return lambda row: row
    return lambda row: Columns(0, 0, 0, 0, row.phase, row.unit, row.wants_y, row.rates, row.room)


def _room(builder, row, value):
    """The pointer to a group's room."""
    return builder.extract_value(value, field(row, "room"))


def _at(builder, pointer, vector, place):
    """Where the vector at a place lies."""
    start = builder.mul(place, place.type(vector.count))
    return builder.gep(pointer, [start])


@intrinsic
def put(typing, row, place, value):
    """Leave a number of each row in the group's room."""

    def generate(context, builder, signature, args):
        vector = args[2].type
        start = _at(builder, _room(builder, row, args[0]), vector, args[1])
        builder.store(args[2], builder.bitcast(start, vector.as_pointer()), align=4)
        return context.get_dummy_value()

    return types.void(row, types.intp, value), generate


@intrinsic
def get(typing, row, place):
    kind = vector_of(row.types[field(row, "room")].dtype)

    def generate(context, builder, signature, args):
        vector = context.get_value_type(kind)
        start = _at(builder, _room(builder, row, args[0]), vector, args[1])
        return builder.load(builder.bitcast(start, vector.as_pointer()), align=4)

    return kind(row, types.intp), generate


@intrinsic
def put_row(typing, row, place, i, value):
    """Leave a number of the group's row i, which is in all lanes of `value`, or of all columns."""

    def generate(context, builder, signature, args):
        _, place, i, value = args
        start = _at(builder, _room(builder, row, args[0]), value.type, place)
        is_first = builder.icmp_signed("==", i, i.type(0))
        with builder.if_else(is_first) as (whole, one):
            with whole:  # in the lanes without a row, too
                builder.store(value, builder.bitcast(start, value.type.as_pointer()), align=4)
            with one:
                own = builder.extract_element(value, ir.IntType(32)(0))
                builder.store(own, builder.gep(start, [_lane(builder, row, args[0], i)]), align=4)
        return context.get_dummy_value()

    return types.void(row, types.intp, types.intp, value), generate


def _lane(builder, row, value, i):
    """The lane of a group's row i."""
    if row.instance_class is Columns:
        return i
    return builder.add(builder.extract_value(value, field(row, "first")), i)


@intrinsic
def in_own_lanes(typing, row, numbers, place, i):
    """The numbers at a place of the group's row i, in all lanes, or of all columns."""
    kind = vector_of(numbers.dtype)

    def generate(context, builder, signature, args):
        vector = context.get_value_type(kind)
        start = _at(builder, args[1], vector, args[2])
        if row.instance_class is Columns:
            return builder.load(builder.bitcast(start, vector.as_pointer()), align=4)
        own = builder.gep(start, [_lane(builder, row, args[0], args[3])])
        return splat_value(builder, vector, builder.load(own, align=4))

    return kind(row, numbers, types.intp, types.intp), generate


@inline
def get_row(row, place, i):
    """What is left in the room of the group's row i, in all lanes, or of all columns."""
    return in_own_lanes(row, row.room, place, i)


def _fetching(ask, field):
    """A function that asks for the numbers ahead of those at i; columns are fetched beforehand."""

    def fetching(pointer, i, row):
        """Chosen by type."""

    @overload(fetching, jit_options={"forceinline": True, **PART})
    def of(pointer, i, row):
        if row.instance_class is Columns:
            return lambda pointer, i, row: None
        if field == "ahead":
            return lambda pointer, i, row: ask(pointer, i + row.ahead)
        if field == "e_ahead":
            return lambda pointer, i, row: ask(pointer, i + row.e_ahead)
        return lambda pointer, i, row: ask(pointer, i + row.y_ahead)

    return fetching


fetch = _fetching(prefetch, "ahead")
fetch_target = _fetching(prefetch_to_write, "e_ahead")
fetch_result = _fetching(prefetch_to_write, "y_ahead")


@inline
def temperature_of(row):
    """t as a rounded number and its error."""
    return in_own_lanes(row, row.rates, 0, 0), in_own_lanes(row, row.rates, 1, 0)


@inline
def rate_of(row):
    """1/t as a rounded number and its error."""
    return in_own_lanes(row, row.rates, 2, 0), in_own_lanes(row, row.rates, 3, 0)


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
    i = k * step_of(row, x)
    if row.length - i >= lanes(x):
        return load(x, i)
    return load_first(x, i, row.length - i, splat(x, fill))


@inline
def write(y, k, row, value):
    """y's vector k = value, as far as the row goes."""
    i = k * step_of(row, y)
    if row.length - i >= lanes(y):
        store(y, i, value)
    else:
        store_first(y, i, row.length - i, value)


@inline
def across_max(m, row):
    if is_columns(row):
        return m
    return max_of_lanes(m)


@inline
def max_of_lanes(m):
    if lanes(m) == 16:
        m = maximum(exchange_8(m), m)
    m = maximum(exchange_4(m), m)
    m = maximum(exchange_2(m), m)
    return maximum(exchange_1(m), m)


@inline
def across_roughly(total, row):
    """The sum of all lanes, where its last digits do not matter."""
    if is_columns(row):
        return total
    if lanes(total) == 16:
        total = total + exchange_8(total)
    total = total + exchange_4(total)
    total = total + exchange_2(total)
    return total + exchange_1(total)


@inline
def across_sum(total, row):
    """The sum of all lanes, in all lanes; in float32 by way of float64, which holds a pair."""
    if is_columns(row):
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
