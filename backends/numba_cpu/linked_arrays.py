"""`launch.run` for compiled code: on the thread that it runs on."""

import numpy as np
from numba import types
from numba.extending import intrinsic

from .caching import njit
from .calling import take_groups
from .job import JOB
from .layout import arrange
from .simd import ALIGNMENT, inline

entry = njit(nogil=True, error_model="numpy", no_cfunc_wrapper=True)


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


@entry
def keep_alive(tile, job):
    """Called last: Numba frees an array after its last use, and its address is none."""


@entry
def _describe(job, arrays, rows_of_t, reduced, labelled, unit, given, past):
    """Fill in the job; return its groups, and the bytes of a tile."""
    x, v, y, dy = arrays
    outer, n, inner = x.shape
    job.x_outer, job.x_axis, job.x_inner = strides_of(x)
    job.v_outer, job.v_axis, job.v_inner = strides_of(v)
    job.y_outer, job.y_axis, job.y_inner = strides_of(y if y.size > 0 else dy)
    job.rows, job.unit, job.given, job.past = rows_of_t, unit, given, past
    job.reads_v, job.reduced, job.labelled = v.size > 0, reduced, labelled
    job.writes_y, job.writes_dy = y.size > 0, dy.size > 0
    job.threads = 1
    job.keeps = y.size > 0 and x.ctypes.data != y.ctypes.data
    return arrange(job, outer, n, inner, item_size(x))


@entry
def run_alone(kernel, merging, arrays, temperatures, lines, reduced, labelled, unit, given, past):
    """Run a kernel on (outer, n, inner) arrays x, v, y, dy; the last three may be empty."""
    x, v, y, dy = arrays
    job, rows_of_t = np.zeros(1, JOB), temperatures.shape[1]
    options = rows_of_t, reduced, labelled, unit, given, past
    groups, tile_bytes, memo_bytes = _describe(job[0], arrays, *options)
    tile = np.empty(tile_bytes + ALIGNMENT, np.uint8)
    memo = np.empty(memo_bytes, np.uint8)
    pointers = (
        x.ctypes.data,
        v.ctypes.data,
        y.ctypes.data,
        dy.ctypes.data,
        (tile.ctypes.data + ALIGNMENT - 1) & -ALIGNMENT,
        memo.ctypes.data,
        temperatures.ctypes.data,
        job.ctypes.data,
        lines.ctypes.data,
    )
    take_groups(kernel, merging, pointers, job[0].blocks, labelled, 0, groups)
    keep_alive((tile, memo, temperatures), (x, v, y, dy, job, lines))
