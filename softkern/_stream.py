"""Log-sum-exp of what comes in pieces: from a file, from processes, from machines.

A row, or a part of one, is summed up by its pair (m, s): its maximum, and the sum of exponentials
over that of the maximum. The pairs of two parts merge to the pair of both.
"""

from typing import Any

from ._dispatch import backend

Pair = tuple[Any, Any]


def partial_logsumexp(
    a: Any,
    axis: int | tuple[int, ...] | None = None,
    b: Any = None,
    *,
    temperature: Any = 1.0,
    where: Any = None,
) -> Pair:
    r"""The pair (m, s) that sums up a part of a row.

    .. math:: m = \max_j a_j, \quad s = \sum_j b_j \exp((a_j - m) / t)

    Parameters
    ----------
    a : array_like
        The rows. Integers are converted to floats first.
    axis : int, tuple of ints or None, optional
        The axis or axes that make up a row; None takes the whole array as one.
    b : array_like, optional
        Weights, broadcast with `a`. An entry of weight 0 takes no part, even if it is NaN.
    temperature : float or array, optional
        A number t >= 0, or one a row: an array that broadcasts against the results.
    where : array of bool, optional
        The entries that take part, broadcast to `a`.

    Returns
    -------
    m : array
        The maximum of each row, -inf where nothing takes part; float32 for numbers of 16 bits.
    s : array
        The sum, in float64 (JAX: its default float): 0 where nothing takes part, NaN where a NaN
        does.

    Raises
    ------
    TypeError
        If `a` is complex or not an array softkern knows, or two arrays are of different libraries.
    ValueError
        If the temperature is negative or NaN, or a shape does not fit.

    See Also
    --------
    merge_logsumexp : Two pairs to one.
    LogSumExp : The same for a stream.

    References
    ----------
    .. [1] M. Milakov, N. Gimelshein, "Online normalizer calculation for softmax", 2018,
       :arxiv:`1805.02867`.

    Examples
    --------
    >>> import numpy as np
    >>> import softkern
    >>> m, s = softkern.partial_logsumexp(np.array([1000.0, 1000.0, 0.0]))
    >>> float(m), float(s)
    (1000.0, 2.0)
    """
    pair: Pair = backend(a, temperature, b, where).partial_logsumexp(a, axis, b, temperature, where)
    return pair


def merge_logsumexp(first: Pair, second: Pair, *, temperature: Any = 1.0) -> Pair:
    r"""The pair (m, s) of two parts of a row together.

    .. math::

        (m, s) + (m', s') = (M, s \exp((m - M)/t) + s' \exp((m' - M)/t)), \quad M = \max(m, m')

    It is associative and commutative but for rounding, and (-inf, 0) is neutral, so that any engine
    that reduces can merge with it. The logarithm of the whole is m + t log s.

    Parameters
    ----------
    first, second : tuple of two arrays
        Pairs of the same shape, from `partial_logsumexp` or from here.
    temperature : float or array, optional
        The temperature that the pairs were made with.

    Returns
    -------
    m, s : array
        The pair of both.

    Raises
    ------
    TypeError
        If the arrays are of different libraries.
    ValueError
        If the pairs differ in shape, or the temperature is negative or NaN.

    See Also
    --------
    partial_logsumexp : Where pairs come from.

    References
    ----------
    .. [1] M. Milakov, N. Gimelshein, "Online normalizer calculation for softmax", 2018,
       :arxiv:`1805.02867`.

    Examples
    --------
    >>> import numpy as np
    >>> import softkern
    >>> a = np.arange(6.0)
    >>> parts = [softkern.partial_logsumexp(part) for part in (a[:2], a[2:])]
    >>> m, s = softkern.merge_logsumexp(*parts)
    >>> float((m + np.log(s)).round(4)), float(softkern.logsumexp(a).round(4))
    (5.4562, 5.4562)
    """
    shapes = {tuple(array.shape) for array in (*first, *second)}
    if len(shapes) > 1:
        raise ValueError(f"pairs of different shapes: {', '.join(map(str, sorted(shapes)))}")
    m, s = first
    pair: Pair = backend(m, temperature, s, *second).merge_logsumexp(m, s, *second, temperature)
    return pair


class LogSumExp:
    """Log-sum-exp of a stream of blocks.

    The result is as accurate as that over the whole array, however the stream is cut, and the same to
    the last bit for the same cuts. It can be pickled, and merged with that of another process.

    Parameters
    ----------
    temperature : float or array, optional
        A number t >= 0, or one a row: an array that broadcasts against the result.

    See Also
    --------
    logsumexp : Of an array at once.
    partial_logsumexp, merge_logsumexp : For an engine of one's own.

    Notes
    -----
    It holds the pairs of runs of 1, 2, 4 ... blocks, at most one of each length, like the digits of a
    binary counter. So a block's share is rounded log2 n times in a stream of n blocks, as in
    pairwise summation [1]_, and not n times.

    References
    ----------
    .. [1] N. J. Higham, "The accuracy of floating point summation", SIAM Journal on Scientific
       Computing 14(4), 1993, :doi:`10.1137/0914050`.

    Examples
    --------
    >>> import numpy as np
    >>> import softkern
    >>> stream = softkern.LogSumExp()
    >>> for block in np.split(np.arange(12.0).reshape(2, 6), 3, axis=1):
    ...     stream.update(block, axis=1)
    >>> stream.value().round(4)
    array([ 5.4562, 11.4562])
    """

    def __init__(self, *, temperature: Any = 1.0) -> None:
        self.temperature = temperature
        self._runs: list[tuple[int, Pair]] = []  # of blocks, with their number, longest first

    def update(
        self,
        a: Any,
        axis: int | tuple[int, ...] | None = None,
        b: Any = None,
        *,
        where: Any = None,
    ) -> None:
        """Take in a block, whose rows go on along `axis`.

        Parameters
        ----------
        a : array_like
            The block; its shape without `axis` is that of every other block.
        axis : int, tuple of ints or None, optional
            The axis or axes that make up a row; None takes the whole block as a part of one.
        b : array_like, optional
            Weights, broadcast with `a`.
        where : array of bool, optional
            The entries that take part.
        """
        pair = partial_logsumexp(a, axis, b, temperature=self.temperature, where=where)
        self._append(1, pair)

    def merge(self, other: "LogSumExp") -> None:
        """Take in what another has seen, at the same temperature.

        Parameters
        ----------
        other : LogSumExp
            It stays as it is.
        """
        for length, pair in list(other._runs):
            self._append(length, pair)

    def value(self, return_sign: bool = False) -> Any:
        """Return the logarithm of the sum so far.

        Parameters
        ----------
        return_sign : bool, optional
            Whether to return the sign of the sum too, and so the logarithm of its absolute value.

        Returns
        -------
        L : array
            Of the dtype of the blocks; float32 for 16 bits. NaN where the sum is negative, unless
            `return_sign`.
        sign : array
            With `return_sign` only.

        Raises
        ------
        ValueError
            If there was no block yet.
        """
        if not self._runs:
            raise ValueError("there was no block yet: call update first")
        _, whole = self._runs[-1]
        for _, pair in reversed(self._runs[:-1]):
            whole = merge_logsumexp(pair, whole, temperature=self.temperature)
        m, s = whole
        return backend(m, self.temperature, s).value_logsumexp(m, s, return_sign, self.temperature)

    def _append(self, length: int, pair: Pair) -> None:
        runs = self._runs
        if runs and runs[-1][1][0].shape != pair[0].shape:
            shapes = f"{tuple(pair[0].shape)}, after {tuple(runs[-1][1][0].shape)}"
            raise ValueError(f"a block with rows of shape {shapes}")
        runs.append((length, pair))
        while len(runs) > 1 and runs[-2][0] <= runs[-1][0]:
            (length, pair), (other_length, other) = runs[-2:]
            merged = merge_logsumexp(pair, other, temperature=self.temperature)
            runs[-2:] = [(length + other_length, merged)]
