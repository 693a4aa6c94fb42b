"""What a kernel is told of its arrays, and where each unit of work lies in them.

A unit of work is one block of one group; a group is a few rows, or where the axis is strided as many
neighbouring columns as make a tile, each lane a row of its own.
"""

from typing import NamedTuple

import numpy as np

from .folds import reciprocal
from .memory import store
from .own import of_rows
from .simd import apart, inline, lanes, loop, select, splat

JOB = np.dtype(
    [
        (name, np.intp)
        for name in (
            "n",  # numbers in a row
            "columns",  # whether the lanes of a vector are rows of their own
            "inner",  # rows side by side
            "width",  # rows side by side in a tile
            "tiles",  # tiles that make up `inner`
            "block",  # numbers of a row in a tile
            "blocks",  # blocks of a row
            "room",  # numbers in each of a tile's three parts
            "e_part",  # where exponentials lie in a tile
            "x_outer",  # strides, in numbers
            "x_axis",
            "x_inner",
            "v_outer",
            "v_axis",
            "v_inner",
            "y_outer",
            "y_axis",
            "y_inner",
            "rows",  # temperatures, one a row, or 1 for all
            "unit",  # whether each of them is 1 (in the exponent)
            "reads_v",  # whether there is a tangent or cotangent, or labels of every entry
            "reduced",  # whether results are one number a row
            "labelled",  # whether rows have labels
            "all",  # rows in all: numbers in each of the lines
            "writes_y",
            "writes_dy",
            "given",  # whether x holds softmax(x) already
            "past",  # whether results go past the cache
            "read_directly",  # whether rows are read where they lie, and not copied to a tile
            "write_directly",  # whether results are written where they shall lie
            "threads",  # that share the call
            "keeps",  # whether exponentials are kept, in y or else in the tile, until their sum is known
            "ahead",  # how many vectors ahead of the one at hand rows are fetched
            "fetches_results",  # whether their lines are, before they are written
        )
    ]
)


RATES = 4  # vectors at the start of a tile, for t and 1/t


class Place(NamedTuple):
    """Where a unit of work lies."""

    outer: int
    tile: int
    block: int


@inline
def place_of(unit, job):
    if unit == 0:
        return Place(0, 0, 0)
    group = unit // job.blocks
    return Place(group // job.tiles, group % job.tiles, unit % job.blocks)


@inline
def place_after(place, job):
    """The next unit's place, without the divisions, which would cost more than a short row."""
    outer, tile, block = place
    block += 1
    if block == job.blocks:
        block = 0
        tile += 1
        if tile == job.tiles:
            tile = 0
            outer += 1
    return Place(outer, tile, block)


@inline
def start_of(place, job, outer_stride, axis_stride, inner_stride):
    return (
        place.outer * outer_stride
        + place.block * job.block * axis_stride
        + place.tile * job.width * inner_stride
    )


@loop
def set_temperature(rates, temperatures, start, columns, count, rows):
    """Note t and 1/t of the rows from `start`, each as a rounded number and its error."""
    apart()
    w = lanes(rates)
    t = of_rows(temperatures, start, columns, count)
    t_error = select(t == 1.0, splat(t, 0.0), of_rows(temperatures, start + rows, columns, count))
    rate, rate_error = reciprocal((t, t_error))
    store(rates, 0, t)
    store(rates, w, t_error)
    store(rates, 2 * w, rate)
    store(rates, 3 * w, rate_error)


@inline
def states_of_unit(job, w):
    """How many states the rows of one unit of work have."""
    width = min(job.width, job.inner)
    return (width + w - 1) // w if job.columns else width
