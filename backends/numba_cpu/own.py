"""The numbers that rows have of their own, as lines of all rows' numbers."""

from typing import NamedTuple

from .memory import load_first, offset, store_first, store_one
from .shuffles import first_lane, one_lane
from .simd import inline, splat

# What the lines hold: a cotangent; the class of each row and its share of the loss; what a kernel
# finds, the maximum, log s, and the loss itself. Where there are labels of all entries: their share
# of the loss, their total, and <labels, m - x>.
COTANGENT, CLASS, SHARE, MAXIMUM, LOG_SUM, LOSS, SHARE_OF_ALL, TOTAL, COST = range(9)
LINES, LINES_OF_ALL = 6, 9

MOST_CLASSES = 1 << 24  # that float32 can count


class Own(NamedTuple):
    """Where a row's own numbers lie, or those of as many rows as a vector has lanes."""

    lines: object
    all: int  # rows in all
    columns: bool  # whether each lane is a row of its own
    count: int  # rows


@inline
def own_of(lines, first, all_rows, columns, count):
    return Own(offset(lines, first), all_rows, columns, count)


@inline
def own_alone(own, i):
    """Those of one row of a group."""
    return Own(offset(own.lines, i), own.all, False, 1)


@inline
def of_rows(source, start, columns, count):
    """The numbers of neighbouring rows, one in each lane, or that of one row, in all lanes."""
    one = splat(source, 1.0)
    if columns:
        return load_first(source, start, count, one)
    return first_lane(load_first(source, start, 1, one))


@inline
def own_number(own, line):
    return of_rows(own.lines, line * own.all, own.columns, own.count)


@inline
def note(own, line, value):
    if own.columns:
        store_first(own.lines, line * own.all, own.count, value)
    else:
        store_one(own.lines, line * own.all, one_lane(value))
