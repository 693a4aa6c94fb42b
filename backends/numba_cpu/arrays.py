"""NumPy arrays -> the (outer, n, inner) views that kernels run on, and results back."""

from functools import cache, lru_cache
from math import prod
from typing import Any, NamedTuple, Self

import numpy as np
from numba import from_dtype, types
from numpy import ndarray

from ..rows import (
    adjacent,
    check_numbers,
    check_temperature,
    is_bfloat16,
    reduced_axes,
    reduced_shape,
    result_dtype,
    unview,
    view,
)
from . import launch
from .launch import COLDEST, HOTTEST
from .layout import COLUMN_BLOCK, ROW_BLOCK, are_short
from .plain import PAST_CACHE
from .plain_functions import install, install_merging
from .threads import threads_for

_STORAGE = {
    np.dtype(np.float16): types.int16,
    np.dtype(np.float32): types.float32,
    np.dtype(np.float64): types.float64,
}

_FLOAT32, _FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
ONE = {dtype: np.array([[1], [0]], dtype) for dtype in (_FLOAT32, _FLOAT64)}


@cache
def _address(operation: str, dtype: np.dtype[Any], columns: bool) -> int:
    return int(launch.kernel(operation, storage_of(dtype), columns).address)


@cache
def _install(operation: str, dtype: np.dtype[Any], columns: bool) -> None:
    install(operation, dtype, columns, _address(operation, dtype, columns))


@cache
def _install_merging(computed: np.dtype[Any]) -> None:
    install_merging(computed, int(launch.merging(from_dtype(computed)).address))


_called: set[tuple[str, np.dtype[Any], bool]] = set()


def _kernel(*kind: Any) -> int:
    """The kernel; from the second time on plain calls have it, too, which take long to compile."""
    if kind in _called:
        _install(*kind)
    _called.add(kind)
    return _address(*kind)


def takes(out: Any, x: Any, shape: tuple[int, ...]) -> bool:
    """Whether a kernel that reads x can write to `out` right away."""
    return (
        type(out) is ndarray
        and out.dtype is x.dtype
        and out.shape == shape
        and out.flags.carray
        and (out is x or not np.may_share_memory(out, x))
    )


def storage_of(dtype: np.dtype[Any]) -> types.Type | None:
    """How the kernels take numbers of this dtype, or None where they do not."""
    storage = _STORAGE.get(dtype)
    if storage is None and is_bfloat16(dtype):
        storage = _STORAGE[dtype] = types.uint16
    return storage


def as_numbers(x: Any) -> Any:
    """x as an array of numbers; a TypeError if it holds anything else."""
    x = np.asarray(x)
    if x.dtype not in _STORAGE:
        check_numbers(x.dtype)
    return x


_reduced_shape = lru_cache(maxsize=1024)(reduced_shape)


class Rows(NamedTuple):
    """The rows of one call."""

    shape: tuple[int, ...]
    axes: tuple[int, ...]
    dtype: np.dtype[Any]  # of the results
    temperatures: Any  # t and its rounding error, once or for each row
    left_out: Any  # a boolean array of the shape, or None

    @classmethod
    def of(cls, axis: Any, temperature: Any, where: Any, *arrays: Any) -> Self | None:
        """The rows along `axis` of arrays of one shape; None where the kernels do not take them."""
        numbers = [
            as_numbers(a) for a in arrays if a is arrays[0] or not isinstance(a, (int, float))
        ]
        shape = numbers[0].shape
        axes = reduced_axes(axis, len(shape))
        dtype = _result_dtype(numbers)
        temperatures = temperatures_of(temperature, _reduced_shape(shape, axes, False), dtype)
        if numbers[0].size == 0 or temperatures is None:
            return None
        return cls(shape, axes, dtype, temperatures, _left_out(where, shape))

    def run(
        self,
        operation: str,
        x: Any,
        v: Any = None,
        *,
        lines: Any = None,
        labelled: bool = False,
        reduced: bool = False,
        given: bool = False,
        log_given: bool = False,
        results: tuple[bool, bool] = (True, False),
        out: Any = (None, None),
    ) -> tuple[Any, Any]:
        """Run a kernel on x and v; its results y and dy, those that are wanted.

        `given`: x is y; `log_given`: x is z. `lines` are numbers that rows have of their own;
        `reduced`: results are, too. They are written to `out` right away where its layout allows.
        """
        x = self.read(x, 0.0 if given else -np.inf)
        v = None if v is None else self.read(v, 0.0)
        rows = view(x, self.axes)
        none = rows[:0]
        shape = (rows.shape[0], 1, rows.shape[2]) if reduced else rows.shape
        y = self._target(shape, out[0], x, v) if results[0] else None
        dy = self._target(shape, out[1], x, v) if results[1] else None
        arrays = (
            rows,
            none if v is None else view(v, self.axes),
            none if y is None else y.reshape(shape),
            none if dy is None else dy.reshape(shape),
        )
        with_v = v is not None
        short = are_short(rows.shape[1], x.itemsize, with_v, given)  # type: ignore[no-untyped-call]
        columns = rows.shape[2] > 1 or short
        if rows.shape[1] > (COLUMN_BLOCK if columns else ROW_BLOCK):
            _install_merging(self.temperatures.dtype)
        launch.run(
            _kernel(operation, self.dtype, columns),
            arrays if x.itemsize > 2 else tuple(as_stored(a) for a in arrays),
            self.temperatures,
            self.temperatures if lines is None else lines,
            threads_for(x.size),
            reduced=reduced,
            labelled=labelled,
            unit=log_given or self.temperatures is ONE.get(self.temperatures.dtype),
            given=given,
            past=arrays[2].nbytes + arrays[3].nbytes > PAST_CACHE,
        )
        if reduced:
            return y, dy
        return self._entries(y, out[0]), self._entries(dy, out[1])

    def read(self, a: Any, hidden: float) -> Any:
        """An array in the results' dtype and the rows' shape, `hidden` where `where` is False."""
        a = np.asarray(a)
        if a.dtype is not self.dtype or not a.flags.c_contiguous:
            steps = all(stride % self.dtype.itemsize == 0 for stride in a.strides)
            if a.dtype != self.dtype or not a.flags.aligned or not steps:
                a = a.astype(self.dtype)
        if a.shape != self.shape:
            a = np.broadcast_to(a, self.shape)
        if self.left_out is not None:
            a = a.copy()
            a[self.left_out] = hidden
        return a

    def copy(self, a: Any) -> Any:
        """A copy in the results' dtype; a TypeError if that cannot hold it."""
        return as_numbers(a).astype(self.dtype, casting="same_kind")

    def lines(self, count: int) -> Any:
        """Room for `count` numbers a row, in the dtype computed in."""
        rows = prod(_reduced_shape(self.shape, self.axes, False))
        return np.empty((count, rows), self.temperatures.dtype)

    def write(self, result: Any, out: Any, hidden: float) -> Any:
        """The result of one entry each, `hidden` where `where` is False."""
        if self.left_out is not None:
            result[self.left_out] = hidden
        return _deliver(result, out)

    def write_reduced(self, result: Any, out: Any, keepdims: bool) -> Any:
        """The result of one number a row."""
        if result is not out:
            result = result.reshape(_reduced_shape(self.shape, self.axes, keepdims))
        return _deliver(result, out)

    def _target(self, shape: tuple[int, ...], out: Any, x: Any, v: Any) -> Any:
        """Where the kernel writes: `out` if it can, else a new array.

        A kernel reads each block of its inputs before it writes the same block of its results, so
        that `out` may be an input, but it may not overlap one in another way.
        """
        fits = (
            out is not None
            and (adjacent(self.axes) or shape[1] == 1)
            and out.flags.carray
            and not _overlaps(out, x)
            and (v is None or not _overlaps(out, v))
        )
        return out if fits else np.empty(shape, self.dtype)

    def _entries(self, result: Any, out: Any) -> Any:
        """A result of one entry each, if there is one, in the shape of the call."""
        if result is None or result is out:
            return result
        return unview(result, self.shape, self.axes)


def _overlaps(out: Any, a: Any) -> bool:
    """Whether contiguous `out` shares memory with `a` otherwise than entry for entry."""
    if out is a or not np.may_share_memory(out, a):
        return False
    same = a.flags.c_contiguous and a.dtype == out.dtype and a.shape == out.shape
    return not (same and a.ctypes.data == out.ctypes.data)


def apart_from(a: Any, out: Any) -> Any:
    """An array, or a copy of it where `out` would be written over it."""
    return a.copy() if out is not None and np.may_share_memory(a, out) else a


def _deliver(result: Any, out: Any) -> Any:
    if out is None:
        return result if result.shape else result[()]
    if result is not out:
        out[...] = result
    return out


def as_stored(a: Any) -> Any:
    """An array as Numba can take it: 16-bit numbers as integers."""
    return a.view(np.uint16) if a.dtype.itemsize == 2 else a


def _result_dtype(arrays: list[Any]) -> np.dtype[Any]:
    """The dtype the arrays promote to; where all are integers, float64."""
    dtypes = [a.dtype for a in arrays]
    first: np.dtype[Any] = dtypes[0]
    if dtypes.count(first) == len(dtypes) and first in _STORAGE:
        return first
    return result_dtype(dtypes)


def temperatures_of(t: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
    """t and its rounding error as the kernels take them, or None where they do not."""
    if storage_of(dtype) is None:
        return None
    compute = _FLOAT64 if dtype == _FLOAT64 else _FLOAT32
    if isinstance(t, (int, float)):
        return ONE[compute] if t == 1 else _pairs(float(t), compute)
    check_temperature(np.iscomplexobj(t))
    exact = np.asarray(t, np.float64)
    if exact.shape != shape:
        exact = np.broadcast_to(exact, shape)
    return _pairs_of(exact.ravel(), compute)


@lru_cache(maxsize=64)
def _pairs(t: float, compute: np.dtype[Any]) -> Any:
    return _pairs_of(np.array([t]), compute)


def _pairs_of(exact: Any, compute: np.dtype[Any]) -> Any:
    coldest, hottest = exact.min(initial=1.0), exact.max(initial=1.0)
    if not coldest >= 0:
        raise ValueError("temperature must be >= 0 and not NaN")
    if coldest < COLDEST or hottest > HOTTEST:
        return None
    pairs = np.empty((2, exact.size), compute)
    pairs[0] = exact
    pairs[1] = exact - pairs[0].astype(np.float64)
    return pairs


def _left_out(where: Any, shape: tuple[int, ...]) -> Any:
    if where is None:
        return None
    where = np.asarray(where)
    if where.dtype != np.bool_:
        raise TypeError(f"where must be boolean, not {where.dtype}")
    return ~(where if where.shape == shape else np.broadcast_to(where, shape))
