"""The tensors of a call, brought to one shape and dtype."""

from typing import Any, NamedTuple, Self

import torch
from torch import Tensor

from ..rows import check_out, check_outs, reduced_axes, reduced_shape
from .call import Call
from .derivatives import apply
from .memory import has_kernels


class Rows(NamedTuple):
    """The rows of one call."""

    shape: tuple[int, ...]
    axes: tuple[int, ...]
    dtype: torch.dtype
    device: torch.device
    temperature: Any
    where: Any

    @classmethod
    def of(cls, axis: Any, temperature: Any, where: Any, *tensors: Any) -> Self | None:
        """The rows along `axis` of tensors of one shape; None where there are no kernels for them."""
        x = tensors[0]
        dtype = _result_dtype([a.dtype for a in tensors if isinstance(a, Tensor)])
        others = (*tensors, temperature, where)
        if len({a.device for a in others if isinstance(a, Tensor)}) > 1:
            raise TypeError("arrays on two devices in one call; move them to one device first")
        if not has_kernels(x, dtype):
            return None
        axes = reduced_axes(axis, x.ndim)
        return cls(tuple(x.shape), axes, dtype, x.device, temperature, where)

    def run(
        self,
        name: str,
        x: Any,
        *v: Any,
        per_row: Any = None,
        output: Any = None,
        keepdims: bool = False,
        out: Any = None,
    ) -> Any:
        """The results of an operation, in `out` if there is one; `per_row` is one number a row."""
        given = output is not None
        rows = [self._spread(self._read(a)) for a in (output if given else x, *v)]
        if per_row is not None:
            rows.append(self._one_a_row(self._read(per_row), keepdims))
        t = self.temperature
        number = float(t) if isinstance(t, (int, float)) else None
        if number is None:
            t = torch.as_tensor(t, dtype=torch.float64, device=self.device)
            rows.append(self._one_a_row(t, keepdims=False))
        if self.where is not None:
            rows.append(self._spread(torch.as_tensor(self.where, device=self.device)))
        call = Call(name, self.axes, number, self.where is not None, given)
        shape = reduced_shape(self.shape, self.axes, keepdims) if call.reduces else self.shape
        if out is not None:
            return self._run_into(out, call, rows, shape)
        results = tuple(y.reshape(shape) for y in apply(call, *rows))
        return results if len(results) > 1 else results[0]

    def _run_into(self, out: Any, call: Call, rows: list[Tensor], shape: tuple[int, ...]) -> Any:
        if torch.is_grad_enabled() and any(a.requires_grad for a in rows):
            raise RuntimeError("out= takes no part in differentiation; leave it out")
        pair = call.name.endswith("_jvp")
        places = check_outs(out, shape, self.dtype) if pair else (out,)
        check_out(places[0], shape, self.dtype)
        room = call.empty(rows)
        call.compute(
            rows,
            [
                y if place is None else place.view(y.shape)
                for y, place in zip(room, places, strict=True)
            ],
        )
        results = tuple(
            y.reshape(shape) if place is None else place
            for y, place in zip(room, places, strict=True)
        )
        return results if pair else results[0]

    def _one_a_row(self, a: Tensor, keepdims: bool) -> Tensor:
        """A number for each row, without the axes of the rows."""
        a = a.broadcast_to(reduced_shape(self.shape, self.axes, keepdims))
        return a.reshape(reduced_shape(self.shape or (1,), self.axes, False))

    def _read(self, a: Any) -> Tensor:
        return torch.as_tensor(a, dtype=self.dtype, device=self.device)

    def _spread(self, a: Tensor) -> Tensor:
        """To the shape of the rows; a number becomes a row of one."""
        a = a if a.shape == self.shape else a.broadcast_to(self.shape)
        return a if self.shape else a.reshape(1)


def _result_dtype(dtypes: list[torch.dtype]) -> torch.dtype:
    """The dtype that `dtypes` promote to; where all are integers, torch's default."""
    dtype = dtypes[0]
    for other in dtypes[1:]:
        dtype = torch.promote_types(dtype, other)
    return dtype if dtype.is_floating_point or dtype.is_complex else torch.get_default_dtype()
