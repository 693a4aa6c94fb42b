"""Cross-entropy of rows of logits, to their classes or to probabilities."""

from typing import Any, Literal

Reduction = Literal["none", "mean", "sum"]


def cross_entropy(
    logits: Any,
    target: Any,
    axis: int = -1,
    *,
    weight: Any = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    reduction: Reduction = "mean",
    temperature: Any = 1.0,
) -> Any:
    r"""Cross-entropy of softmax to class labels or probabilities.

    .. math:: \ell = -\sum_c q_c \log \mathrm{softmax}(x / t)_c

    Parameters
    ----------
    logits : array_like
        The rows x, real. Integers are converted to floats first.
    target : array_like
        The class of each row, integers of the shape of `logits` less `axis`, of which q is the
        indicator; or q itself, floats of the shape of `logits`, probabilities as a rule.
    axis : int, optional
        The axis of the classes.
    weight : array, optional
        One number a class, which multiplies q.
    ignore_index : int, optional
        A class whose rows do not count; it need not be one that there is.
    label_smoothing : float, optional
        The share of q, from 0 to 1, that is taken from it and given to all classes alike.
    reduction : {"mean", "sum", "none"}, optional
        The mean over the rows, weighted with their classes' weights; their sum; or each.
    temperature : float or array, optional
        A number t >= 0, or one a row.

    Returns
    -------
    array
        The loss in nats, of the dtype of `logits` if that is a float. A row that holds NaN or +inf,
        or nothing but -inf, is NaN, unless it is ignored. The mean of no rows is NaN.

    Raises
    ------
    IndexError
        If a class is out of range. With CuPy and in JAX and Dask it is not looked into: the loss of
        such a row is NaN there.
    TypeError
        If an array is not one softkern knows, or of the wrong kind of numbers, or two are of
        different libraries.
    ValueError
        If a shape does not fit, or an option is none of those above.

    See Also
    --------
    cross_entropy_vjp : Its derivative.
    cross_entropy_value_and_grad : Both together.
    log_softmax : Its terms.

    Notes
    -----
    Arguments and results are those of `torch.nn.functional.cross_entropy`, but for the place of the
    classes' axis, which is the last, and for `ignore_index`, of which there is none unless given;
    `temperature` is added. Where q is 0 the logarithm does not count, not even if it is infinite.
    For the loss of NumPy, CuPy and PyTorch arrays the logits are read from memory once, and their
    softmax is never there. A row's loss is (m - x)/t + log1p(s - 1), with m its maximum and s the
    sum of exponentials [1]_, which keeps its digits where a row is sure of its class.

    References
    ----------
    .. [1] P. Blanchard, D. J. Higham, N. J. Higham, "Accurately computing the log-sum-exp and
       softmax functions", IMA Journal of Numerical Analysis 41(4), 2021,
       :doi:`10.1093/imanum/draa038`.

    Examples
    --------
    >>> import numpy as np
    >>> import softkern
    >>> logits = np.array([[2.0, 1.0, 0.0], [0.0, 0.0, 50.0]])
    >>> softkern.cross_entropy(logits, np.array([0, 2]), reduction="none").round(4)
    array([0.4076, 0.    ])
    >>> softkern.cross_entropy(logits, np.array([0, 2]), label_smoothing=0.1).round(4)
    np.float64(1.9205)

    To probabilities:

    >>> softkern.cross_entropy(logits[0], np.array([0.7, 0.2, 0.1])).round(4)
    np.float64(0.8076)
    """
    from ._loss import Loss

    options = weight, ignore_index, label_smoothing, reduction, temperature
    return Loss(logits, target, axis, *options).value()


def cross_entropy_vjp(
    logits: Any,
    target: Any,
    g: Any,
    axis: int = -1,
    *,
    weight: Any = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    reduction: Reduction = "mean",
    temperature: Any = 1.0,
) -> Any:
    r"""Derivative of the cross-entropy, backwards from a cotangent.

    .. math:: dx_c = g \Bigl(y_c \sum_k q_k - q_c\Bigr) / t, \quad y = \mathrm{softmax}(x / t)

    Parameters
    ----------
    logits, target : array_like
        As in `cross_entropy`.
    g : array_like
        The cotangent, of the shape of the loss: a number, or one a row where not reduced.
    axis : int, optional
        The axis of the classes.
    weight : array, optional
        One number a class.
    ignore_index : int, optional
        A class whose rows do not count; their derivative is 0.
    label_smoothing : float, optional
        The share of q, from 0 to 1, that is given to all classes alike.
    reduction : {"mean", "sum", "none"}, optional
        As in `cross_entropy`.
    temperature : float or array, optional
        A number t >= 0, or one a row. At 0 the formula's 0/0 is 0.

    Returns
    -------
    array
        The cotangent of the logits.

    Raises
    ------
    IndexError, TypeError, ValueError
        As `cross_entropy`.

    Notes
    -----
    At a row's class y - 1 is computed as expm1(-loss), which keeps its digits where y is near 1.

    References
    ----------
    .. [1] A. G. Baydin, B. A. Pearlmutter, A. A. Radul, J. M. Siskind, "Automatic differentiation
       in machine learning: a survey", Journal of Machine Learning Research 18(153), 2018.

    Examples
    --------
    >>> import numpy as np
    >>> import softkern
    >>> softkern.cross_entropy_vjp(np.zeros((1, 4)), np.array([0]), 1.0)
    array([[-0.75,  0.25,  0.25,  0.25]])
    """
    from ._loss import Loss

    options = weight, ignore_index, label_smoothing, reduction, temperature
    return Loss(logits, target, axis, *options).vjp(g)


def cross_entropy_value_and_grad(
    logits: Any,
    target: Any,
    axis: int = -1,
    *,
    weight: Any = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    reduction: Reduction = "mean",
    temperature: Any = 1.0,
) -> tuple[Any, Any]:
    r"""Cross-entropy and its gradient, from the same sums over the logits.

    .. math:: \ell = -\sum_c q_c \log y_c, \quad
       \frac{\partial \ell}{\partial x_c} = \Bigl(y_c \sum_k q_k - q_c\Bigr) / t

    Parameters
    ----------
    logits, target : array_like
        As in `cross_entropy`.
    axis : int, optional
        The axis of the classes.
    weight : array, optional
        One number a class.
    ignore_index : int, optional
        A class whose rows do not count; their gradient is 0.
    label_smoothing : float, optional
        The share of q, from 0 to 1, that is given to all classes alike.
    reduction : {"mean", "sum", "none"}, optional
        As in `cross_entropy`; with "none" each row's gradient is that of its own loss.
    temperature : float or array, optional
        A number t >= 0, or one a row. At 0 the formula's 0/0 is 0.

    Returns
    -------
    loss : array
        ``cross_entropy(logits, target)``.
    gradient : array
        Its gradient, of the shape of `logits`.

    Raises
    ------
    IndexError, TypeError, ValueError
        As `cross_entropy`.

    See Also
    --------
    cross_entropy_vjp : The gradient alone, times a cotangent.

    Notes
    -----
    Each is the bits that `cross_entropy` and `cross_entropy_vjp` give. Where nothing differentiates
    for you this saves the sums of one; in PyTorch and JAX `cross_entropy` has its derivative.

    References
    ----------
    .. [1] A. G. Baydin, B. A. Pearlmutter, A. A. Radul, J. M. Siskind, "Automatic differentiation
       in machine learning: a survey", Journal of Machine Learning Research 18(153), 2018.

    Examples
    --------
    One step of softmax regression:

    >>> import numpy as np
    >>> import softkern
    >>> X, labels, W = np.eye(3), np.array([2, 0, 1]), np.zeros((3, 3))
    >>> loss, dlogits = softkern.cross_entropy_value_and_grad(X @ W, labels)
    >>> W -= X.T @ dlogits
    >>> loss.round(4), softkern.cross_entropy(X @ W, labels).round(4)
    (np.float64(1.0986), np.float64(0.8892))
    """
    from ._loss import Loss

    options = weight, ignore_index, label_smoothing, reduction, temperature
    return Loss(logits, target, axis, *options).value_and_grad()
