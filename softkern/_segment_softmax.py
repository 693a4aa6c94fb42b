"""Softmax over the segments of an array, with its derivatives."""

from typing import Any

from ._segments import on_segments


def segment_softmax(
    x: Any,
    offsets: Any = None,
    *,
    segment_ids: Any = None,
    num_segments: int | None = None,
    temperature: Any = 1.0,
) -> Any:
    r"""Softmax over each segment of an array.

    .. math:: y_i = \frac{\exp(x_i / t)}{\sum_{j \in S(i)} \exp(x_j / t)}

    with S(i) the segment that i lies in.

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
        A number t >= 0, or one a segment: an array that broadcasts against `segment_logsumexp`.

    Returns
    -------
    array
        Of the shape of `x`, and its dtype if that is a float. A segment that holds NaN or +inf, or
        nothing but -inf, is NaN; an empty one has no entry here.

    Raises
    ------
    TypeError
        If not one of `offsets` and `segment_ids` is given, or they are not integers, or not known
        because JAX traces them; if arrays are of two libraries.
    ValueError
        If `offsets` do not ascend from 0 to ``len(x)`` or `segment_ids` do not ascend; if the
        temperature is negative or NaN, or a shape does not fit.
    IndexError
        If `segment_ids` are negative, or beyond `num_segments`.

    See Also
    --------
    softmax : Where all segments are of one length.
    segment_softmax_jvp, segment_softmax_vjp : Its derivatives.

    Notes
    -----
    The attention of a node of a graph is the softmax over the edges that come in [1]_: sort these by
    their target, whose number is then the segment's. `offsets` are those of a sparse matrix in CSR
    format, and faster than `segment_ids`. To check them they are copied from their device, which is
    waited for.

    NumPy and CuPy arrays have kernels. Others are gathered into rectangles, one for all
    segments up to the same power of two: twice the memory of `x`, and an operation each.

    References
    ----------
    .. [1] P. Veličković, G. Cucurull, A. Casanova, A. Romero, P. Liò, Y. Bengio, "Graph attention
       networks", 2017, :arxiv:`1710.10903`.

    Examples
    --------
    >>> import numpy as np
    >>> import softkern
    >>> x = np.array([1.0, 2.0, 3.0, 1000.0, 1000.0])
    >>> softkern.segment_softmax(x, [0, 3, 3, 5]).round(4)
    array([0.09  , 0.2447, 0.6652, 0.5   , 0.5   ])
    >>> softkern.segment_softmax(x, segment_ids=[0, 0, 0, 2, 2]).round(4)
    array([0.09  , 0.2447, 0.6652, 0.5   , 0.5   ])
    """
    return on_segments("softmax", x, None, offsets, segment_ids, num_segments, temperature)


def segment_softmax_jvp(
    x: Any,
    v: Any,
    offsets: Any = None,
    *,
    segment_ids: Any = None,
    num_segments: int | None = None,
    temperature: Any = 1.0,
) -> tuple[Any, Any]:
    r"""Softmax over each segment, and its derivative along a tangent.

    .. math:: dy = y \, (v - \langle y, v \rangle) / t

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
        A number t >= 0, or one a segment. At 0 the formula's 0/0 is 0.

    Returns
    -------
    y : array
        ``segment_softmax(x)``.
    dy : array
        Its derivative along `v`.

    Raises
    ------
    TypeError, ValueError, IndexError
        As `segment_softmax`.

    See Also
    --------
    segment_softmax : The operation.

    Notes
    -----
    The mean <y, v> is that of the segment, as `softmax_jvp` takes it.

    References
    ----------
    .. [1] A. G. Baydin, B. A. Pearlmutter, A. A. Radul, J. M. Siskind, "Automatic differentiation
       in machine learning: a survey", Journal of Machine Learning Research 18(153), 2018.

    Examples
    --------
    >>> import numpy as np
    >>> import softkern
    >>> y, dy = softkern.segment_softmax_jvp(np.zeros(3), np.array([1.0, 0.0, 5.0]), [0, 2, 3])
    >>> dy
    array([ 0.25, -0.25,  0.  ])
    """
    pair: tuple[Any, Any] = on_segments(
        "softmax_jvp", x, v, offsets, segment_ids, num_segments, temperature
    )
    return pair


def segment_softmax_vjp(
    x: Any,
    g: Any,
    offsets: Any = None,
    *,
    segment_ids: Any = None,
    num_segments: int | None = None,
    temperature: Any = 1.0,
) -> Any:
    r"""Derivative of softmax over each segment, backwards from a cotangent.

    .. math:: dx = y \, (g - \langle y, g \rangle) / t

    Parameters
    ----------
    x : array_like
        The segments, one behind the other along the first axis.
    g : array_like
        The cotangent, of the shape of `x`.
    offsets : sequence or array of ints, optional
        Where segments begin, from 0 to ``len(x)``: segment i is ``x[offsets[i]:offsets[i + 1]]``.
    segment_ids : sequence or array of ints, optional
        The segment of each entry, in ascending order, in place of `offsets`.
    num_segments : int, optional
        How many segments `segment_ids` tell of, by default up to the last of them.
    temperature : float or array, optional
        A number t >= 0, or one a segment. At 0 the formula's 0/0 is 0.

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
    segment_softmax : The operation.

    Notes
    -----
    The Jacobian is symmetric, so this is the derivative of `segment_softmax_jvp`.

    References
    ----------
    .. [1] A. G. Baydin, B. A. Pearlmutter, A. A. Radul, J. M. Siskind, "Automatic differentiation
       in machine learning: a survey", Journal of Machine Learning Research 18(153), 2018.

    Examples
    --------
    >>> import numpy as np
    >>> import softkern
    >>> softkern.segment_softmax_vjp(np.zeros(3), np.array([1.0, 0.0, 5.0]), [0, 2, 3])
    array([ 0.25, -0.25,  0.  ])
    """
    return on_segments("softmax_vjp", x, g, offsets, segment_ids, num_segments, temperature)
