"""Log-sum-exp over the segments of an array, with its derivatives."""

from typing import Any

from ._segments import on_segments


def segment_logsumexp(
    x: Any,
    offsets: Any = None,
    *,
    segment_ids: Any = None,
    num_segments: int | None = None,
    temperature: Any = 1.0,
) -> Any:
    r"""Logarithm of the sum of exponentials over each segment of an array.

    .. math:: L_k = t \log \sum_{j \in S_k} \exp(x_j / t)

    with S_k the segment k.

    Parameters
    ----------
    x : array_like
        The segments, one behind the other along the first axis; over the others they are columns
        of their own. Integers are converted to floats first.
    offsets : sequence or array of ints, optional
        Where segments begin, from 0 to ``len(x)``: segment i is ``x[offsets[i]:offsets[i + 1]]``.
    segment_ids : sequence or array of ints, optional
        The segment of each entry, in ascending order, in place of `offsets`.
    num_segments : int, optional
        How many segments `segment_ids` tell of, by default up to the last of them.
    temperature : float or array, optional
        A number t >= 0, or one a segment: an array that broadcasts against the result.

    Returns
    -------
    array
        One number a segment and column: of shape ``(segments, *x.shape[1:])``. -inf where a segment
        has no entry above -inf, or is empty.

    Raises
    ------
    TypeError, ValueError, IndexError
        As `segment_softmax`.

    See Also
    --------
    logsumexp : Where all segments are of one length.
    segment_logsumexp_jvp, segment_logsumexp_vjp : Its derivatives.

    Notes
    -----
    In a model of choice among alternatives, where the sets to choose from differ, this is the value of
    each set [1]_. Its cost is that of `segment_softmax`.

    References
    ----------
    .. [1] D. McFadden, "Conditional logit analysis of qualitative choice behavior", in "Frontiers in
       Econometrics", 1974.

    Examples
    --------
    >>> import numpy as np
    >>> import softkern
    >>> x = np.array([1.0, 2.0, 3.0, 1000.0, 1000.0])
    >>> softkern.segment_logsumexp(x, [0, 3, 3, 5]).round(4)
    array([   3.4076,      -inf, 1000.6931])
    """
    return on_segments("logsumexp", x, None, offsets, segment_ids, num_segments, temperature)


def segment_logsumexp_jvp(
    x: Any,
    v: Any,
    offsets: Any = None,
    *,
    segment_ids: Any = None,
    num_segments: int | None = None,
    temperature: Any = 1.0,
) -> tuple[Any, Any]:
    r"""Log-sum-exp over each segment, and its derivative along a tangent.

    .. math:: dL = \langle y, v \rangle, \quad y = \mathrm{softmax}(x / t)

    Parameters
    ----------
    x : array_like
        The segments, one behind the other along the first axis.
    v : array_like
        The tangent, of the shape of `x`.
    offsets : sequence or array of ints, optional
        Where segments begin, from 0 to ``len(x)``: segment i is ``x[offsets[i]:offsets[i + 1]]``.
    segment_ids : sequence or array of ints, optional
        The segment of each entry, in ascending order, in place of `offsets`.
    num_segments : int, optional
        How many segments `segment_ids` tell of, by default up to the last of them.
    temperature : float or array, optional
        A number t >= 0, or one a segment: an array that broadcasts against the results.

    Returns
    -------
    L : array
        ``segment_logsumexp(x)``.
    dL : array
        Its derivative along `v`: the mean of `v` with the weights y. 0 where a segment has no entry
        above -inf, or is empty.

    Raises
    ------
    TypeError, ValueError, IndexError
        As `segment_softmax`.

    See Also
    --------
    segment_logsumexp : The operation.

    Notes
    -----
    This is the attention of a node where `v` are the values that its edges bring.

    References
    ----------
    .. [1] A. G. Baydin, B. A. Pearlmutter, A. A. Radul, J. M. Siskind, "Automatic differentiation
       in machine learning: a survey", Journal of Machine Learning Research 18(153), 2018.

    Examples
    --------
    >>> import numpy as np
    >>> import softkern
    >>> v = np.array([1.0, 2.0, 5.0])
    >>> L, dL = softkern.segment_logsumexp_jvp(np.zeros(3), v, [0, 2, 2, 3])
    >>> dL
    array([1.5, 0. , 5. ])
    """
    pair: tuple[Any, Any] = on_segments(
        "logsumexp_jvp", x, v, offsets, segment_ids, num_segments, temperature
    )
    return pair


def segment_logsumexp_vjp(
    x: Any,
    g: Any,
    offsets: Any = None,
    *,
    segment_ids: Any = None,
    num_segments: int | None = None,
    temperature: Any = 1.0,
) -> Any:
    r"""Derivative of log-sum-exp over each segment, backwards from a cotangent.

    .. math:: dx = g \, y, \quad y = \mathrm{softmax}(x / t)

    Parameters
    ----------
    x : array_like
        The segments, one behind the other along the first axis.
    g : array_like
        The cotangent, of the shape of `segment_logsumexp`, or what broadcasts to it.
    offsets : sequence or array of ints, optional
        Where segments begin, from 0 to ``len(x)``: segment i is ``x[offsets[i]:offsets[i + 1]]``.
    segment_ids : sequence or array of ints, optional
        The segment of each entry, in ascending order, in place of `offsets`.
    num_segments : int, optional
        How many segments `segment_ids` tell of, by default up to the last of them.
    temperature : float or array, optional
        A number t >= 0, or one a segment: an array that broadcasts against `segment_logsumexp`.

    Returns
    -------
    array
        The cotangent of `x`.

    Raises
    ------
    TypeError, ValueError, IndexError
        As `segment_softmax`.

    See Also
    --------
    segment_logsumexp : The operation.

    Notes
    -----
    Every segment takes the cotangent of its own number; of an empty one it is lost.

    References
    ----------
    .. [1] A. G. Baydin, B. A. Pearlmutter, A. A. Radul, J. M. Siskind, "Automatic differentiation
       in machine learning: a survey", Journal of Machine Learning Research 18(153), 2018.

    Examples
    --------
    >>> import numpy as np
    >>> import softkern
    >>> softkern.segment_logsumexp_vjp(np.zeros(3), np.array([1.0, 3.0]), [0, 2, 3])
    array([0.5, 0.5, 3. ])
    """
    return on_segments("logsumexp_vjp", x, g, offsets, segment_ids, num_segments, temperature)
