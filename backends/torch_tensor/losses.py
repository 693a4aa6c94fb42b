"""Cross-entropy by the kernels, where torch needs no derivative but that of the logits."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..array_api.labels import Labels
from .derivatives import is_watched, sees_backwards_only
from .memory import backend_of, has_kernels, tensor_of

Formula = Callable[..., tuple[Any, Any]]


def run(
    formula: Formula, x: Tensor, labels: Labels, temperature: Any, g: Any, value: bool
) -> tuple[Any, Any]:
    """The losses and the cotangent of x, by the formula where torch has to see through it."""
    others = [a for a in (*labels, temperature, g) if isinstance(a, Tensor)]
    if not sees_backwards_only() or is_watched(others) or not has_kernels(x, x.dtype):
        return formula(x, labels, temperature, g, value)
    if not is_watched([x]):
        return _compute(x, labels, temperature, g, value)
    if g is not None:
        return formula(x, labels, temperature, g, value)
    return _Losses.apply(formula, x, labels, temperature), None  # type: ignore[no-untyped-call]


def _compute(x: Tensor, labels: Labels, temperature: Any, g: Any, value: bool) -> tuple[Any, Any]:
    module, native, place = backend_of(x)
    with place:
        of_rows = [native(a) if isinstance(a, Tensor) else a for a in (*labels, temperature, g)]
        own = Labels(*of_rows[:-2])
        losses, dx = module.cross_entropy(native(x), own, *of_rows[-2:], value)
        return None if losses is None else tensor_of(losses), None if dx is None else tensor_of(dx)


class _Losses(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, formula: Formula, x: Tensor, labels: Labels, temperature: Any) -> Any:
        ctx.save_for_backward(x)
        ctx.formula, ctx.labels, ctx.temperature = formula, labels, temperature
        return _compute(x, labels, temperature, None, True)[0]

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        (x,) = ctx.saved_tensors
        # With gradients on, this derivative is to be differentiated once more.
        run = ctx.formula if torch.is_grad_enabled() else _compute
        dx = run(x, ctx.labels, ctx.temperature, g, False)[1]
        return None, dx.to(x.dtype), None, None
