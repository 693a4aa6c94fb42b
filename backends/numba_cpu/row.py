"""A row of numbers, as `count` vectors, a step apart: reading and writing them, and a group's room."""

import math

from numba import types
from numba.extending import intrinsic, overload

from .group import Columns, field, step_of
from .memory import load, load_first, prefetch, prefetch_to_write, store, store_first
from .part import PART
from .simd import LANES, inline, lanes, select, splat, splat_value, vector_of

# A row longer than a tile is taken in three phases: each block is folded, the blocks' states are
# merged, each block is mapped. A row that fits a tile is folded and mapped at once. Where rows have
# labels, what those want of their rows is done in the end.
WHOLE, FOLD, MERGE, MAP, LABEL = range(5)

# What lies in a group's room: states, and numbers of rows that are computed for all of them at once.
STATE_VECTORS = 13
STATES = 0
LIKES = STATE_VECTORS
BASES = LIKES + 1
FACTORS = BASES + 3
DOUBTS = FACTORS + 3
LANE_SUMS = DOUBTS + 1  # of each row
SUM_VECTORS = 3
ROOM = LANE_SUMS + SUM_VECTORS * max(LANES.values())  # vectors


def several(row):
    """The rows of a group as columns, of which only states are at hand; chosen by type, see below."""


@overload(several, jit_options={"forceinline": True, **PART})
def _several(row):
    if row.instance_class is Columns:
        return lambda row: row
    return lambda row: Columns(1, 0, 0, 0, row.phase, row.unit, row.wants_y, row.rates, row.room)


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


@inline
def put_lane_sums(row, i, sums):
    """Leave what each lane of row i has, until that of all rows is added up: that takes long for one row."""
    place = LANE_SUMS + SUM_VECTORS * i
    put(row, place, sums[0])
    put(row, place + 1, sums[1])
    put(row, place + 2, sums[2])


@inline
def get_lane_sums(row, i):
    place = LANE_SUMS + SUM_VECTORS * i
    return get(row, place), get(row, place + 1), get(row, place + 2)


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


def fetched_target(x, e, row):
    """e, if its lines are fetched ahead, or else x, whose lines are there anyway; chosen by type."""


@overload(fetched_target, jit_options={"forceinline": True, **PART})
def _fetched_target(x, e, row):
    if row.instance_class is Columns:
        return lambda x, e, row: e
    return lambda x, e, row: e if row.e_ahead > 0 else x


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


def read(x, k, row, fill):
    """Vector k of a row, `fill` in the lanes beyond its end; chosen by type, see below."""


def write(y, k, row, value):
    """y's vector k = value, as far as the row goes; chosen by type, see below."""


@overload(read, jit_options={"forceinline": True, **PART})
def _read(x, k, row, fill):
    if row.instance_class is Columns:
        return lambda x, k, row, fill: load(x, k * step_of(row, x))
    return _read_of_row


@overload(write, jit_options={"forceinline": True, **PART})
def _write(y, k, row, value):
    if row.instance_class is Columns:
        return lambda y, k, row, value: store(y, k * step_of(row, y), value)
    return _write_of_row


def _read_of_row(x, k, row, fill):
    i = k * step_of(row, x)
    if row.length - i >= lanes(x):
        return load(x, i)
    return load_first(x, i, row.length - i, splat(x, fill))


def _write_of_row(y, k, row, value):
    i = k * step_of(row, y)
    if row.length - i >= lanes(y):
        store(y, i, value)
    else:
        store_first(y, i, row.length - i, value)


@inline
def anchor(m):
    """m, or 0 for a row of -inf alone, where -inf - (-inf) would be NaN: the pair (-inf, 0)."""
    return select(m == -math.inf, splat(m, 0.0), m)
