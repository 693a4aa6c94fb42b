"""The calls that most callers make, on contiguous arrays of one kind, as functions that CPython calls.

Python takes longer to look at such a call than a kernel does to compute few numbers. Here Numba
compiles the look as a C function of CPython's kind, which reads NumPy's arrays as C does.
"""

from functools import cache

import numpy as np
from numba import types

from .caching import cfunc
from .calling import call, take_groups
from .launch import COLDEST, HOTTEST
from .layout import are_short, arrange
from .objects import (
    ALIGNED,
    CONTIGUOUS,
    WRITEABLE,
    add_reference,
    allocate,
    array_at,
    as_float,
    as_int,
    call_c,
    doubles_at,
    drop_reference,
    free,
    function_at,
    let_go,
    new_tuple,
    no_memory,
    put_in_tuple,
    singles_at,
    take_back,
)
from .plain_arrays import (
    count_of,
    has_shape,
    has_steps,
    lies_apart,
    part,
    reduced_shape,
    step_of,
)
from .row import FOLD, MAP, MERGE, WHOLE
from .sharing import WORK, share
from .simd import ALIGNMENT
from .stack import address_of, bytes_on_stack, job_on_stack, record_on_stack
from .threads import WORTH_SHARING

# Below this many numbers, to let go of the GIL would take longer than the kernel does.
_FEW = 1 << 11

_ON_STACK = 1 << 14  # bytes of a tile
PAST_CACHE = 1 << 25  # bytes of results that are written past the cache: they would not stay in it
_SHAPE = 64 * 8  # bytes, of the most axes that NumPy knows

_work_on_stack = record_on_stack(WORK)


@part
def _axes(x, axis, f):
    """The first axis of a row and the one behind its last; the same one if `axis` is no such axis."""
    if axis == f.none:
        return 0, x.ndim
    kind = array_at(axis).type
    if kind != f.int and kind != f.int64:
        return 0, 0
    k = as_int(axis, 0)
    if k < 0:
        k += x.ndim
    return (k, k + 1) if 0 <= k < x.ndim else (0, 0)


@part
def _kernel_of(x, n, inner, f):
    """The kernel, and the size of a number."""
    size = 8 if x.kind == f.float64 else 4 if x.kind == f.float32 else 2
    columns = inner > 1 or are_short(n, size, f.reads_v and not f.per_row, f.given)
    if x.kind == f.float32:
        return f.columns_float32 if columns else f.rows_float32, size
    if x.kind == f.float64:
        return f.columns_float64 if columns else f.rows_float64, size
    if x.kind == f.float16:
        return f.columns_float16 if columns else f.rows_float16, size
    if x.kind == f.bfloat16:
        return f.columns_bfloat16 if columns else f.rows_bfloat16, size
    return 0, 1


@part
def _takes(given, x, v, counts, size, result, f):
    """Whether a kernel that reads x and v can write results to `given` right away, if it is."""
    if given == f.none:
        return True
    out, wanted, (numbers, rows) = array_at(given), CONTIGUOUS | ALIGNED | WRITEABLE, counts
    if out.type != x.type or out.kind != x.kind or out.flags & wanted != wanted:
        return False
    results = rows if f.reduced else numbers
    if not lies_apart(out, results, x, numbers, size, True):
        return False
    of_v = rows if f.per_row else numbers
    if f.reads_v and not lies_apart(out, results, v, of_v, size, not f.per_row):
        return False
    return has_shape(out, result[0], result[1])


@part
def _are_apart(y, dy, results, size, f):
    """Whether two arrays for results, if both are given, have memory of their own."""
    if y == f.none or dy == f.none:
        return True
    return lies_apart(array_at(dy), results, array_at(y), results, size, False)


@part
def _fits(v, x, whole, per_row, size, f):
    """Whether v is numbers like those of x, one each or one a row."""
    if not has_steps(v, f) or v.kind != x.kind:
        return False
    if f.per_row:
        behind = size > 2 and v.flags & CONTIGUOUS != 0  # 16 bits are not computed in
        return behind and has_shape(v, per_row[0], per_row[1])
    return has_shape(v, whole[0], whole[1])


@part
def _describe(job, sizes, size, x, v, y, unit, threads, f):
    """`launch.describe` for arrays that are plain: groups, and the bytes of a tile and of blocks' states."""
    outer, n, inner = sizes
    tangent = f.reads_v and not f.per_row
    job.x_outer, job.x_axis, job.x_inner = n * inner, inner * step_of(x, size), 1
    job.y_outer, job.y_axis, job.y_inner = (inner if f.reduced else n * inner), inner, 1
    if tangent:
        job.v_outer, job.v_axis, job.v_inner = n * inner, inner * step_of(v, size), 1
    bytes_of_results = (f.writes_y + f.writes_dy) * (1 if f.reduced else n) * outer * inner * size
    job.rows, job.unit, job.given, job.past = 1, unit, f.given, bytes_of_results > PAST_CACHE
    job.reads_v, job.reduced = tangent, f.reduced
    job.writes_y, job.writes_dy = f.writes_y, f.writes_dy
    job.threads = max(1, threads)
    job.keeps = f.writes_y and (y == f.none or array_at(y).data != x.data)
    return arrange(job, outer, n, inner, size)


@part
def _write_temperature(place, t, size):
    """t and its rounding error, as numbers computed with."""
    if size == 8:
        doubles_at(place)[0], doubles_at(place)[1] = t, 0.0
        return
    rounded = np.float32(t)
    singles_at(place)[0] = rounded
    singles_at(place)[1] = np.float32(t - np.float64(rounded))


@part
def _place(given, wanted, result, x, f):
    """Where to write, one reference more: `given` or a new array; `none` where nothing is."""
    if given != f.none or not wanted:
        add_reference(given)
        return given
    add_reference(x.kind)
    return call_c(f.empty, (result[0], result[1], x.kind, 0))


@part
def _as_result(y, given, ndim, f):
    """A new array without axes as a number, as NumPy returns it."""
    return call_c(f.returned, (y,)) if ndim == 0 and y != given else y


@part
def _run(kernels, pointers, job, groups, threads, tile_bytes, f):
    kernel, merging = kernels
    if job.all * job.n < _FEW:
        call(kernel, pointers, WHOLE, 0, groups)
        return
    thread = let_go()
    if threads == 1 or groups * job.blocks == 1:
        take_groups(kernel, merging, pointers, job.blocks, False, 0, groups)
    elif job.blocks == 1 or groups >= threads:
        _share(kernels, pointers, job.blocks, WHOLE, groups, threads, tile_bytes, f)
    else:
        units = groups * job.blocks
        _share(kernels, pointers, job.blocks, FOLD, units, threads, tile_bytes, f)
        call(merging, pointers, MERGE, 0, groups)
        _share(kernels, pointers, job.blocks, MAP, units, threads, tile_bytes, f)
    take_back(thread)


@part
def _share(kernels, pointers, blocks, phase, units, threads, tile_bytes, f):
    work = _work_on_stack()
    work.kernel, work.merging = kernels
    work.phase, work.last, work.blocks = phase, units, blocks
    work.x, work.v, work.y, work.dy, work.tile = pointers[:5]
    work.memo, work.temperatures, work.job, work.lines = pointers[5:]
    work.threads, work.tile_bytes = threads, tile_bytes
    share(f.parallel_for, f.part, address_of(work), threads)


@part
def _answer(x, v, y, dy, look, f):
    """The result; None if the call is not plain; 0 where there is an exception instead."""
    axis, keepdims, temperature, where, threads = look
    is_float = array_at(temperature).type == f.float
    t = as_float(temperature) if is_float else 0.0
    if where != f.none or not COLDEST <= t <= HOTTEST or not has_steps(x, f):
        return f.none
    first, last = _axes(x, axis, f)
    sizes = count_of(x, 0, first), count_of(x, first, last), count_of(x, last, x.ndim)
    kernel, size = _kernel_of(x, sizes[1], sizes[2], f)
    if kernel == 0 or first == last or (keepdims != f.true and keepdims != f.false):
        return f.none
    rows = sizes[0] * sizes[2]
    numbers = rows * sizes[1]
    if numbers == 0 or (numbers >= WORTH_SHARING and threads == 0):
        return f.none
    whole, per_row = (np.intp(x.ndim), x.shape), (0, bytes_on_stack(_SHAPE))
    if f.reduced or f.per_row:
        ndim = reduced_shape(x, first, last, keepdims == f.true, per_row[1])
        per_row = ndim, per_row[1]
    if f.reads_v and not _fits(v, x, whole, per_row, size, f):
        return f.none
    result, counts = per_row if f.reduced else whole, (numbers, rows)
    for given in (y, dy):
        if not _takes(given, x, v, counts, size, result, f):
            return f.none
    if (
        f.writes_y
        and f.writes_dy
        and not _are_apart(y, dy, rows if f.reduced else numbers, size, f)
    ):
        return f.none
    job = job_on_stack()
    unit = t == 1.0 or f.log_given != 0
    groups, tile_bytes, memo_bytes = _describe(job, sizes, size, x, v, y, unit, threads, f)
    merging = f.merging_float64 if size == 8 else f.merging_float32
    if job.blocks > 1 and merging == 0:
        return f.none
    pair = bytes_on_stack(ALIGNMENT)
    _write_temperature(pair, t, size)
    room = max(1, threads), tile_bytes, memo_bytes
    return _results((kernel, merging), x, v, (y, dy), (pair, result, groups), room, job, f)


@part
def _results(kernels, x, v, given, rest, room, job, f):
    """Run the kernel: its result or results, or 0 where there is an exception instead."""
    (pair, result, groups), (threads, tile_bytes, memo_bytes) = rest, room
    needed = tile_bytes * threads + memo_bytes + ALIGNMENT
    memory = bytes_on_stack(_ON_STACK) if needed <= _ON_STACK else allocate(needed)
    if memory == 0:
        return no_memory()
    y = _place(given[0], f.writes_y, result, x, f)
    dy = _place(given[1], f.writes_dy, result, x, f)
    if y != 0 and dy != 0:
        tile = (memory + ALIGNMENT - 1) & -ALIGNMENT
        lines = v.data if f.per_row else tile
        places = array_at(y).data, array_at(dy).data
        memo = tile + tile_bytes * threads
        pointers = x.data, v.data, places[0], places[1], tile, memo, pair, address_of(job), lines
        _run(kernels, pointers, job, groups, threads, tile_bytes, f)
    if needed > _ON_STACK:
        free(memory)
    y, dy = _as_result(y, given[0], result[0], f), _as_result(dy, given[1], result[0], f)
    if y != 0 and dy != 0 and f.writes_y and f.writes_dy:
        return _pair(y, dy)
    failed = y == 0 or dy == 0
    if failed or not f.writes_y:
        drop_reference(y)
    if failed or not f.writes_dy:
        drop_reference(dy)
    return 0 if failed else (y if f.writes_y else dy)


@part
def _pair(y, dy):
    """The tuple of both."""
    pair = new_tuple(2)
    if pair == 0:
        drop_reference(y)
        drop_reference(dy)
        return 0
    put_in_tuple(pair, 0, y)
    put_in_tuple(pair, 1, dy)
    return pair


def _call(own, arguments, count):
    """(x, v, axis, keepdims, temperature, where, y, dy, threads) -> the results.

    None where the call is not plain; and where it is on so many numbers that threads shall share it,
    and their number is 0.
    """
    f = function_at(array_at(own).data)
    x, v, look = (
        array_at(arguments[0]),
        array_at(arguments[1]),
        (arguments[2], arguments[3], arguments[4], arguments[5], as_int(arguments[8], 0)),
    )
    answer = _answer(x, v, arguments[6], arguments[7], look, f)
    if answer == f.none:
        add_reference(answer)
    return answer


@cache
def code():
    """Where the C function is that looks at a call."""
    signature = types.intp(types.intp, types.CPointer(types.intp), types.intp)
    return cfunc(signature, error_model="numpy")(_call).address
