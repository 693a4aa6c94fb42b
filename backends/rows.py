"""The axis of a call, for every backend: which axes are reduced, and the shape that is left."""

from collections.abc import Sequence
from operator import index
from typing import Any

from numpy.exceptions import AxisError


def reduced_axes(axis: Any, ndim: int) -> tuple[int, ...]:
    """Return the axes that `axis` (None, an int or a tuple) names, as sorted positive integers.

    A 0-d array is taken as a row of one number: None, 0 and -1 name its only axis.
    """
    ndim = max(ndim, 1)
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
    if tuple(out.shape) != tuple(shape):
        raise ValueError(f"out must have shape {tuple(shape)}, not {tuple(out.shape)}")
    if out.dtype != dtype:
        raise TypeError(f"out must have dtype {dtype}, not {out.dtype}")


def check_outs(out: Any, shape: tuple[int, ...], dtype: Any) -> tuple[Any, Any]:
    """The two places for the results of a JVP; raise unless they fit."""
    if out is None:
        return None, None
    if not isinstance(out, tuple) or len(out) != 2:
        raise TypeError("out must be a pair of arrays here, one for each of the two results")
    for place in out:
        check_out(place, shape, dtype)
    return out
