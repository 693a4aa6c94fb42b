"""What compiled code that calls softkern does with its arrays, before and after a linked kernel."""

import numpy as np
from numba import carray, types
from numba.cpython.unsafe.tuple import tuple_setitem
from numba.extending import overload

from .caching import njit
from .launch import COLDEST, HOTTEST
from .layout import are_short
from .linked import LONGEST_ON_STACK, number_on_stack, run_row
from .linked_arrays import keep_alive, run_alone
from .own import CLASS, COTANGENT, LINES, SHARE
from .plain import PAST_CACHE

compiled = njit(nogil=True, error_model="numpy")


@compiled
def as_given(a):
    return a


@compiled
def as_double(a):
    return a.astype(np.float64)


@compiled
def as_single(a):
    return a.astype(np.float32)


@compiled
def checked(temperature):
    t = float(temperature)
    if not t >= 0:
        raise ValueError("temperature must be >= 0 and not NaN")
    if not COLDEST <= t <= HOTTEST:
        raise ValueError("inside @njit the temperature must be from 1e-30 to 1e30")
    return t


@compiled
def whole(x, axis):
    """An array as the (outer, n, inner) of one row."""
    return np.ascontiguousarray(x).reshape((1, x.size, 1))


@compiled
def along(x, axis):
    """An array as (outer, n, inner), with n along the axis."""
    k = place_of(axis, x.ndim)
    outer = inner = 1
    for i in range(x.ndim):
        if i < k:
            outer *= x.shape[i]
        elif i > k:
            inner *= x.shape[i]
    return np.ascontiguousarray(x).reshape((outer, x.shape[k], inner))


@compiled
def place_of(axis, ndim):
    if not -ndim <= axis < ndim:
        raise ValueError("axis is out of bounds")
    return axis + ndim if axis < 0 else axis


@compiled
def shape_without(x, axis):
    k = place_of(axis, x.ndim)
    shape = x.shape[1:]
    for i in range(k):
        shape = tuple_setitem(shape, i, x.shape[i])
    return shape


def _target(out, x, shape):
    """`out` if it is an array, which has to fit, else a new one."""


@overload(_target)
def _overload_target(out, x, shape):
    if not isinstance(out, types.Array):
        return lambda out, x, shape: np.empty(shape, x.dtype)

    def check(out, x, shape):
        if out.shape != shape:
            raise ValueError("out has not the shape of the result")
        return out

    return check


@compiled
def target(out, x, shape):
    return _target(out, x, shape)


@compiled
def apart_from(x, out):
    """x, or a copy if `out` overlaps it otherwise than number for number."""
    begin, other = x.ctypes.data, out.ctypes.data
    meet = begin < other + out.size * out.itemsize and other < begin + x.size * x.itemsize
    return x.copy() if meet and begin != other else x


@compiled
def fits_stack(x):
    return 0 < x.size <= LONGEST_ON_STACK and x.strides[0] == x.itemsize


@compiled
def run_on_stack(kernels, x, y, t, reduced):
    """Run one of the `linked` kernels on a row that `fits_stack`."""
    pair = carray(number_on_stack(x), 2)
    pair[0] = t
    pair[1] = t - np.float64(pair[0])
    row, place = x.ctypes.data, y.ctypes.data
    run_row(kernels, row, place, pair.ctypes.data, x.itemsize, x.size, t == 1.0, reduced)
    keep_alive(x, y)


@compiled
def run_arrays(kernels, arrays, lines, t, reduced, labelled, given, log_given):
    """Run one of the `linked` kernels on (outer, n, inner) arrays, of which v, y, dy may be empty."""
    x, v, y, dy = arrays
    pair = np.empty((2, 1), x.dtype)
    pair[0, 0] = t
    pair[1, 0] = t - np.float64(pair[0, 0])
    unit = log_given or t == 1.0
    past = (y.size + dy.size) * x.itemsize > PAST_CACHE
    if x.size > 0:
        over_rows, over_columns, merging = kernels
        _, n, inner = x.shape
        columns = inner > 1 or are_short(n, x.itemsize, v.size > 0, given)
        kernel = over_columns if columns else over_rows
        run_alone(kernel, merging, arrays, pair, lines, reduced, labelled, unit, given, past)


@compiled
def no_lines(x):
    return np.empty((1, 0), x.dtype)


@compiled
def of_all(number, x, axis):
    """A number for all rows, to fill a line with."""
    return np.full(1, number)


@compiled
def of_each(a, x, axis):
    """Numbers for the rows along the axis, one each, likewise."""
    if a.shape != shape_without(x, axis):
        raise ValueError("g or target has not the shape of the rows")
    return np.ascontiguousarray(a).reshape(-1)


@compiled
def cotangent_lines(cotangents, x, rows):
    """Lines that hold the cotangents of the rows."""
    lines = np.empty((1, rows), x.dtype)
    lines[COTANGENT] = cotangents
    return lines


@compiled
def class_lines(classes, cotangents, x, rows, n):
    """Lines that hold each row's class and cotangent."""
    lines = np.empty((LINES, rows), x.dtype)
    for i in range(rows):
        if not 0 <= classes[i] < n:
            raise IndexError("a class is out of range")
        lines[CLASS, i] = classes[i]
    lines[SHARE] = 1.0
    lines[COTANGENT] = cotangents
    return lines


@compiled
def total(losses):
    s = 0.0
    for k in range(losses.size):
        s += losses[k]
    return s
