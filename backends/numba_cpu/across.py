"""Bringing the lanes of a row's vectors together, and the numbers of a group's rows, each into its lane."""

from numba import types
from numba.extending import intrinsic, overload

from .elementary import add_pairs, pair_of
from .group import Columns, is_columns
from .memory import lanes_from
from .part import PART
from .shuffles import (
    exchange_1,
    exchange_2,
    exchange_4,
    exchange_8,
    twice,
    widened_halves,
)
from .simd import inline, lanes, maximum, splat, widen


@intrinsic
def with_row(typing, numbers, i, value, row):
    """`numbers` with that of the group's row i, which is in all lanes of `value`; or that of all columns.

    The lanes behind take it, too: so it is in all of them where the group is a row alone.
    """

    def generate(context, builder, signature, args):
        numbers, i, value, _ = args
        if row.instance_class is Columns:
            return value
        return builder.select(lanes_from(builder, value.type.count, i), value, numbers)

    return value(numbers, types.intp, value, row), generate


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
    """The sum of all lanes, where they are few or its last digits do not matter."""
    if is_columns(row):
        return total
    if lanes(total) == 16:
        total = total + exchange_8(total)
    total = total + exchange_4(total)
    total = total + exchange_2(total)
    return total + exchange_1(total)


@inline
def across_sum(total, row):
    """The sum of all lanes, in all lanes."""
    return pairs_of(with_sum(no_sums(total[0], row), 0, total, row), row)


def no_sums(like, row):
    """Where `with_sum` begins; these three are chosen by type, see below."""


def with_sum(sums, i, total, row):
    """`sums` with that of all lanes of `total` for the group's row i, as in `with_row`."""


def pairs_of(sums, row):
    """The sums of the group's rows, as pairs."""


def _added_in_float64(row, number):
    """Whether sums over lanes are, so that they hold a pair until those of all rows are at hand."""
    return row.instance_class is not Columns and number.element == types.float32


@overload(no_sums, jit_options={"forceinline": True, **PART})
def _no_sums(like, row):
    if _added_in_float64(row, like):
        return lambda like, row: widen(splat(like, 0.0))
    return lambda like, row: (splat(like, 0.0), splat(like, 0.0))


@overload(with_sum, jit_options={"forceinline": True, **PART})
def _with_sum(sums, i, total, row):
    if row.instance_class is Columns:
        return lambda sums, i, total, row: total
    if _added_in_float64(row, total[0]):
        return lambda sums, i, total, row: with_row(sums, i, _sum_in_float64(total), row)
    return lambda sums, i, total, row: _with_pair(sums, i, _sum_of_pairs(total), row)


@overload(pairs_of, jit_options={"forceinline": True, **PART})
def _pairs_of(sums, row):
    if isinstance(sums, types.BaseTuple):
        return lambda sums, row: sums
    return lambda sums, row: pair_of(sums, splat(row.room, 0.0))


@inline
def _sum_in_float64(total):
    a, b = widened_halves(total[0])
    c, d = widened_halves(total[1])
    wide = (a + b) + (c + d)
    wide = wide + exchange_4(wide)
    wide = wide + exchange_2(wide)
    return twice(wide + exchange_1(wide))


@inline
def _sum_of_pairs(total):
    total = add_pairs(total, (exchange_4(total[0]), exchange_4(total[1])))
    total = add_pairs(total, (exchange_2(total[0]), exchange_2(total[1])))
    return add_pairs(total, (exchange_1(total[0]), exchange_1(total[1])))


@inline
def _with_pair(sums, i, total, row):
    return with_row(sums[0], i, total[0], row), with_row(sums[1], i, total[1], row)
