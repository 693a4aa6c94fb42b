"""The rows of a call, for every backend: their axis, their shape and their dtype."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import prod
from operator import index
from typing import Any

import numpy as np
from numpy.exceptions import AxisError

SharesMemory = Callable[[Any, Any], bool]  # whether two arrays of a library do


def reduced_axes(axis: Any, ndim: int) -> tuple[int, ...]:
    """Return the axes that `axis` (None, an int or a tuple) names, as sorted positive integers.

    A 0-d array is taken as a row of one number: None, 0 and -1 name its only axis.
    """
    ndim = max(ndim, 1)
    if type(axis) is int and -ndim <= axis < ndim:
        return (axis % ndim,)
    if axis is None:
        return tuple(range(ndim))
    axes = []
    for item in axis if isinstance(axis, tuple) else (axis,):
        try:
            k = index(item)
        except TypeError:
            message = f"axis must be None, an integer or a tuple of integers, not {axis!r}"
            raise TypeError(message) from None
        if not -ndim <= k < ndim:
            raise AxisError(k, ndim)
        axes.append(k % ndim)
    if len(set(axes)) < len(axes):
        raise ValueError(f"axis {axis!r} names the same axis twice")
    return tuple(sorted(axes))


def reduced_shape(shape: Sequence[int], axes: tuple[int, ...], keepdims: bool) -> tuple[int, ...]:
    """Return the shape that is left when `axes` are reduced."""
    if keepdims:
        return tuple(1 if k in axes else size for k, size in enumerate(shape))
    return tuple(size for k, size in enumerate(shape) if k not in axes)


def check_out(out: Any, shape: tuple[int, ...], dtype: Any) -> None:
    """Raise unless a result of this shape and dtype fits `out`, or there is none."""
    if out is None:
        return
    if not hasattr(out, "shape"):
        raise TypeError(f"out must be an array, not {type(out).__name__}")
    if tuple(out.shape) != tuple(shape):
        raise ValueError(f"out must have shape {tuple(shape)}, not {tuple(out.shape)}")
    if out.dtype != dtype:
        raise TypeError(f"out must have dtype {dtype}, not {out.dtype}")


def check_outs(
    out: Any, shape: tuple[int, ...], dtype: Any, shares_memory: SharesMemory | None = None
) -> tuple[Any, Any]:
    """The two places for the results of a JVP; raise unless they fit."""
    y, dy = check_pair(out, shares_memory)
    check_out(y, shape, dtype)
    check_out(dy, shape, dtype)
    return y, dy


def check_pair(out: Any, shares_memory: SharesMemory | None = None) -> tuple[Any, Any]:
    """The two places for two results; raise unless they are two, and apart."""
    if out is None:
        return None, None
    if not isinstance(out, tuple) or len(out) != 2:
        raise TypeError("out must be a pair of arrays here, one for each of the two results")
    y, dy = out
    if shares_memory and y is not None and dy is not None and shares_memory(y, dy):
        raise ValueError("the two arrays of out share memory, which would hold one result only")
    return y, dy


def check_temperature(is_complex: bool) -> None:
    """Raise if a temperature is complex, for only its real part would be used."""
    if is_complex:
        raise TypeError("temperature must be real")


def adjacent(axes: tuple[int, ...]) -> bool:
    """Whether the axes lie side by side, so that one axis can stand for them."""
    return axes[-1] - axes[0] + 1 == len(axes)


def view(a: Any, axes: tuple[int, ...]) -> Any:
    """`a` as (outer, n, inner), a copy only where its strides leave no other way."""
    shape = viewed_shape(a.shape, axes)
    if shape is not None:
        return a.reshape(shape)
    kept = tuple(k for k in range(a.ndim) if k not in axes)
    return a.transpose(kept + axes).reshape(-1, prod(a.shape[k] for k in axes), 1)


@lru_cache(maxsize=1024)
def viewed_shape(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, int, int] | None:
    """Return (outer, n, inner) where no number need move for it."""
    if not adjacent(axes):
        return None
    first, last = axes[0], axes[-1] + 1
    return prod(shape[:first]), prod(shape[first:last]), prod(shape[last:])


def unview(a: Any, shape: tuple[int, ...], axes: tuple[int, ...]) -> Any:
    """The inverse of `view` for an array of this shape; C-contiguous."""
    if adjacent(axes):
        return a.reshape(shape)
    order = tuple(k for k in range(len(shape)) if k not in axes) + axes
    moved = a.reshape([shape[k] for k in order])
    return moved.transpose([order.index(k) for k in range(len(shape))]).copy()


def is_bfloat16(dtype: np.dtype[Any]) -> bool:
    """Whether a NumPy dtype is ml_dtypes' bfloat16."""
    return bool(dtype.kind == "V" and dtype.name == "bfloat16")


def check_numbers(dtype: np.dtype[Any]) -> None:
    """Raise unless a NumPy dtype is one of numbers."""
    if dtype.kind not in "biufc" and not is_bfloat16(dtype):
        raise TypeError(f"softkern computes with numbers, not with dtype {dtype}")


def result_dtype(dtypes: Sequence[np.dtype[Any]]) -> np.dtype[Any]:
    """The NumPy dtype that `dtypes` promote to; where all are integers, float64."""
    floats = [dtype for dtype in dtypes if dtype.kind not in "biu"]
    if not floats:
        return np.dtype(np.float64)
    if any(is_bfloat16(dtype) for dtype in floats):
        return np.result_type(*floats)  # NumPy cannot promote it with integers
    return np.result_type(*dtypes).newbyteorder("=")
