"""Groups of rows, in memory or in a tile: what a fold or a map needs to know of them.

Either all lanes of a vector belong to one row (a contiguous axis, `Row`), or each lane is a row of its own
(a strided axis, `Columns`); folds are the same, only the last step, across the lanes, is left out in the
second case. What a fold leaves is the same again: the results of as many rows as a vector has lanes, each
in the lane of its row. So the rows of the first kind come in groups, one after the other.
"""

from typing import NamedTuple

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .simd import vector_of


class Row(NamedTuple):
    """What a fold or a map needs to know of a group of rows, whose numbers lie behind each other."""

    first: int  # the lane of the first row
    used: int  # rows
    x_step: int  # from a row to the next, in numbers
    v_step: int
    e_step: int
    y_step: int
    dy_step: int
    count: int
    whole: int  # vectors that a row fills
    length: int  # numbers from the first vector's first on that belong to the row
    phase: int
    unit: bool  # whether t == 1 in the exponent
    wants_y: bool  # whether the result itself is wanted, beside its derivative
    rates: object  # where t and 1/t lie, each as a rounded number and its error, in the lanes of their rows
    room: object
    ahead: int  # how far ahead of what is read the next numbers are fetched
    e_ahead: int  # and of what is written
    y_ahead: int


class Columns(NamedTuple):
    """The same of as many rows side by side as a vector has lanes."""

    vectors: int  # side by side: several where `product` takes them together
    step: int  # 0 where only the states of rows are at hand
    count: int
    whole: int
    phase: int
    unit: bool
    wants_y: bool
    rates: object
    room: object


@intrinsic
def is_columns(typing, row):
    columns = row.instance_class is Columns

    def generate(context, builder, signature, args):
        return context.get_constant(types.boolean, columns)

    return types.boolean(row), generate


def field(row, name):
    """The place of a field."""
    return row.instance_class._fields.index(name)


@intrinsic
def step_of(typing, row, x):
    """From a vector to the next, in numbers: a constant where those of a row lie behind each other."""
    behind = vector_of(x.dtype).lanes

    def generate(context, builder, signature, args):
        if row.instance_class is Columns:
            return builder.extract_value(args[0], field(row, "step"))
        return context.get_constant(types.intp, behind)

    return types.intp(row, x), generate


_OF_GROUP = ("first", "used", "x_step", "v_step", "e_step", "y_step", "dy_step")


@intrinsic
def group_of(typing, row):
    """(first lane, rows, x_step, v_step, e_step, y_step, dy_step)."""

    def generate(context, builder, signature, args):
        if row.instance_class is Columns:
            parts = [_WORD(number) for number in (0, 1, 0, 0, 0, 0, 0)]
        else:
            parts = [builder.extract_value(args[0], field(row, name)) for name in _OF_GROUP]
        return context.make_tuple(builder, signature.return_type, parts)

    return types.UniTuple(types.intp, len(_OF_GROUP))(row), generate


_WORD = ir.IntType(64)


@intrinsic
def alone(typing, row, i):
    """The group of its row i alone."""

    def generate(context, builder, signature, args):
        value, i = args
        if row.instance_class is Columns:
            return value
        first = builder.add(builder.extract_value(value, field(row, "first")), i)
        new = dict.fromkeys(_OF_GROUP, _WORD(0)) | {"first": first, "used": _WORD(1)}
        for name, number in new.items():
            value = builder.insert_value(value, number, field(row, name))
        return value

    return row(row, types.intp), generate


@intrinsic
def in_place(typing, row):
    """The same group where y takes the place of e."""

    def generate(context, builder, signature, args):
        value = args[0]
        if row.instance_class is Row:
            for name, of_e in (("y_step", "e_step"), ("y_ahead", "e_ahead")):
                own = builder.extract_value(value, field(row, of_e))
                value = builder.insert_value(value, own, field(row, name))
        return value

    return row(row), generate
