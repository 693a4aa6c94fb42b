"""Softmin: softmax of the negative, and so all that is known of that."""

from typing import Any

from ._api import softmax
from ._arrays import as_floats
from ._jvp import softmax_jvp
from ._vjp import softmax_vjp


def softmin(
    x: Any,
    axis: int | tuple[int, ...] | None = None,
    *,
    temperature: Any = 1.0,
    where: Any = None,
    out: Any = None,
) -> Any:
    r"""Softmax of the negative: positive weights that sum to one, the largest for the smallest entry.

    .. math:: y_i = \frac{\exp(-x_i / t)}{\sum_j \exp(-x_j / t)}

    Parameters
    ----------
    x : array_like
        The rows. Integers are converted to floats first.
    axis : int, tuple of ints or None, optional
        The axis or axes that make up a row; None takes the whole array as one.
    temperature : float or array, optional
        A number t >= 0, or one a row. At 0 the smallest entries share the row equally.
    where : array of bool, optional
        The entries that take part; at the others the result is 0.
    out : array, optional
        Where to write the result, of its shape and dtype.

    Returns
    -------
    array
        Of the shape of `x`, and its dtype if that is a float. A row that holds NaN or -inf, or
        nothing but +inf, is NaN.

    Raises
    ------
    TypeError, ValueError
        As `softmax`.

    See Also
    --------
    softmin_jvp, softmin_vjp : Its derivatives.

    Notes
    -----
    With energies for x and k T for t these are the probabilities of statistical mechanics [1]_.

    References
    ----------
    .. [1] J. W. Gibbs, "Elementary principles in statistical mechanics", 1902.

    Examples
    --------
    >>> import numpy as np
    >>> import softkern
    >>> softkern.softmin(np.array([1.0, 2.0, 3.0])).round(4)
    array([0.6652, 0.2447, 0.09  ])
    """
    return softmax(-as_floats(x), axis, temperature=temperature, where=where, out=out)


def softmin_jvp(
    x: Any,
    v: Any,
    axis: int | tuple[int, ...] | None = None,
    *,
    temperature: Any = 1.0,
    where: Any = None,
    out: Any = None,
) -> tuple[Any, Any]:
    r"""Softmin and its derivative along a tangent.

    .. math:: dy = -y \, (v - \langle y, v \rangle) / t

    Parameters
    ----------
    x : array_like
        The rows.
    v : array_like
        The tangent, of the shape of `x`.
    axis : int, tuple of ints or None, optional
        The axis or axes that make up a row; None takes the whole array as one.
    temperature : float or array, optional
        A number t >= 0, or one a row. At 0 the formula's 0/0 is 0.
    where : array of bool, optional
        The entries that take part; at the others the results are 0.
    out : tuple of two arrays, optional
        Where to write the results.

    Returns
    -------
    y : array
        ``softmin(x)``.
    dy : array
        Its derivative along `v`.

    Raises
    ------
    TypeError, ValueError
        As `softmax_jvp`.

    Notes
    -----
    This is `softmax_jvp` of the negatives of both.

    References
    ----------
    .. [1] A. G. Baydin, B. A. Pearlmutter, A. A. Radul, J. M. Siskind, "Automatic differentiation
       in machine learning: a survey", Journal of Machine Learning Research 18(153), 2018.

    Examples
    --------
    >>> import numpy as np
    >>> import softkern
    >>> y, dy = softkern.softmin_jvp(np.zeros(2), np.array([1.0, 0.0]))
    >>> dy
    array([-0.25,  0.25])
    """
    x = as_floats(x)
    x, v = -x, -as_floats(v, x)
    return softmax_jvp(x, v, axis, temperature=temperature, where=where, out=out)


def softmin_vjp(
    x: Any,
    g: Any,
    axis: int | tuple[int, ...] | None = None,
    *,
    temperature: Any = 1.0,
    where: Any = None,
    out: Any = None,
) -> Any:
    r"""Derivative of softmin, backwards from a cotangent.

    .. math:: dx = -y \, (g - \langle y, g \rangle) / t

    Parameters
    ----------
    x : array_like
        The rows.
    g : array_like
        The cotangent, of the shape of `x`.
    axis : int, tuple of ints or None, optional
        The axis or axes that make up a row; None takes the whole array as one.
    temperature : float or array, optional
        A number t >= 0, or one a row. At 0 the formula's 0/0 is 0.
    where : array of bool, optional
        The entries that take part; at the others the result is 0.
    out : array, optional
        Where to write the result.

    Returns
    -------
    array
        The cotangent of `x`.

    Raises
    ------
    TypeError, ValueError
        As `softmax_vjp`.

    Notes
    -----
    The Jacobian is symmetric, so this is the derivative of `softmin_jvp`.

    References
    ----------
    .. [1] A. G. Baydin, B. A. Pearlmutter, A. A. Radul, J. M. Siskind, "Automatic differentiation
       in machine learning: a survey", Journal of Machine Learning Research 18(153), 2018.

    Examples
    --------
    >>> import numpy as np
    >>> import softkern
    >>> softkern.softmin_vjp(np.zeros(2), np.array([1.0, 0.0]))
    array([-0.25,  0.25])
    """
    x = as_floats(x)
    x, g = -x, -as_floats(g, x)
    return softmax_vjp(x, g, axis, temperature=temperature, where=where, out=out)
