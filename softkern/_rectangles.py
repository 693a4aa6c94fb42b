"""Segments in rectangles, padded and masked, whose rows go to the ordinary operations.

The array API standard can gather but not scatter. One rectangle holds the segments whose length is
up to the same power of two, so that less than half of it is padding whatever the lengths are.
"""

from collections.abc import Iterator
from math import prod
from typing import Any, NamedTuple

import numpy as np
from array_api_compat import device

from . import _api, _jvp, _vjp
from ._arrays import namespace

_OPERATIONS: dict[str, Any] = {
    "softmax": _api.softmax,
    "softmax_jvp": _jvp.softmax_jvp,
    "softmax_vjp": _vjp.softmax_vjp,
    "logsumexp": _api.logsumexp,
    "logsumexp_jvp": _jvp.logsumexp_jvp,
    "logsumexp_vjp": _vjp.logsumexp_vjp,
}


class _Rectangle(NamedTuple):
    """As many rows as it has members; all are NumPy arrays."""

    members: Any  # the numbers of its segments
    entries: Any  # where each of its entries lies in x, 0 for padding
    shown: Any  # which entries are no padding


def in_rectangles(name: str, x: Any, v: Any, cuts: Any, temperature: Any) -> Any:
    """The results of an operation on every segment, of any library's array."""
    count, rest = len(cuts) - 1, x.shape[1:]
    reduced, per_row = name in ("logsumexp", "logsumexp_jvp"), name == "logsumexp_vjp"
    one_for_all = isinstance(temperature, (int, float))
    if not one_for_all:
        t = temperature if hasattr(temperature, "dtype") else _beside(x, temperature)
        temperature = namespace(x).broadcast_to(t, (count, *rest))
    found: list[tuple[Any, ...]] = []
    order = np.empty(count if reduced else x.shape[0], np.int64)
    filled = 0
    for members, entries, shown in _rectangles(cuts):
        u = () if v is None else (_take(v, members if per_row else entries),)
        t = temperature if one_for_all else _take(temperature, members)
        where = _beside(x, shown.reshape(*shown.shape, *(1 for _ in rest)))
        results = _OPERATIONS[name](_take(x, entries), *u, 1, temperature=t, where=where)
        found.append(results if isinstance(results, tuple) else (results,))
        if reduced:
            order[members] = filled + np.arange(len(members))
        else:
            order[entries[shown]] = filled + np.flatnonzero(shown)
        filled += len(members) if reduced else shown.size
    own_axes = 1 if reduced else 2
    joined = tuple(_join(parts, own_axes, order) for parts in zip(*found, strict=True))
    return joined if len(joined) > 1 else joined[0]


def _rectangles(cuts: Any) -> Iterator[_Rectangle]:
    starts, lengths = cuts[:-1], np.diff(cuts)
    widths = np.where(lengths > 0, 1 << np.frexp(lengths - 1)[1].astype(np.int64), 0)
    for width in np.unique(widths) if len(widths) else (0,):
        members = np.flatnonzero(widths == width)
        columns = np.arange(width)
        shown = columns < lengths[members, None]
        yield _Rectangle(members, np.where(shown, starts[members, None] + columns, 0), shown)


def _join(parts: Any, own_axes: int, order: Any) -> Any:
    """The results of the rectangles as one array, in the order of x or of the segments."""
    xp = namespace(parts[0])
    shapes = [(prod(a.shape[:own_axes]), *a.shape[own_axes:]) for a in parts]
    filled = [xp.reshape(a, s) for a, s in zip(parts, shapes, strict=True) if prod(s)]
    return _take(xp.concat(filled) if filled else xp.reshape(parts[0], shapes[0]), order)


def _take(a: Any, places: Any) -> Any:
    """a[places] along the first axis."""
    xp, shape = namespace(a), (*places.shape, *a.shape[1:])
    if not prod(shape):
        return xp.zeros(shape, dtype=a.dtype, device=device(a))
    return xp.reshape(xp.take(a, _beside(a, places.reshape(-1)), axis=0), shape)


def _beside(x: Any, a: Any) -> Any:
    """A NumPy array as one of x's library, on its device."""
    return namespace(x).asarray(a, device=device(x))
