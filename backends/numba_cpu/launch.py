"""From a call to its kernel: compilation on first use, tiles, threads."""

from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir
from numba import from_dtype, prange, types
from numba.extending import intrinsic

from . import over_columns, over_rows, slices
from .caching import cfunc, njit
from .job import JOB, RATES
from .row import FOLD, LABEL, MAP, MERGE, WHOLE
from .simd import compute_type, inline
from .stack import ALIGNMENT, address_of, job_on_stack
from .states import STATE_VECTORS
from .sweep import merge_blocks

PAGE = 4096
ROW_BLOCK = 1 << 15  # numbers of a row in a tile; fixed, for it orders the sums
ROWS_AT_ONCE = 2048  # numbers in the whole rows that make up a unit of work
SHORT_ROW = 64  # rows up to here are transposed, for their own lanes would stay half empty
COLUMN_BLOCK = 1024  # numbers of a column in a tile; likewise
COLUMN_VECTORS = 4  # vectors side by side in a tile

# For a function that Python calls, and C does not.
entry = njit(nogil=True, error_model="numpy", no_cfunc_wrapper=True)

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


@intrinsic
def call(typing, kernel, arguments, phase, lo, hi):
    """Call the kernel at an address with nine pointers, a phase, and a range of units."""

    def generate(context, builder, signature, args):
        address, pointers, *numbers = args
        pointer, word = ir.IntType(8).as_pointer(), ir.IntType(64)
        function_type = ir.FunctionType(ir.VoidType(), [pointer] * 9 + [word] * 3)
        function = builder.inttoptr(address, function_type.as_pointer())
        unpacked = [builder.inttoptr(builder.extract_value(pointers, i), pointer) for i in range(9)]
        builder.call(function, unpacked + numbers)
        return context.get_dummy_value()

    return types.void(kernel, arguments, phase, lo, hi), generate


@entry
def take_groups(kernel, merging, arguments, blocks, labelled, lo, hi):
    """Whole groups, one after the other."""
    if blocks == 1:
        call(kernel, arguments, WHOLE, lo, hi)
        return
    for group in range(lo, hi):
        call(kernel, arguments, FOLD, group * blocks, (group + 1) * blocks)
        call(merging, arguments, MERGE, group, group + 1)
        call(kernel, arguments, MAP, group * blocks, (group + 1) * blocks)
        if labelled:
            call(kernel, arguments, LABEL, group, group + 1)


@entry
def call_units(kernel, arguments, phase, lo, hi):
    call(kernel, arguments, phase, lo, hi)


@inline
def with_tile(arguments, tile):
    x, v, y, dy, first_tile, memo, temperatures, job, lines = arguments
    return x, v, y, dy, first_tile + tile, memo, temperatures, job, lines


@inline
def share_of(lo, hi, thread, threads):
    """What one of the threads takes of a range."""
    count = hi - lo
    return lo + count * thread // threads, lo + count * (thread + 1) // threads


@njit(parallel=True, nogil=True)
def _share_groups(kernel, merging, arguments, blocks, labelled, lo, hi, tile_bytes, threads):
    for thread in prange(threads):
        own = with_tile(arguments, thread * tile_bytes)
        first, last = share_of(lo, hi, thread, threads)
        take_groups(kernel, merging, own, blocks, labelled, first, last)


@njit(parallel=True, nogil=True)
def _share_units(kernel, arguments, phase, lo, hi, tile_bytes, threads):
    for thread in prange(threads):
        own = with_tile(arguments, thread * tile_bytes)
        call(kernel, own, phase, *share_of(lo, hi, thread, threads))


def take_units(
    kernel: int, arguments: Any, phase: int, units: int, numbers: int, tile_bytes: int, threads: int
) -> None:
    """One phase of all units, which hold so many numbers."""
    for lo, hi in slices.cut(units, numbers):
        if threads == 1:
            call_units(kernel, arguments, phase, lo, hi)
        else:
            _share_units(kernel, arguments, phase, lo, hi, tile_bytes, threads)


@intrinsic
def item_size(typing, x):
    """x.itemsize as a constant, by which to divide is cheap."""

    def generate(context, builder, signature, args):
        return context.get_constant(types.intp, x.dtype.bitwidth // 8)

    return types.intp(x), generate


@inline
def strides_of(x):
    """The strides of a 3-d array, in numbers."""
    size = item_size(x)
    outer, axis, inner = x.strides
    return outer // size, axis // size, inner // size


@inline
def parts(whole, size):
    """How many parts of a size make up the whole; most often one, found without a division."""
    return 1 if whole <= size else (whole + size - 1) // size


@entry
def keep_alive(tile, job):
    """Called last: Numba frees an array after its last use, and its address is none."""


@inline
def aligned(buffer):
    """The first aligned address in a buffer."""
    return (buffer.ctypes.data + ALIGNMENT - 1) & -ALIGNMENT


@inline
def lay_out(job, n, inner, columns, vector):
    """Cut `inner` rows of n numbers, side by side, into tiles and blocks."""
    job.n, job.inner, job.columns = n, inner, columns
    if columns:
        job.width = COLUMN_VECTORS * vector
        job.block = min(n, COLUMN_BLOCK)
        job.room = job.block * job.width + vector
    else:
        job.width = min(vector, max(1, ROWS_AT_ONCE // n))
        if job.reduced and n <= ROWS_AT_ONCE:
            job.width = vector  # so that one vector holds their results
        job.width = min(job.width, inner)
        job.block = min(n, ROW_BLOCK)
        vectors_of_row = parts(job.block, vector) + STATE_VECTORS
        job.room = (job.width * vectors_of_row + STATE_VECTORS) * vector
    job.tiles, job.blocks = parts(inner, job.width), parts(n, job.block)


@entry
def describe(job_array, x, v, y, dy, rows_of_t, reduced, labelled, unit, given, past):
    """Fill in the job; return its groups and blocks, and the bytes of a tile and of the memo."""
    job = job_array[0]
    outer, n, inner = x.shape
    job.x_outer, job.x_axis, job.x_inner = strides_of(x)
    job.v_outer, job.v_axis, job.v_inner = strides_of(v)
    job.y_outer, job.y_axis, job.y_inner = strides_of(y if y.size > 0 else dy)
    job.rows, job.unit, job.given, job.past = rows_of_t, unit, given, past
    job.reads_v, job.reduced, job.labelled = v.size > 0, reduced, labelled
    job.writes_y, job.writes_dy = y.size > 0, dy.size > 0
    job.keeps = job.writes_y and x.ctypes.data != y.ctypes.data
    groups, tile_bytes = arrange(job, outer, n, inner, item_size(x))
    memo_bytes = 0
    if job.blocks > 1:
        states = COLUMN_VECTORS if job.columns else 1
        memo_bytes = groups * job.blocks * states * STATE_VECTORS * ALIGNMENT
    return groups, job.blocks, tile_bytes, memo_bytes


@inline
def arrange(job, outer, n, inner, size):
    """Fill in how a job is done whose arrays are known; return its groups, and the bytes of a tile."""
    job.all = outer * inner
    compute_size = max(4, size)
    vector = ALIGNMENT // compute_size
    columns = True
    if inner == 1:
        # Rows lie behind each other; short ones are transposed into a tile of columns.
        outer, inner, columns = 1, outer, n <= SHORT_ROW
        job.x_inner, job.v_inner, job.y_inner = job.x_outer, job.v_outer, job.y_outer
    lay_out(job, n, inner, columns, vector)
    computed = size == compute_size
    v_apart = not job.reads_v or job.v_axis == 1
    job.read_directly = computed and job.x_axis == 1 and v_apart
    job.write_directly = computed and not job.reduced and not job.past
    job.prefetches_y = job.writes_y and not job.reduced and (columns or not job.past)
    alone = not job.reads_v and not job.labelled
    job.keeps = job.keeps and job.blocks > 1 and job.write_directly and alone
    parts_of_tile = 3 if job.reads_v or job.labelled else 1
    job.e_part = (parts_of_tile - 1) * job.room
    tile_bytes = parts((job.room * parts_of_tile + RATES * vector) * compute_size, PAGE) * PAGE
    return outer * job.tiles, tile_bytes


@entry
def addresses(x, v, y, dy, tiles, memo, temperatures, job, lines):
    return (
        x.ctypes.data,
        v.ctypes.data,
        y.ctypes.data,
        dy.ctypes.data,
        aligned(tiles),
        memo.ctypes.data,
        temperatures.ctypes.data,
        job.ctypes.data,
        lines.ctypes.data,
    )


@entry
def run_alone(kernel, merging, arrays, temperatures, lines, reduced, labelled, unit, given, past):
    """`run` on the caller's thread."""
    x, v, y, dy = arrays
    job, rows_of_t = np.empty(1, JOB), temperatures.shape[1]
    groups, blocks, tile_bytes, memo_bytes = describe(
        job, x, v, y, dy, rows_of_t, reduced, labelled, unit, given, past
    )
    tile, memo = np.empty(tile_bytes + ALIGNMENT, np.uint8), np.empty(memo_bytes, np.uint8)
    arguments = addresses(x, v, y, dy, tile, memo, temperatures, job, lines)
    take_groups(kernel, merging, arguments, blocks, labelled, 0, groups)
    keep_alive((tile, memo, temperatures), (x, v, y, dy, job, lines))


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
    _, n, inner = arrays[0].shape
    numbers = arrays[0].size
    is_cut = n > (ROW_BLOCK if inner == 1 else COLUMN_BLOCK)
    merge = merging(from_dtype(temperatures.dtype)).address if is_cut else 0
    if threads == 1 and numbers <= slices.AT_ONCE:
        run_alone(kernel, merge, arrays, temperatures, lines, reduced, labelled, unit, given, past)
        return
    # Not compiled as a whole: a cached caller of a parallel function fails when it is loaded.
    job = np.empty(1, JOB)
    groups, blocks, tile_bytes, memo_bytes = describe(
        job, *arrays, temperatures.shape[1], reduced, labelled, unit, given, past
    )
    tiles = np.empty(tile_bytes * threads + ALIGNMENT, np.uint8)
    memo = np.empty(memo_bytes, np.uint8)
    arguments = addresses(*arrays, tiles, memo, temperatures, job, lines)
    if blocks == 1 or (groups >= threads and numbers <= groups * slices.AT_ONCE):
        for lo, hi in slices.cut(groups, numbers):
            if threads == 1:
                take_groups(kernel, merge, arguments, blocks, labelled, lo, hi)
            else:
                _share_groups(
                    kernel, merge, arguments, blocks, labelled, lo, hi, tile_bytes, threads
                )
    else:
        units = groups * blocks
        take_units(kernel, arguments, FOLD, units, numbers, tile_bytes, threads)
        call_units(merge, arguments, MERGE, 0, groups)
        take_units(kernel, arguments, MAP, units, numbers, tile_bytes, threads)
        if labelled:
            call_units(kernel, arguments, LABEL, 0, groups)


@inline
def describe_rows(job, size, n, step, rows, reduced, past):
    """`describe` for contiguous rows at t = 1, none of which is cut into blocks: a tile's bytes."""
    job.x_outer, job.x_axis = n, step
    job.y_outer, job.y_axis = 1 if reduced else n, 1
    job.rows = job.unit = job.writes_y = 1
    job.reduced, job.past = reduced, past
    return arrange(job, rows, n, 1, size)[1] + ALIGNMENT


@entry
def take_rows(kernel, temperature, rows_of_arrays, past, lo, hi):
    """`run` for rows that `describe_rows` takes, on the caller's thread and with little ado."""
    x, y, size, n, step, reduced = rows_of_arrays
    x, y, rows = x + lo * n * size, y + (lo if reduced else lo * n) * size, hi - lo
    job = job_on_stack()
    memory = np.empty(describe_rows(job, size, n, step, rows, reduced, past), np.uint8)
    tile = aligned(memory)
    arguments = x, x, y, y, tile, tile, temperature, address_of(job), tile
    call(kernel, arguments, WHOLE, 0, job.tiles)
    keep_alive(memory, memory)


@entry
def rows_of(x, y):
    """What `take_rows` needs to know of its arrays, which the caller keeps."""
    n, size = x.shape[-1], item_size(x)
    step = 1 if x.ndim > 1 else x.strides[-1] // size
    return x.ctypes.data, y.ctypes.data, size, n, step, y.size < x.size


@njit(parallel=True, nogil=True)
def share_rows(kernel, temperature, rows_of_arrays, past, lo, hi, threads):
    """`take_rows` on several threads."""
    for thread in prange(threads):
        first, last = share_of(lo, hi, thread, threads)
        take_rows(kernel, temperature, rows_of_arrays, past, first, last)
