"""The operations: what each computes, and one call on to the backend of its array."""

from typing import Any

from ._dispatch import backend


def softmax(
    x: Any,
    axis: int | tuple[int, ...] | None = None,
    *,
    temperature: Any = 1.0,
    where: Any = None,
    out: Any = None,
) -> Any:
    r"""Positive weights that sum to one, in proportion to the exponentials of the entries.

    .. math:: y_i = \frac{\exp(x_i / t)}{\sum_j \exp(x_j / t)}

    Parameters
    ----------
    x : array_like
        The rows. Integers are converted to floats first.
    axis : int, tuple of ints or None, optional
        The axis or axes that make up a row; None takes the whole array as one.
    temperature : float or array, optional
        A number t >= 0, or one a row: an array that broadcasts against `x` less its `axis`.
        At 0 the largest entries share the row equally, at infinity all entries above -inf do.
    where : array of bool, optional
        The entries that take part, broadcast to `x`; at the others the result is 0.
    out : array, optional
        Where to write the result, of its shape and dtype.

    Returns
    -------
    array
        Of the shape of `x`, and its dtype if that is a float. A row that holds NaN or +inf, or
        nothing but -inf, is NaN.

    Raises
    ------
    TypeError
        If `x` is not an array softkern knows, or two arrays are of different libraries.
    ValueError
        If the temperature is negative or NaN, or a shape does not fit. An array of temperatures
        is not looked into with CuPy and in JAX: results of such a row are NaN there.

    See Also
    --------
    log_softmax : Its logarithm, accurate where softmax itself is too small for a float.
    softmax_jvp, softmax_vjp : Its derivatives.

    Notes
    -----
    Every entry is computed as exp((x - max x)/t) / s with s the sum of these exponentials. This
    does not overflow and is accurate [1]_, where the shorter exp(x - logsumexp x) is not.

    References
    ----------
    .. [1] P. Blanchard, D. J. Higham, N. J. Higham, "Accurately computing the log-sum-exp and
       softmax functions", IMA Journal of Numerical Analysis 41(4), 2021,
       :doi:`10.1093/imanum/draa038`.

    Examples
    --------
    >>> import numpy as np
    >>> import softkern
    >>> x = np.array([[1.0, 2.0, 3.0], [1000.0, 1000.0, -np.inf]])
    >>> softkern.softmax(x, axis=1).round(4)
    array([[0.09  , 0.2447, 0.6652],
           [0.5   , 0.5   , 0.    ]])

    One temperature a row, and one entry left out:

    >>> softkern.softmax(x, axis=1, temperature=np.array([0.0, 1.0])).round(4)
    array([[0. , 0. , 1. ],
           [0.5, 0.5, 0. ]])
    >>> softkern.softmax(x[0], where=np.array([True, True, False])).round(4)
    array([0.2689, 0.7311, 0.    ])
    """
    return backend(x, temperature, where, out).softmax(x, axis, temperature, where, out)


def log_softmax(
    x: Any,
    axis: int | tuple[int, ...] | None = None,
    *,
    temperature: Any = 1.0,
    where: Any = None,
    out: Any = None,
) -> Any:
    r"""Logarithm of softmax.

    .. math:: z_i = \frac{x_i}{t} - \log \sum_j \exp(x_j / t)

    Parameters
    ----------
    x : array_like
        The rows. Integers are converted to floats first.
    axis : int, tuple of ints or None, optional
        The axis or axes that make up a row; None takes the whole array as one.
    temperature : float or array, optional
        A number t >= 0, or one a row: an array that broadcasts against `x` less its `axis`.
    where : array of bool, optional
        The entries that take part, broadcast to `x`; at the others the result is -inf.
    out : array, optional
        Where to write the result, of its shape and dtype.

    Returns
    -------
    array
        Of the shape of `x`, and its dtype if that is a float. A row that holds NaN or +inf, or
        nothing but -inf, is NaN.

    Raises
    ------
    TypeError
        If `x` is not an array softkern knows, or two arrays are of different libraries.
    ValueError
        If the temperature is negative or NaN, or a shape does not fit. An array of temperatures
        is not looked into with CuPy and in JAX: results of such a row are NaN there.

    See Also
    --------
    softmax : The exponential of this.
    log_softmax_jvp, log_softmax_vjp : Its derivatives.

    Notes
    -----
    Computed as (x - m)/t - log s with m the maximum and s the sum of exp((x - m)/t) [1]_. In log s
    the maximum's own share is split off, log s = log1p(the rest), so that the logarithm of a
    probability close to one keeps its digits.

    References
    ----------
    .. [1] P. Blanchard, D. J. Higham, N. J. Higham, "Accurately computing the log-sum-exp and
       softmax functions", IMA Journal of Numerical Analysis 41(4), 2021,
       :doi:`10.1093/imanum/draa038`.

    Examples
    --------
    >>> import numpy as np
    >>> import softkern
    >>> softkern.log_softmax(np.array([1000.0, 1.0]))
    array([   0., -999.])
    >>> softkern.log_softmax(np.array([[3, 3], [3, 3]], dtype=np.uint8), axis=0).round(4)
    array([[-0.6931, -0.6931],
           [-0.6931, -0.6931]])
    """
    return backend(x, temperature, where, out).log_softmax(x, axis, temperature, where, out)


def logsumexp(
    a: Any,
    axis: int | tuple[int, ...] | None = None,
    b: Any = None,
    keepdims: bool = False,
    return_sign: bool = False,
    *,
    temperature: Any = 1.0,
    where: Any = None,
    out: Any = None,
) -> Any:
    r"""Logarithm of the sum of exponentials: a smooth maximum.

    .. math:: L = t \log \sum_j b_j \exp(a_j / t)

    Parameters
    ----------
    a : array_like
        The rows. Integers are converted to floats first.
    axis : int, tuple of ints or None, optional
        The axis or axes that make up a row; None takes the whole array as one.
    b : array_like, optional
        Weights, real of any sign or complex, broadcast with `a`. An entry of weight 0 takes no
        part, even if it is NaN.
    keepdims : bool, optional
        Whether the reduced axes stay, with size one.
    return_sign : bool, optional
        Whether to return the sign of the sum too, and so the logarithm of its absolute value.
    temperature : float or array, optional
        A number t >= 0, or one a row: an array that broadcasts against the result. At 0 the
        result is the maximum; at infinity it is infinite unless one entry alone is above -inf.
    where : array of bool, optional
        The entries that take part, broadcast to `a`.
    out : array or tuple of two arrays, optional
        Where to write the result, of its shape and dtype; a pair if `return_sign`.

    Returns
    -------
    L : array
        The logarithm, -inf where a row has no entry above -inf. NaN where the sum is negative,
        unless `return_sign`.
    sign : array
        With `return_sign` only: the sign of the sum, -1, 0 or 1; for complex numbers its phase.

    Raises
    ------
    TypeError
        If `a` is not an array softkern knows, or two arrays are of different libraries.
    ValueError
        If the temperature is negative or NaN, or a shape does not fit. An array of temperatures
        is not looked into with CuPy and in JAX: results of such a row are NaN there.

    See Also
    --------
    softmax : The gradient of this.
    logsumexp_jvp, logsumexp_vjp : Its derivatives.

    Notes
    -----
    Computed as m + t log s with m the maximum and s the sum of b exp((a - m)/t) [1]_. Arguments and
    results are those of `scipy.special.logsumexp`, to which `temperature`, `where` and `out` are
    added. For complex numbers m is the largest real part.

    References
    ----------
    .. [1] P. Blanchard, D. J. Higham, N. J. Higham, "Accurately computing the log-sum-exp and
       softmax functions", IMA Journal of Numerical Analysis 41(4), 2021,
       :doi:`10.1093/imanum/draa038`.

    Examples
    --------
    >>> import numpy as np
    >>> import softkern
    >>> softkern.logsumexp(np.array([[1000.0, 1000.0], [0.0, -np.inf]]), axis=1).round(4)
    array([1000.6931,    0.    ])

    The logarithm of a difference, log(exp 2 - exp 1), and of its negative:

    >>> a, b = np.array([2.0, 1.0]), np.array([1.0, -1.0])
    >>> softkern.logsumexp(a, b=b).round(4)
    np.float64(1.5413)
    >>> L, sign = softkern.logsumexp(a, b=-b, return_sign=True)
    >>> float(L.round(4)), float(sign)
    (1.5413, -1.0)
    """
    return backend(a, temperature, b, where, out).logsumexp(
        a, axis, b, keepdims, return_sign, temperature, where, out
    )
