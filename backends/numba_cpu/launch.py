"""From a call to its kernel: compilation on first use, tiles, threads."""

from functools import cache, lru_cache
from types import SimpleNamespace
from typing import Any

import numpy as np
from numba import from_dtype, types

from . import over_columns, over_rows, slices
from .caching import cfunc
from .job import JOB
from .layout import arrange
from .objects import data_of
from .row import FOLD, LABEL, MAP, MERGE, WHOLE
from .sharing import Work
from .sharing import run as run_work
from .simd import ALIGNMENT, compute_type
from .sweep import merge_blocks

# Beyond these 1/t leaves the range of float32, or its pair of numbers loses accuracy.
COLDEST, HOTTEST = 1e-30, 1e30


@cache
def kernel(name: str, storage: types.Type, columns: bool):
    """The compiled kernel of an operation for one kind of number; its `address` is called."""
    return _compiled(getattr(over_columns if columns else over_rows, name), storage)


@cache
def merging(computed: types.Type):
    """The kernel that merges the blocks of rows, for the numbers that are computed with."""
    return _compiled(merge_blocks, computed)


def _compiled(function: Any, storage: types.Type):
    numbers, computed = types.CPointer(storage), types.CPointer(compute_type(storage))
    job = types.CPointer(from_dtype(JOB))
    signature = types.void(
        *(numbers,) * 4, *(computed,) * 3, job, computed, types.intp, types.intp, types.intp
    )
    return cfunc(signature, error_model="numpy")(function)


class _Described:
    """A job, and the memory that it takes."""

    def __init__(self, job: Any, groups: int, tile_bytes: int, memo_bytes: int) -> None:
        self.array = np.array([tuple(vars(job).values())], JOB)
        self.groups, self.blocks = groups, job.blocks
        self.tile_bytes, self.memo_bytes = tile_bytes, memo_bytes


# What a job is told beside its arrays.
_OPTIONS = (
    "rows",
    "reads_v",
    "reduced",
    "labelled",
    "writes_y",
    "writes_dy",
    "unit",
    "given",
    "past",
    "threads",
    "keeps",
)


@lru_cache(maxsize=1024)
def _describe(
    shape: tuple[int, int, int], strides: tuple[Any, Any, Any], size: int, options: tuple[Any, ...]
) -> _Described:
    """The job of a kernel on arrays of this shape and these strides, in bytes."""
    job = SimpleNamespace(**dict.fromkeys(JOB.names or (), 0))
    x, v, y = ([step // size for step in own] for own in strides)
    job.x_outer, job.x_axis, job.x_inner = x
    job.v_outer, job.v_axis, job.v_inner = v
    job.y_outer, job.y_axis, job.y_inner = y
    for name, value in zip(_OPTIONS, options, strict=True):
        setattr(job, name, value)
    outer, n, inner = shape
    return _Described(job, *arrange(job, outer, n, inner, size))


def run(
    kernel: int,
    arrays: tuple[Any, Any, Any, Any],
    temperatures: Any,
    lines: Any,
    threads: int,
    *,
    reduced: bool,
    labelled: bool,
    unit: bool,
    given: bool,
    past: bool,
) -> None:
    """Run a kernel on (outer, n, inner) views x, v, y, dy; the last three may be empty.

    y and dy are C-contiguous. `temperatures` holds t, and its rounding error in its second line,
    once or for each row; `lines` what else rows have of their own.
    """
    x, v, y, dy = arrays
    places = tuple(map(data_of, arrays))
    reads_v, writes_y, writes_dy = (a.size > 0 for a in (v, y, dy))
    keeps = writes_y and places[0] != places[2]
    options = (
        temperatures.shape[1],
        reads_v,
        reduced,
        labelled,
        writes_y,
        writes_dy,
        unit,
        given,
        past,
        threads,
        keeps,
    )
    strides = x.strides, v.strides, (y if writes_y else dy).strides
    job = _describe(x.shape, strides, x.itemsize, options)
    tiles = np.empty(job.tile_bytes * threads + ALIGNMENT, np.uint8)
    memo = np.empty(job.memo_bytes, np.uint8)
    own = (memo, temperatures, job.array, lines)
    pointers = (*places, aligned(tiles), *map(data_of, own))
    merge = merging(from_dtype(temperatures.dtype)).address if job.blocks > 1 else 0
    work = Work(kernel, merge, pointers, job.blocks, labelled, job.tile_bytes, threads)
    groups, units = job.groups, job.groups * job.blocks
    if job.blocks == 1 or (groups >= threads and x.size <= groups * slices.AT_ONCE):
        run_work(work, WHOLE, groups, x.size)
        return
    run_work(work, FOLD, units, x.size)
    run_work(work._replace(kernel=merge, threads=1), MERGE, groups, x.size)
    run_work(work, MAP, units, x.size)
    if labelled:
        run_work(work._replace(threads=1), LABEL, groups, x.size)


def aligned(buffer: Any) -> int:
    """The first aligned address in a buffer."""
    return int(data_of(buffer) + ALIGNMENT - 1) & -ALIGNMENT
