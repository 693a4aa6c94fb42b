"""The arrays of one call, cut into blocks alike, and functions over these blocks."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from math import isnan
from types import ModuleType
from typing import Any, NamedTuple

import dask.array as da
import numpy as np

from softkern._dispatch import backend

from .. import array_api
from ..numba_cpu.threads import on_one_thread
from ..rows import reduced_axes

Labels = tuple[int, ...]
Function = Callable[..., Any]


class Cut(NamedTuple):
    """An array with the numbers of its axes among those of the rows; or a number, or None."""

    array: Any
    labels: Labels | None


class Call:
    """A call of an operation on rows: their arrays, those along them, and those with one number each.

    All of them are cut alike, and known by the names that the operation gives them.
    """

    def __init__(
        self,
        operation: str,
        rows: dict[str, Any],
        along: dict[str, Any],
        per_row: dict[str, Any],
        **options: Any,
    ) -> None:
        self.operation, self.options = operation, options
        primal = next(a for a in rows.values() if isinstance(a, da.Array))
        ndim = max(np.ndim(a) for a in rows.values() if a is not None)
        self.axes = reduced_axes(options.get("axis", ()), ndim)
        self.labels: Labels = tuple(range(ndim))
        self.kept: Labels = tuple(k for k in self.labels if k not in self.axes)
        cuts = {name: _cut(a, self.labels, primal) for name, a in (rows | along).items()}
        cuts |= {name: _cut(a, self.kept, primal) for name, a in per_row.items()}
        _check_shapes([cuts[name] for name in rows], list(cuts.values()))
        _, aligned = da.core.unify_chunks(*chain(*cuts.values()))
        self.cuts = {
            name: Cut(array, cuts[name].labels) for name, array in zip(cuts, aligned, strict=True)
        }

    def result(
        self, join: Callable[["Call", Any], Any] | None = None, reduces: bool = False
    ) -> Any:
        """The operation's result, block by block, or what `join` makes of real rows in pieces."""
        operate = partial(_operate, self.operation, self.options, tuple(self.cuts))
        like = operate(*(_one_number(cut) for cut in self.cuts.values()), module=array_api)
        if self._are_pieces():
            if join and not any(np.iscomplexobj(cut.array) for cut in self.cuts.values()):
                return join(self, like)
            self._put_together()
        return self.map(operate, *self.cuts, like=like, reduces=reduces)

    def map(self, function: Function, *given: Any, like: Any, reduces: bool = False) -> Any:
        """A function's result on each block of what is given, arrays of the call by their names.

        `like` is one such result, or two, of the shape of the rows or one number a row.
        """
        keepdims = self.options.get("keepdims", False)
        labels = self.kept if reduces and not keepdims else self.labels
        if not isinstance(like, tuple):
            return self._blockwise(function, given, labels, reduces, like)
        pairs = self._blockwise(function, given, labels, reduces, _nothing(labels))
        return tuple(
            da.map_blocks(_item, pairs, k, dtype=a.dtype, meta=a) for k, a in enumerate(like)
        )

    def fold(self, leave: Function, merge: Function, *given: Any) -> tuple[Cut, Cut]:
        """What each block leaves, and what all of a row do, merged in a tree in their order."""
        parts = self._blockwise(leave, given, self.labels, True, _nothing(self.labels))
        whole = da.reduction(
            parts,
            chunk=_as_it_is,
            aggregate=partial(_merge, merge),
            axis=self.axes,
            keepdims=True,
            name=f"softkern-{self.operation}-rows",
            concatenate=False,
            dtype=object,
            meta=_nothing(self.labels),
        )
        return Cut(parts, self.labels), Cut(whole, self.labels)

    def _blockwise(
        self, function: Function, given: Any, labels: Labels, reduces: bool, meta: Any
    ) -> da.Array:
        cuts = (self.cuts[cut] if isinstance(cut, str) else cut for cut in given)
        return da.blockwise(
            partial(_call, function),
            labels,
            *chain(*cuts),
            token=f"softkern-{self.operation}",
            dtype=meta.dtype,
            meta=meta,
            adjust_chunks={k: 1 for k in self.axes if k in labels} if reduces else None,
            align_arrays=False,
        )

    def _put_together(self) -> None:
        for name, (array, labels) in self.cuts.items():
            if labels is not None:
                rows = {labels.index(k): -1 for k in self.axes if k in labels}
                self.cuts[name] = Cut(array.rechunk(rows), labels)

    def _are_pieces(self) -> bool:
        """Whether a row lies in more than one block."""
        return any(
            count > 1
            for array, labels in self.cuts.values()
            for k, count in zip(labels or (), getattr(array, "numblocks", ()), strict=True)
            if k in self.axes
        )


def backend_of(block: Any) -> ModuleType:
    """The backend for a block."""
    found: ModuleType = backend(block, 1.0)
    return found


def _cut(a: Any, labels: Labels, primal: da.Array) -> Cut:
    if a is None or isinstance(a, (bool, int, float)):
        return Cut(a, None)
    if not isinstance(a, da.Array):
        are_floats = primal.dtype.kind not in "biu" and np.asarray(a).dtype.kind in "iuf"
        a = da.asarray(a, dtype=primal.dtype if are_floats else None)
    if a.ndim > len(labels):
        raise ValueError(f"shape {a.shape} has more than the {len(labels)} axes it is to fit")
    return Cut(a, labels[len(labels) - a.ndim :])


def _check_shapes(rows: list[Cut], cuts: list[Cut]) -> None:
    """Raise unless every array broadcasts to the shape of the rows, as far as that is known."""
    shape: dict[int, float] = {}
    for array, labels in rows:
        for k, size in zip(labels or (), np.shape(array), strict=False):
            shape[k] = size if shape.get(k, 1) == 1 else shape[k]
    for array, labels in cuts:
        for k, size in zip(labels or (), np.shape(array), strict=False):
            if size not in (1, shape[k]) and not isnan(size) and not isnan(shape[k]):
                raise ValueError(f"shape {array.shape} does not fit rows of {(*shape.values(),)}")


def _one_number(cut: Cut) -> Any:
    """A block of one number; a number as it is."""
    if cut.labels is None:
        return cut.array
    return np.ones_like(cut.array._meta, shape=(1,) * len(cut.labels))


def _nothing(labels: Labels) -> Any:
    return np.empty((0,) * len(labels), object)


def _operate(
    name: str, options: dict[str, Any], names: tuple[str, ...], *blocks: Any, module: Any = None
) -> Any:
    primal = next(block for block in blocks if hasattr(block, "dtype"))
    operation = getattr(module or backend_of(primal), name)
    return operation(**options, **dict(zip(names, blocks, strict=True)))


def _call(function: Function, *blocks: Any) -> Any:
    with on_one_thread(), np.errstate(all="ignore"):  # Dask keeps every core at work with blocks
        return function(*map(_only, blocks))


def _only(block: Any) -> Any:
    """The one block that there is along an axis which the result has not."""
    while isinstance(block, list):
        (block,) = block
    return block


def _item(pair: Any, k: int) -> Any:
    return pair[k]


def _as_it_is(part: Any, axis: Any, keepdims: bool) -> Any:
    return part


def _merge(
    merge: Function, parts: Any, axis: Any, keepdims: bool, computing_meta: bool = False
) -> Any:
    return parts if computing_meta else _call(merge, *_in_order(parts))


def _in_order(parts: Any) -> Iterator[Any]:
    if isinstance(parts, list):
        for part in parts:
            yield from _in_order(part)
    else:
        yield parts
