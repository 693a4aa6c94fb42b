"""From segments to the kernels of `by_segments`: compilation on first use, tiles, threads."""

from functools import cache
from typing import Any

import numpy as np
from numba import from_dtype, types

from . import by_segments, slices
from .caching import cfunc
from .job import JOB, RATES
from .launch import aligned
from .layout import PAGE, ROW_BLOCK, SHORT_ROW
from .objects import data_of
from .row import ROOM, WHOLE
from .sharing import Work, run_slice
from .simd import ALIGNMENT, compute_type


@cache
def kernel(name: str, storage: types.Type):
    """The compiled kernel of an operation for one kind of number; its `address` is called."""
    numbers, computed = types.CPointer(storage), types.CPointer(compute_type(storage))
    offsets, job = types.CPointer(types.int64), types.CPointer(from_dtype(JOB))
    signature = types.void(
        *(numbers,) * 4, computed, offsets, computed, job, computed, *(types.intp,) * 3
    )
    return cfunc(signature, error_model="numpy")(getattr(by_segments, name))


def run(
    kernel: int,
    arrays: tuple[Any, Any, Any, Any],
    offsets: Any,
    temperatures: Any,
    lines: Any,
    threads: int,
    *,
    reduced: bool,
    unit: bool,
) -> None:
    """Run a kernel on x, v, y, dy, of which the last three may be empty.

    x and v are (entries, columns); y and dy are C-contiguous. `lines` holds numbers that rows have of
    their own, or none.
    """
    job = np.zeros(1, JOB)
    numbers = describe(
        job[0], arrays, offsets, temperatures.shape[1], lines.shape[1], reduced, unit
    )
    tile_bytes = -(-numbers * max(4, arrays[0].itemsize) // PAGE) * PAGE
    tiles = np.empty(tile_bytes * threads + ALIGNMENT, np.uint8)
    own = (offsets, temperatures, job, lines)
    pointers = (*map(data_of, arrays), aligned(tiles), *map(data_of, own))
    work = Work(kernel, 0, pointers, 1, False, tile_bytes, threads)
    entries, segments = len(arrays[0]), len(offsets) - 1
    for lo, hi in slices.cut(entries, arrays[0].size):
        # Each thread has about as many numbers as any other.
        cuts = np.searchsorted(offsets, lo + (hi - lo) * np.arange(threads + 1) // threads)
        cuts[0] = 0 if lo == 0 else cuts[0]
        cuts[-1] = segments if hi == entries else cuts[-1]
        run_slice(work, WHOLE, cuts[0], cuts[-1], data_of(cuts))


def describe(
    job: Any, arrays: Any, offsets: Any, rows_of_t: int, own_rows: int, reduced: bool, unit: bool
) -> int:
    """Fill in the job; return the numbers in a tile."""
    x, v, y, dy = arrays
    size, columns = x.itemsize, x.shape[1]
    vector = ALIGNMENT // max(4, size)
    job["inner"], job["rows"], job["unit"] = columns, rows_of_t, unit
    job["x_axis"], job["x_inner"] = (stride // size for stride in x.strides)
    job["v_axis"], job["v_inner"] = (stride // size for stride in v.strides)
    job["y_axis"], job["y_inner"] = columns, 1
    job["reads_v"], job["all"], job["reduced"] = v.size > 0, own_rows, reduced
    job["writes_y"], job["writes_dy"] = y.size > 0, dy.size > 0
    v_apart = v.size == 0 or job["v_axis"] == 1
    job["read_directly"] = size >= 4 and job["x_axis"] == 1 and v_apart
    job["write_directly"] = size >= 4 and columns == 1 and not reduced
    lengths = np.diff(offsets)
    longest = int(lengths.max(where=lengths <= ROW_BLOCK, initial=SHORT_ROW * vector))
    job["room"] = -(-longest // vector) * vector
    return 3 * int(job["room"]) + (2 * SHORT_ROW + 3 + ROOM + RATES) * vector
