"""Jacobian-vector products: each operation with its derivative along a tangent v.

With y = softmax(x/t) the Jacobian of softmax is (diag y - y y^T)/t, that of log_softmax
(I - 1 y^T)/t, that of logsumexp y^T. None of them is ever formed, nor conjugated where complex.
"""

from typing import Any

from ._dispatch import backend


def softmax_jvp(
    x: Any,
    v: Any,
    axis: int | tuple[int, ...] | None = None,
    *,
    temperature: Any = 1.0,
    where: Any = None,
    output: Any = None,
    out: Any = None,
) -> tuple[Any, Any]:
    r"""Softmax and its derivative along a tangent.

    .. math:: dy = y \, (v - \langle y, v \rangle) / t

    Parameters
    ----------
    x : array_like or None
        The rows; not read, and may be None, where `output` is given.
    v : array_like
        The tangent, of the shape of `x`.
    axis : int, tuple of ints or None, optional
        The axis or axes that make up a row; None takes the whole array as one.
    temperature : float or array, optional
        A number t >= 0, or one a row. At 0 the formula's 0/0 is 0.
    where : array of bool, optional
        The entries that take part; at the others the results are 0.
    output : array, optional
        ``softmax(x)``, if it is at hand already.
    out : tuple of two arrays, optional
        Where to write the results.

    Returns
    -------
    y : array
        ``softmax(x)``.
    dy : array
        Its derivative along `v`.

    Raises
    ------
    TypeError
        If `x` is not an array softkern knows, or two arrays are of different libraries.
    ValueError
        If the temperature is negative or NaN, or a shape does not fit. An array of temperatures
        is not looked into with CuPy and in JAX: results of such a row are NaN there.

    See Also
    --------
    softmax : The operation.
    softmax_vjp : The same derivative backwards; the Jacobian is symmetric.

    Notes
    -----
    The tangent is measured from its value at the row's largest entry before <y, v> is taken. Where
    one entry dominates, v - <y, v> would cancel there and lose everything.

    References
    ----------
    .. [1] A. G. Baydin, B. A. Pearlmutter, A. A. Radul, J. M. Siskind, "Automatic differentiation
       in machine learning: a survey", Journal of Machine Learning Research 18(153), 2018.

    Examples
    --------
    >>> import numpy as np
    >>> import softkern
    >>> y, dy = softkern.softmax_jvp(np.zeros(4), np.array([1.0, 0.0, 0.0, 0.0]))
    >>> y
    array([0.25, 0.25, 0.25, 0.25])
    >>> dy
    array([ 0.1875, -0.0625, -0.0625, -0.0625])
    """
    primal = x if output is None else output
    pair: tuple[Any, Any] = backend(primal, temperature, v, where, out).softmax_jvp(
        x, v, axis, temperature, where, output, out
    )
    return pair


def log_softmax_jvp(
    x: Any,
    v: Any,
    axis: int | tuple[int, ...] | None = None,
    *,
    temperature: Any = 1.0,
    where: Any = None,
    output: Any = None,
    out: Any = None,
) -> tuple[Any, Any]:
    r"""Logarithm of softmax and its derivative along a tangent.

    .. math:: dz = (v - \langle y, v \rangle) / t, \quad y = \exp z

    Parameters
    ----------
    x : array_like or None
        The rows; not read, and may be None, where `output` is given.
    v : array_like
        The tangent, of the shape of `x`.
    axis : int, tuple of ints or None, optional
        The axis or axes that make up a row; None takes the whole array as one.
    temperature : float or array, optional
        A number t >= 0, or one a row. At 0 the formula's 0/0 is 0.
    where : array of bool, optional
        The entries that take part; at the others z is -inf and dz is 0.
    output : array, optional
        ``log_softmax(x)``, if it is at hand already.
    out : tuple of two arrays, optional
        Where to write the results.

    Returns
    -------
    z : array
        ``log_softmax(x)``.
    dz : array
        Its derivative along `v`.

    Raises
    ------
    TypeError
        If `x` is not an array softkern knows, or two arrays are of different libraries.
    ValueError
        If the temperature is negative or NaN, or a shape does not fit. An array of temperatures
        is not looked into with CuPy and in JAX: results of such a row are NaN there.

    See Also
    --------
    log_softmax : The operation.
    log_softmax_vjp : The same derivative backwards.

    Notes
    -----
    The tangent is measured from its value at the row's largest entry, as in `softmax_jvp`.

    References
    ----------
    .. [1] A. G. Baydin, B. A. Pearlmutter, A. A. Radul, J. M. Siskind, "Automatic differentiation
       in machine learning: a survey", Journal of Machine Learning Research 18(153), 2018.

    Examples
    --------
    >>> import numpy as np
    >>> import softkern
    >>> z, dz = softkern.log_softmax_jvp(np.zeros(4), np.array([1.0, 0.0, 0.0, 0.0]))
    >>> dz
    array([ 0.75, -0.25, -0.25, -0.25])
    """
    primal = x if output is None else output
    pair: tuple[Any, Any] = backend(primal, temperature, v, where, out).log_softmax_jvp(
        x, v, axis, temperature, where, output, out
    )
    return pair


def logsumexp_jvp(
    x: Any,
    v: Any,
    axis: int | tuple[int, ...] | None = None,
    *,
    keepdims: bool = False,
    temperature: Any = 1.0,
    where: Any = None,
    output: Any = None,
    out: Any = None,
) -> tuple[Any, Any]:
    r"""Logarithm of the sum of exponentials and its derivative along a tangent.

    .. math:: dL = \langle y, v \rangle, \quad y = \mathrm{softmax}(x / t)

    Parameters
    ----------
    x : array_like
        The rows.
    v : array_like
        The tangent, of the shape of `x`.
    axis : int, tuple of ints or None, optional
        The axis or axes that make up a row; None takes the whole array as one.
    keepdims : bool, optional
        Whether the reduced axes stay, with size one.
    temperature : float or array, optional
        A number t >= 0, or one a row.
    where : array of bool, optional
        The entries that take part.
    output : array, optional
        ``logsumexp(x)``, if it is at hand already; the weights y are taken from `x` all the same.
    out : tuple of two arrays, optional
        Where to write the results.

    Returns
    -------
    L : array
        ``logsumexp(x)``.
    dL : array
        Its derivative along `v`: the mean of `v` with the weights y. 0 where a row has no entry
        above -inf.

    Raises
    ------
    TypeError
        If `x` is not an array softkern knows, or two arrays are of different libraries.
    ValueError
        If the temperature is negative or NaN, or a shape does not fit. An array of temperatures
        is not looked into with CuPy and in JAX: results of such a row are NaN there.

    See Also
    --------
    logsumexp : The operation.
    logsumexp_vjp : The same derivative backwards.

    Notes
    -----
    The weights are exp((x - m)/t) / s and not the shorter exp((x - L)/t), which loses the digits
    that L has before the point [1]_.

    References
    ----------
    .. [1] P. Blanchard, D. J. Higham, N. J. Higham, "Accurately computing the log-sum-exp and
       softmax functions", IMA Journal of Numerical Analysis 41(4), 2021,
       :doi:`10.1093/imanum/draa038`.

    Examples
    --------
    The mean of v under Boltzmann's distribution, here with equal weights:

    >>> import numpy as np
    >>> import softkern
    >>> L, dL = softkern.logsumexp_jvp(np.zeros(4), np.array([1.0, 2.0, 3.0, 4.0]))
    >>> float(dL)
    2.5
    """
    pair: tuple[Any, Any] = backend(x, temperature, v, where, output, out).logsumexp_jvp(
        x, v, axis, keepdims, temperature, where, output, out
    )
    return pair
