"""Vector-Jacobian products: the derivative of each operation, backwards from a cotangent g.

They multiply by the transposes of the Jacobians of ``_jvp``, not conjugated where complex.
"""

from typing import Any

from ._dispatch import backend


def softmax_vjp(
    x: Any,
    g: Any,
    axis: int | tuple[int, ...] | None = None,
    *,
    temperature: Any = 1.0,
    where: Any = None,
    output: Any = None,
    out: Any = None,
) -> Any:
    r"""Derivative of softmax, backwards from a cotangent.

    .. math:: dx = y \, (g - \langle y, g \rangle) / t

    Parameters
    ----------
    x : array_like or None
        The rows; not read, and may be None, where `output` is given.
    g : array_like
        The cotangent, of the shape of `x`.
    axis : int, tuple of ints or None, optional
        The axis or axes that make up a row; None takes the whole array as one.
    temperature : float or array, optional
        A number t >= 0, or one a row. At 0 the formula's 0/0 is 0.
    where : array of bool, optional
        The entries that take part; at the others the result is 0.
    output : array, optional
        ``softmax(x)``, if it is at hand already.
    out : array, optional
        Where to write the result.

    Returns
    -------
    array
        The cotangent of `x`.

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
    softmax_jvp : The same derivative forwards; the Jacobian is symmetric.

    Notes
    -----
    The cotangent is measured from its value at the row's largest entry, as in `softmax_jvp`.

    References
    ----------
    .. [1] A. G. Baydin, B. A. Pearlmutter, A. A. Radul, J. M. Siskind, "Automatic differentiation
       in machine learning: a survey", Journal of Machine Learning Research 18(153), 2018.

    Examples
    --------
    >>> import numpy as np
    >>> import softkern
    >>> softkern.softmax_vjp(np.zeros(4), np.array([1.0, 0.0, 0.0, 0.0]))
    array([ 0.1875, -0.0625, -0.0625, -0.0625])

    From softmax alone, as a network's backward pass has it:

    >>> y = np.array([0.5, 0.5])
    >>> softkern.softmax_vjp(None, np.array([1.0, 0.0]), output=y)
    array([ 0.25, -0.25])
    """
    primal = x if output is None else output
    return backend(primal, temperature, g, where, out).softmax_vjp(
        x, g, axis, temperature, where, output, out
    )


def log_softmax_vjp(
    x: Any,
    g: Any,
    axis: int | tuple[int, ...] | None = None,
    *,
    temperature: Any = 1.0,
    where: Any = None,
    output: Any = None,
    out: Any = None,
) -> Any:
    r"""Derivative of the logarithm of softmax, backwards from a cotangent.

    .. math:: dx = \Bigl(g - y \sum_j g_j\Bigr) / t, \quad y = \exp z

    Parameters
    ----------
    x : array_like or None
        The rows; not read, and may be None, where `output` is given.
    g : array_like
        The cotangent, of the shape of `x`.
    axis : int, tuple of ints or None, optional
        The axis or axes that make up a row; None takes the whole array as one.
    temperature : float or array, optional
        A number t >= 0, or one a row. At 0 the formula's 0/0 is 0.
    where : array of bool, optional
        The entries that take part; at the others the result is 0.
    output : array, optional
        ``log_softmax(x)``, if it is at hand already.
    out : array, optional
        Where to write the result.

    Returns
    -------
    array
        The cotangent of `x`.

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
    log_softmax_jvp : The same derivative forwards.

    Notes
    -----
    With -g the one-hot class labels this is the gradient of the cross-entropy: y less the labels.

    References
    ----------
    .. [1] A. G. Baydin, B. A. Pearlmutter, A. A. Radul, J. M. Siskind, "Automatic differentiation
       in machine learning: a survey", Journal of Machine Learning Research 18(153), 2018.

    Examples
    --------
    >>> import numpy as np
    >>> import softkern
    >>> softkern.log_softmax_vjp(np.zeros(4), np.array([-1.0, 0.0, 0.0, 0.0]))
    array([-0.75,  0.25,  0.25,  0.25])
    """
    primal = x if output is None else output
    return backend(primal, temperature, g, where, out).log_softmax_vjp(
        x, g, axis, temperature, where, output, out
    )


def logsumexp_vjp(
    x: Any,
    g: Any,
    axis: int | tuple[int, ...] | None = None,
    *,
    keepdims: bool = False,
    temperature: Any = 1.0,
    where: Any = None,
    output: Any = None,
    out: Any = None,
) -> Any:
    r"""Derivative of the logarithm of the sum of exponentials, backwards from a cotangent.

    .. math:: dx = y \, g, \quad y = \mathrm{softmax}(x / t)

    Parameters
    ----------
    x : array_like
        The rows.
    g : array_like
        The cotangent, one number a row.
    axis : int, tuple of ints or None, optional
        The axis or axes that make up a row; None takes the whole array as one.
    keepdims : bool, optional
        Whether `g` keeps the reduced axes, with size one.
    temperature : float or array, optional
        A number t >= 0, or one a row.
    where : array of bool, optional
        The entries that take part; at the others the result is 0.
    output : array, optional
        ``logsumexp(x)``, if it is at hand already; the weights y are taken from `x` all the same.
    out : array, optional
        Where to write the result.

    Returns
    -------
    array
        The cotangent of `x`; 0 where a row has no entry above -inf.

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
    logsumexp_jvp : The same derivative forwards.

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
    >>> import numpy as np
    >>> import softkern
    >>> softkern.logsumexp_vjp(np.zeros((2, 4)), np.array([1.0, 8.0]), axis=1)
    array([[0.25, 0.25, 0.25, 0.25],
           [2.  , 2.  , 2.  , 2.  ]])
    """
    return backend(x, temperature, g, where, output, out).logsumexp_vjp(
        x, g, axis, keepdims, temperature, where, output, out
    )
