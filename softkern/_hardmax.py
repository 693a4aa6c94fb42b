"""Hardmax: all the weight on the first of the largest entries."""

from math import inf, nan
from typing import Any

from ._arrays import as_floats, check_real, namespace
from ._dispatch import backend


def hardmax(x: Any, axis: int | tuple[int, ...] | None = None, *, where: Any = None) -> Any:
    r"""One at the first of a row's largest entries, zero at the others.

    .. math:: y_i = [\, i = \min \operatorname{argmax}_j x_j \,]

    Parameters
    ----------
    x : array_like
        The rows, real.
    axis : int, tuple of ints or None, optional
        The axis or axes that make up a row, in C order; None takes the whole array as one.
    where : array of bool, optional
        The entries that take part, broadcast to `x`; at the others the result is 0.

    Returns
    -------
    array
        Of the shape of `x`, and its dtype if that is a float. A row that holds NaN is NaN.

    Raises
    ------
    TypeError
        If `x` is not an array softkern knows, or is complex.
    ValueError
        If a shape does not fit.

    See Also
    --------
    softmax : At temperature 0 the largest entries share the weight.

    Notes
    -----
    This is ONNX's operator [1]_, whose axis is -1 by default. It is constant almost everywhere, so
    that it has no derivative of use.

    References
    ----------
    .. [1] ONNX, "Operator schemas: Hardmax", opset 13.

    Examples
    --------
    >>> import numpy as np
    >>> import softkern
    >>> softkern.hardmax(np.array([[1.0, 3.0, 3.0], [2.0, 0.0, 1.0]]), axis=1)
    array([[0., 1., 0.],
           [1., 0., 0.]])
    """
    backend(x, 1.0, where)
    x = as_floats(x)
    check_real(x)
    if where is None:
        return _first_largest(x, axis)
    xp, where = namespace(x), _mask(x, where)
    return xp.where(where, _first_largest(xp.where(where, x, -inf), axis), 0.0)


def _first_largest(x: Any, axis: Any) -> Any:
    from array_api_compat import device

    from .backends.rows import reduced_axes

    xp, axes = namespace(x), reduced_axes(axis, x.ndim)
    if not x.ndim or 0 in x.shape:
        return xp.where(xp.isnan(x), nan, xp.ones_like(x))
    order = (*(k for k in range(x.ndim) if k not in axes), *axes)
    moved = xp.permute_dims(x, order)
    rows = xp.reshape(moved, (*moved.shape[: x.ndim - len(axes)], -1))
    first = xp.expand_dims(xp.argmax(rows, axis=-1), axis=-1)
    y = xp.astype(xp.arange(rows.shape[-1], device=device(x)) == first, x.dtype)
    y = xp.where(xp.isnan(xp.max(rows, axis=-1, keepdims=True)), nan, y)
    return xp.permute_dims(xp.reshape(y, moved.shape), tuple(order.index(k) for k in range(x.ndim)))


def _mask(x: Any, where: Any) -> Any:
    from array_api_compat import device

    xp = namespace(x)
    if not hasattr(where, "dtype"):
        where = xp.asarray(where, device=device(x))
    if not xp.isdtype(where.dtype, "bool"):
        raise TypeError(f"where must be boolean, not {where.dtype}")
    return xp.broadcast_to(where, x.shape)
