"""The Boltzmann mean: a row's mean under its own softmax."""

from math import inf
from typing import Any

from ._arrays import as_floats, check_real, expanded, namespace, squeezed, widened
from ._jvp import logsumexp_jvp, softmax_jvp
from ._vjp import logsumexp_vjp, softmax_vjp


def boltzmann(
    x: Any,
    axis: int | tuple[int, ...] | None = None,
    *,
    keepdims: bool = False,
    temperature: Any = 1.0,
    where: Any = None,
) -> Any:
    r"""Mean of the entries, weighted by their softmax.

    .. math:: B = \langle x, y \rangle = \frac{\sum_j x_j \exp(x_j / t)}{\sum_j \exp(x_j / t)}

    Parameters
    ----------
    x : array_like
        The rows, real. Integers are converted to floats first.
    axis : int, tuple of ints or None, optional
        The axis or axes that make up a row; None takes the whole array as one.
    keepdims : bool, optional
        Whether the reduced axes stay, with size one.
    temperature : float or array, optional
        A number t >= 0, or one a row. At 0 the result is the maximum, at infinity the mean.
    where : array of bool, optional
        The entries that take part.

    Returns
    -------
    array
        The mean, -inf where a row has no entry above -inf, NaN where it holds NaN or +inf.

    Raises
    ------
    TypeError, ValueError
        As `logsumexp`.

    See Also
    --------
    boltzmann_jvp, boltzmann_vjp : Its derivatives.
    logsumexp : The other smooth maximum.

    Notes
    -----
    It never exceeds the maximum, below which `logsumexp` never falls. Unlike that it is not
    monotonic [1]_: raising an entry far below the others lowers it.

    References
    ----------
    .. [1] K. Asadi, M. L. Littman, "An alternative softmax operator for reinforcement learning",
       2017, :arxiv:`1612.05628`.

    Examples
    --------
    >>> import numpy as np
    >>> import softkern
    >>> x = np.array([0.0, 1.0])
    >>> softkern.boltzmann(x).round(4), softkern.logsumexp(x).round(4)
    (np.float64(0.7311), np.float64(1.3133))
    """
    x = as_floats(x)
    check_real(x)
    xp = namespace(x)
    options: dict[str, Any] = {"temperature": temperature, "where": where}
    L, B = logsumexp_jvp(x, xp.where(x == -inf, 0.0, x), axis, keepdims=keepdims, **options)
    B = xp.where(-inf == L, L, B)
    return B if B.shape else B[()]


def boltzmann_jvp(
    x: Any,
    v: Any,
    axis: int | tuple[int, ...] | None = None,
    *,
    keepdims: bool = False,
    temperature: Any = 1.0,
    where: Any = None,
) -> tuple[Any, Any]:
    r"""The weighted mean and its derivative along a tangent.

    .. math:: dB = \langle y, v \rangle + \langle dy, x \rangle

    Parameters
    ----------
    x : array_like
        The rows, real.
    v : array_like
        The tangent, of the shape of `x`.
    axis : int, tuple of ints or None, optional
        The axis or axes that make up a row; None takes the whole array as one.
    keepdims : bool, optional
        Whether the reduced axes stay, with size one.
    temperature : float or array, optional
        A number t >= 0, or one a row. At 0 the formula's 0/0 is 0.
    where : array of bool, optional
        The entries that take part.

    Returns
    -------
    B : array
        ``boltzmann(x)``.
    dB : array
        Its derivative along `v`.

    Raises
    ------
    TypeError, ValueError
        As `logsumexp_jvp`.

    Notes
    -----
    With dy the derivative of softmax along `v`, whose entries sum to zero: x may be measured from
    its mean.

    References
    ----------
    .. [1] A. G. Baydin, B. A. Pearlmutter, A. A. Radul, J. M. Siskind, "Automatic differentiation
       in machine learning: a survey", Journal of Machine Learning Research 18(153), 2018.

    Examples
    --------
    >>> import numpy as np
    >>> import softkern
    >>> B, dB = softkern.boltzmann_jvp(np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    >>> dB.round(4)
    np.float64(0.9277)
    """
    x = as_floats(x)
    dtype, x, v = widened(x, as_floats(v, x))
    xp = namespace(x)
    options: dict[str, Any] = {"temperature": temperature, "where": where}
    B = boltzmann(x, axis, keepdims=True, **options)
    _, mean = logsumexp_jvp(x, v, axis, keepdims=True, **options)
    _, dy = softmax_jvp(x, v, axis, **options)
    deviation = _deviation(x, B, where)
    dy = xp.where(deviation == 0, 0.0, dy)  # infinite at t = 0
    dB = mean + xp.sum(dy * deviation, axis=axis, keepdims=True)
    return tuple(squeezed(xp.astype(a, dtype), axis, keepdims) for a in (B, dB))


def boltzmann_vjp(
    x: Any,
    g: Any,
    axis: int | tuple[int, ...] | None = None,
    *,
    keepdims: bool = False,
    temperature: Any = 1.0,
    where: Any = None,
) -> Any:
    r"""Derivative of the weighted mean, backwards from a cotangent.

    .. math:: dx = g \, y \, (1 + (x - B) / t)

    Parameters
    ----------
    x : array_like
        The rows, real.
    g : array_like
        The cotangent, of the shape of the mean: one number a row.
    axis : int, tuple of ints or None, optional
        The axis or axes that make up a row; None takes the whole array as one.
    keepdims : bool, optional
        Whether `g` has the reduced axes, with size one.
    temperature : float or array, optional
        A number t >= 0, or one a row. At 0 the formula's 0/0 is 0.
    where : array of bool, optional
        The entries that take part; at the others the result is 0.

    Returns
    -------
    array
        The cotangent of `x`.

    Raises
    ------
    TypeError, ValueError
        As `logsumexp_vjp`.

    Notes
    -----
    It is negative for an entry that lies further than t below the mean: raising it lowers the mean.

    References
    ----------
    .. [1] K. Asadi, M. L. Littman, "An alternative softmax operator for reinforcement learning",
       2017, :arxiv:`1612.05628`.

    Examples
    --------
    >>> import numpy as np
    >>> import softkern
    >>> softkern.boltzmann_vjp(np.array([0.0, 3.0]), 1.0).round(4)
    array([-0.0881,  1.0881])
    """
    x = as_floats(x)
    dtype, x, g = widened(x, as_floats(g, x))
    xp = namespace(x)
    options: dict[str, Any] = {"temperature": temperature, "where": where}
    g = g if keepdims else expanded(g, axis, x.ndim)
    B = boltzmann(x, axis, keepdims=True, **options)
    along_x = softmax_vjp(x, g * _deviation(x, B, where), axis, **options)
    return xp.astype(logsumexp_vjp(x, g, axis, keepdims=True, **options) + along_x, dtype)


def _deviation(x: Any, B: Any, where: Any) -> Any:
    """x - B, and 0 where x has no weight."""
    xp = namespace(x)
    B = xp.where(-inf == B, 0.0, B)
    has_weight = x != -inf if where is None else (x != -inf) & where
    return xp.where(has_weight, x, B) - B
