"""A call: an operation and all about it but its tensors, and what it does with those."""

from collections.abc import Sequence
from types import ModuleType
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor

from .. import array_api
from ..rows import reduced_shape
from .memory import backend_of

Tensors = Sequence[Tensor]


class Call(NamedTuple):
    """Its tensors are x, or its output; then v or g; then temperatures; then where."""

    name: str
    axes: tuple[int, ...]
    t: float | None  # None: there are temperatures among the tensors
    masked: bool  # whether `where` is
    given: bool = False  # whether the first is the output

    def evaluate(self, module: ModuleType, arrays: Sequence[Any], out: Any = None) -> Any:
        """What a backend makes of it."""
        arrays = list(arrays)
        where = arrays.pop() if self.masked else None
        t = arrays.pop() if self.t is None else self.t
        x, *v = arrays
        operation = getattr(module, self.name)
        axis = self.axes[0] if len(self.axes) == 1 else self.axes
        if self.name.startswith("logcumsumexp"):
            return operation(x, *v, axis, t, out)
        if self.name == "logsumexp":
            return operation(x, axis, None, False, False, t, where, out)
        if self.name.startswith("logsumexp"):
            return operation(x, *v, axis, False, t, where, None, out)
        if not v:
            return operation(x, axis, t, where, out)
        x, output = (None, x) if self.given else (x, None)
        return operation(x, *v, axis, t, where, output, out)

    @property
    def reduces(self) -> bool:
        return self.name in ("logsumexp", "logsumexp_jvp")

    def empty(self, tensors: Tensors) -> tuple[Tensor, ...]:
        """Room for its results."""
        x = tensors[0]
        shape = reduced_shape(x.shape, self.axes, False) if self.reduces else x.shape
        results = 2 if self.name.endswith("_jvp") else 1
        return tuple(torch.empty(shape, dtype=x.dtype, device=x.device) for _ in range(results))

    def compute(self, tensors: Tensors, out: Tensors) -> None:
        """Run a kernel on the tensors' own memory."""
        module, native, place = backend_of(tensors[0])
        with place:
            arrays, results = map(native, tensors), tuple(map(native, out))
            self.evaluate(module, list(arrays), results if len(results) > 1 else results[0])

    def keeps(self, results: Tensors) -> Tensors:
        """The results that its derivatives are made of."""
        return results if self.name in ("softmax", "log_softmax") else ()

    def formula(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Its results by formula, which torch can differentiate; `where` is 0 or 1 here."""
        arrays = [*tensors[:-1], tensors[-1] != 0] if self.masked else tensors
        results = self.evaluate(array_api, arrays)
        return results if isinstance(results, tuple) else (results,)

    @property
    def is_value(self) -> bool:
        return not self.name.endswith(("_jvp", "_vjp"))

    def derivative(self, kind: str, given: bool) -> Self:
        """The JVP or VJP of a value, on the value itself if that is given."""
        return self._replace(name=f"{self.name}_{kind}", given=given)
