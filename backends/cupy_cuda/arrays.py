"""CuPy arrays -> the (outer, n, inner) views that kernels run on, and results back."""

from math import prod
from typing import Any, NamedTuple, Self

import cupy
import numpy as np

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
from .launch import Job, launch

FLOATS = (np.dtype(np.float16), np.dtype(np.float32), np.dtype(np.float64))
ONE: dict[Any, tuple[Any, Any]] = {
    dtype: (dtype(1), dtype(0)) for dtype in (np.float32, np.float64)
}


class Rows(NamedTuple):
    """The rows of one call."""

    shape: tuple[int, ...]
    axes: tuple[int, ...]
    dtype: np.dtype[Any]  # of the results
    temperature: Any  # a number, or an array with one a row
    where: Any  # a boolean array of the shape, or None

    @classmethod
    def of(cls, axis: Any, temperature: Any, where: Any, *arrays: Any) -> Self | None:
        """The rows along `axis` of arrays of one shape; None where the kernels do not take them."""
        numbers = [a for a in arrays if isinstance(a, cupy.ndarray)]
        for a in numbers:
            check_numbers(a.dtype)
        _check_device(*numbers, temperature, where)
        shape = arrays[0].shape
        axes = reduced_axes(axis, len(shape))
        dtype = result_dtype([a.dtype for a in numbers])
        if 0 in shape or not (dtype in FLOATS or is_bfloat16(dtype)):
            return None
        if hasattr(temperature, "dtype"):
            check_temperature(temperature.dtype.kind == "c")
            temperature = cupy.broadcast_to(temperature, reduced_shape(shape, axes, False))
        return cls(shape, axes, dtype, temperature, _mask(where, shape))

    def run(
        self,
        operation: str,
        x: Any,
        v: Any = None,
        *,
        classes: Any = None,
        lines: Any = None,
        reduced: bool = False,
        per_row: bool = False,
        unit: bool = False,
        results: tuple[bool, bool] = (True, False),
        out: Any = (None, None),
        keepdims: bool = False,
    ) -> tuple[Any, Any]:
        """Run a kernel on x and v; its results y and dy, those that are wanted.

        `classes` and `lines` are what rows have of their own. `per_row`: v has one number a row;
        `reduced`: so have the results. `unit`: t divides the results alone. They are written to
        `out` right away where its layout allows.
        """
        with x.device:
            x = self.read(x)
            if v is not None:
                v = self._read_reduced(v, keepdims) if per_row else self.read(v)
            moved = not reduced and not adjacent(self.axes)
            shape = reduced_shape(self.shape, self.axes, keepdims) if reduced else self.shape
            y, dy = (
                self._target(shape, place, moved, x, v, self.where) if wanted else None
                for wanted, place in zip(results, out, strict=True)
            )
            temperatures, t = self.temperatures()
            job = Job(
                operation,
                view(x, self.axes),
                v if v is None or per_row else view(v, self.axes),
                y,
                dy,
                None if self.where is None else view(self.where, self.axes),
                classes,
                lines,
                temperatures,
                t,
                tempered=self.tempered,
                reduced=reduced,
                per_row=per_row,
                unit=unit,
            )
            launch(job)
            if moved:
                y, dy = (a if a is None else unview(a, self.shape, self.axes) for a in (y, dy))
            return deliver(y, out[0]), deliver(dy, out[1])

    @property
    def _compute(self) -> Any:
        """The dtype computed in."""
        return np.float64 if self.dtype.itemsize == 8 else np.float32

    @property
    def tempered(self) -> bool:
        return hasattr(self.temperature, "dtype") or self.temperature != 1

    def lines(self, *numbers: Any) -> Any:
        """Lines of all rows' numbers: those that are given, and room for as many as are None."""
        _check_device(*numbers)
        shape = reduced_shape(self.shape, self.axes, False)
        lines = cupy.empty((len(numbers), *shape), self._compute)
        for k, given in enumerate(numbers):
            if given is not None:
                lines[k] = given
        return lines

    def given(self, output: Any, hidden: float, out: Any) -> Any:
        """A result that the caller has: in the results' dtype, `hidden` where `where` is False.

        It stays as it is when `out` is written.
        """
        y = cupy.broadcast_to(cupy.asarray(output, self.dtype), self.shape)
        y = y if self.where is None else cupy.where(self.where, y, y.dtype.type(hidden))
        return _apart_from(y, out)

    def given_reduced(self, output: Any, keepdims: bool, out: Any) -> Any:
        """A result of one number a row that the caller has; likewise."""
        shape = reduced_shape(self.shape, self.axes, keepdims)
        return _apart_from(cupy.broadcast_to(cupy.asarray(output, self.dtype), shape), out)

    def read(self, a: Any) -> Any:
        """An array in the results' dtype and the rows' shape."""
        ready = isinstance(a, cupy.ndarray) and a.dtype is self.dtype and a.flags.c_contiguous
        if not ready:
            a = cupy.asarray(a, self.dtype)
            if any(stride % a.itemsize for stride in a.strides):
                a = a.copy()
        return a if a.shape == self.shape else cupy.broadcast_to(a, self.shape)

    def _read_reduced(self, a: Any, keepdims: bool) -> Any:
        """One number a row, as (outer, 1, inner)."""
        shape = reduced_shape(self.shape, self.axes, keepdims)
        a = cupy.broadcast_to(cupy.asarray(a, self.dtype), shape)
        outer = prod(self.shape[: self.axes[0]]) if adjacent(self.axes) else a.size
        return a.reshape(outer, 1, -1)

    def temperatures(self) -> tuple[Any, tuple[Any, Any]]:
        """t and its rounding error, of each row or of all."""
        compute = self._compute
        if not self.tempered:
            return None, ONE[compute]
        if hasattr(self.temperature, "dtype"):
            exact = self.temperature.astype(np.float64).reshape(-1)
            rounded = exact.astype(compute)
            error = (exact - rounded).astype(compute)
            return cupy.concatenate([rounded, error]), ONE[compute]
        with np.errstate(over="ignore", invalid="ignore"):
            t = compute(self.temperature)
            error = self.temperature - float(t) if np.isfinite(t) else 0.0
        return None, (t, compute(error))

    def _target(self, shape: tuple[int, ...], out: Any, moved: bool, *inputs: Any) -> Any:
        """Where the kernel writes: `out` if it can, else a new array.

        Every thread has read all it is to read of a row before it writes, so that `out` may be an
        input; it may not overlap one in another way.
        """
        if moved:
            order = tuple(k for k in range(len(shape)) if k not in self.axes) + self.axes
            return cupy.empty([shape[k] for k in order], self.dtype)
        fits = (
            out is not None
            and out.flags.c_contiguous
            and not any(_overlaps(out, a) for a in inputs if a is not None)
        )
        return out if fits else cupy.empty(shape, self.dtype)


def _overlaps(out: Any, a: Any) -> bool:
    same = a.flags.c_contiguous and a.dtype == out.dtype and a.shape == out.shape
    if same and a.data.ptr == out.data.ptr:
        return False
    return bool(cupy.may_share_memory(out, a))


def _apart_from(a: Any, out: Any) -> Any:
    """An array, or a copy of it where `out` would be written over it."""
    return a.copy() if out is not None and cupy.may_share_memory(a, out) else a


def deliver(result: Any, out: Any) -> Any:
    if out is None or result is None or result is out:
        return result
    out[...] = result
    return out


def _mask(where: Any, shape: tuple[int, ...]) -> Any:
    if where is None:
        return None
    where = cupy.asarray(where)
    if where.dtype != np.bool_:
        raise TypeError(f"where must be boolean, not {where.dtype}")
    return cupy.broadcast_to(where, shape)


def _check_device(*arrays: Any) -> None:
    if len({a.device.id for a in arrays if isinstance(a, cupy.ndarray)}) > 1:
        raise TypeError("arrays on two devices in one call; move them to one device first")
