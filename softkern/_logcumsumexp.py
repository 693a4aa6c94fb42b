"""Running log-sum-exp: that of every beginning of a row."""

from typing import Any

from ._arrays import as_floats, check_real, namespace
from ._dispatch import backend


def logcumsumexp(
    x: Any, axis: int | None = None, *, temperature: Any = 1.0, out: Any = None
) -> Any:
    r"""Logarithm of the cumulative sum of exponentials: a smooth running maximum.

    .. math:: L_i = t \log \sum_{j \le i} \exp(x_j / t)

    Parameters
    ----------
    x : array_like
        The rows, real. Integers are converted to floats first.
    axis : int or None, optional
        The axis along which rows lie; None takes the whole array as one, in C order.
    temperature : float or array, optional
        A number t >= 0, or one a row: an array that broadcasts against `x` less its `axis`.
        At 0 the result is the running maximum; at infinity it is infinite from the second entry
        above -inf on.
    out : array, optional
        Where to write the result, of its shape and dtype.

    Returns
    -------
    array
        Of the shape of `x`, and its dtype if that is a float. It is -inf up to the first entry above
        -inf, +inf from one of +inf on, and NaN from a NaN on.

    Raises
    ------
    TypeError
        If `x` is not an array softkern knows or is complex, two arrays are of different libraries,
        or `axis` names more than one axis.
    ValueError
        If the temperature is negative or NaN, or a shape does not fit. An array of temperatures
        is not looked into with CuPy and in JAX: results of such a row are NaN there.

    See Also
    --------
    logsumexp : The last entry alone.
    logcumsumexp_jvp, logcumsumexp_vjp : Its derivatives.

    Notes
    -----
    Computed as m + t log s with m the running maximum and s the sum of exp((x - m)/t) so far. Such
    pairs (m, s) merge associatively, so that parts of a row are summed at a time: a parallel prefix
    sum [1]_. Dask's arrays are first rechunked so that rows lie whole in their chunks.

    References
    ----------
    .. [1] G. E. Blelloch, "Prefix sums and their applications", CMU-CS-90-190, 1990.

    Examples
    --------
    >>> import numpy as np
    >>> import softkern
    >>> softkern.logcumsumexp(np.zeros(4)).round(4)
    array([0.    , 0.6931, 1.0986, 1.3863])
    >>> softkern.logcumsumexp(np.array([[1000.0, 1000.0], [0.0, -np.inf]]), axis=1).round(4)
    array([[1000.    , 1000.6931],
           [   0.    ,    0.    ]])
    """
    backend(x, temperature, out)
    x = _real_floats(x)
    if _is_ready(x, axis):
        return backend(x, temperature, out).logcumsumexp(x, axis, temperature, out)
    y = logcumsumexp(_as_row(x), 0, temperature=temperature)
    return _written(namespace(x).reshape(y, x.shape), out)


def logcumsumexp_jvp(
    x: Any, v: Any, axis: int | None = None, *, temperature: Any = 1.0
) -> tuple[Any, Any]:
    r"""Running log-sum-exp and its derivative along a tangent.

    .. math:: dL_i = \sum_{j \le i} \exp((x_j - L_i) / t) \, v_j

    Parameters
    ----------
    x : array_like
        The rows, real.
    v : array_like
        The tangent, of the shape of `x`.
    axis : int or None, optional
        The axis along which rows lie; None takes the whole array as one, in C order.
    temperature : float or array, optional
        A number t >= 0, or one a row. At 0 the largest entries so far share the weight equally.

    Returns
    -------
    L : array
        ``logcumsumexp(x)``.
    dL : array
        Its derivative along `v`: a running mean of `v`. 0 up to the first entry of `x` above -inf,
        NaN from one of +inf or NaN on.

    Raises
    ------
    TypeError, ValueError
        As `logcumsumexp`.

    See Also
    --------
    logcumsumexp : The operation.
    logcumsumexp_vjp : The same derivative backwards.

    Notes
    -----
    The weights are those of softmax over the beginning of the row. They are taken from the running
    sums, not from L, whose rounding would reach them where it is large.

    References
    ----------
    .. [1] A. G. Baydin, B. A. Pearlmutter, A. A. Radul, J. M. Siskind, "Automatic differentiation
       in machine learning: a survey", Journal of Machine Learning Research 18(153), 2018.

    Examples
    --------
    >>> import numpy as np
    >>> import softkern
    >>> L, dL = softkern.logcumsumexp_jvp(np.zeros(4), np.array([1.0, 0.0, 0.0, 0.0]))
    >>> dL.round(4)
    array([1.    , 0.5   , 0.3333, 0.25  ])
    """
    backend(x, temperature, v)
    x = _real_floats(x)
    v = _like(x, v)
    if _is_ready(x, axis):
        pair: tuple[Any, Any] = backend(x, temperature, v).logcumsumexp_jvp(
            x, v, axis, temperature, None
        )
        return pair
    L, dL = logcumsumexp_jvp(_as_row(x), _as_row(v), 0, temperature=temperature)
    return namespace(x).reshape(L, x.shape), namespace(x).reshape(dL, x.shape)


def logcumsumexp_vjp(x: Any, g: Any, axis: int | None = None, *, temperature: Any = 1.0) -> Any:
    r"""Derivative of running log-sum-exp, backwards from a cotangent.

    .. math:: dx_j = \sum_{i \ge j} \exp((x_j - L_i) / t) \, g_i

    Parameters
    ----------
    x : array_like
        The rows, real.
    g : array_like
        The cotangent, of the shape of `x`.
    axis : int or None, optional
        The axis along which rows lie; None takes the whole array as one, in C order.
    temperature : float or array, optional
        A number t >= 0, or one a row. At 0 the largest entries so far share the weight equally.

    Returns
    -------
    array
        The cotangent of `x`, NaN in a row that holds NaN or +inf.

    Raises
    ------
    TypeError, ValueError
        As `logcumsumexp`.

    See Also
    --------
    logcumsumexp : The operation.
    logcumsumexp_jvp : The same derivative forwards.

    Notes
    -----
    A scan over the row backwards, in which every factor is at most 1: nothing overflows.

    References
    ----------
    .. [1] A. G. Baydin, B. A. Pearlmutter, A. A. Radul, J. M. Siskind, "Automatic differentiation
       in machine learning: a survey", Journal of Machine Learning Research 18(153), 2018.

    Examples
    --------
    >>> import numpy as np
    >>> import softkern
    >>> softkern.logcumsumexp_vjp(np.zeros(4), np.array([0.0, 0.0, 0.0, 1.0]))
    array([0.25, 0.25, 0.25, 0.25])
    """
    backend(x, temperature, g)
    x = _real_floats(x)
    g = _like(x, g)
    if _is_ready(x, axis):
        return backend(x, temperature, g).logcumsumexp_vjp(x, g, axis, temperature, None)
    dx = logcumsumexp_vjp(_as_row(x), _as_row(g), 0, temperature=temperature)
    return namespace(x).reshape(dx, x.shape)


def _real_floats(x: Any) -> Any:
    x = as_floats(x)
    check_real(x)
    return x


def _like(x: Any, v: Any) -> Any:
    """A tangent or cotangent of the shape of x."""
    v = as_floats(v, x)
    check_real(v)
    return namespace(x).broadcast_to(v, x.shape)


def _is_ready(x: Any, axis: Any) -> bool:
    """Whether the backends take the array as it is: rows along one axis, or nothing at all."""
    if isinstance(axis, tuple):
        raise TypeError(f"axis must be None or one integer here, for rows in order, not {axis!r}")
    return axis is not None or x.ndim < 2 or 0 in x.shape


def _as_row(x: Any) -> Any:
    return namespace(x).reshape(x, (-1,))


def _written(y: Any, out: Any) -> Any:
    """The result, in `out` if there is one."""
    from .backends.rows import check_out

    if out is None:
        return y
    check_out(out, y.shape, y.dtype)
    out[...] = y
    return out
