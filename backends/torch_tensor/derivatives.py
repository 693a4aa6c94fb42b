"""How torch runs a call: with its derivatives backwards and forwards, under vmap, while compiling."""

from collections.abc import Callable, Sequence
from inspect import signature
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from .call import Call, Tensors

Formula = Callable[..., Tensors]
_vjp: Callable[..., Any] = torch.func.vjp


def apply(call: Call, *tensors: Tensor) -> Tensors:
    """Run a call so that torch knows of it.

    A custom operator has no forward mode, and a function with one cannot be traced: so both.
    """
    if torch.compiler.is_compiling():
        return _run_operator(call, *tensors)
    if not is_watched(tensors):
        results = call.empty(tensors)
        call.compute(tensors, results)
        return results
    return _Function.apply(call, *tensors)  # type: ignore[no-untyped-call, no-any-return]


def is_plain(x: Tensor, temperature: Any) -> bool:
    """Whether this is the call that most callers make, to which nothing of this folder is needed."""
    return (
        type(x) is Tensor
        and x.dtype in (torch.float32, torch.float64)
        and x.device.type == "cpu"
        and x.layout is torch.strided
        and x.ndim > 0
        and type(temperature) is float
        and not torch.compiler.is_compiling()
        and not x.is_neg()
        and not is_watched((x,))
    )


def is_watched(tensors: Tensors) -> bool:
    """Whether autograd, forward mode or a transform of torch.func has to know of the call."""
    return (torch.is_grad_enabled() and any(a.requires_grad for a in tensors)) or _is_transformed()


def _is_transformed() -> bool:
    """Whether forward mode or a transform of torch.func is at work; torch has no public way to ask."""
    return torch._C._are_functorch_transforms_active() or forward_ad._current_level >= 0


def sees_backwards_only() -> bool:
    """Whether nothing but autograd's backward mode watches calls."""
    return not (torch.compiler.is_compiling() or _is_transformed())


class _Function(torch.autograd.Function):
    """A call as autograd knows it."""

    @staticmethod
    def forward(call: Call, *tensors: Tensor) -> Tensors:
        results = call.empty(tensors)
        call.compute(tensors, results)
        return results

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.call, *tensors = inputs
        kept = *tensors, *ctx.call.keeps(output)
        ctx.save_for_backward(*kept)
        ctx.save_for_forward(*kept)

    @staticmethod
    def backward(ctx: Any, *g: Any) -> Any:
        return None, *_pull(apply, ctx.call, ctx.saved_tensors, ctx.needs_input_grad[1:], g)

    @staticmethod
    def jvp(ctx: Any, _: None, *v: Any) -> Any:
        tensors, results = ctx.saved_tensors[: len(v)], ctx.saved_tensors[len(v) :]
        if ctx.call.is_value and not any(tangent is not None for tangent in v[1:]):
            call = ctx.call.derivative("jvp", given=bool(results))
            return (apply(call, *(results or tensors[:1]), v[0], *tensors[1:])[1],)
        tensors = _as_floats(tensors)
        tangents = (
            torch.zeros_like(a) if tangent is None else tangent
            for a, tangent in zip(tensors, v, strict=True)
        )
        return _Formula.apply(_pushed(ctx.call.formula), *tensors, *tangents)  # type: ignore[no-untyped-call]

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], call: Call, *tensors: Tensor) -> Any:
        call, tensors = _batched(call, info.batch_size, in_dims[1:], tensors)
        results = apply(call, *tensors)
        return results, (0,) * len(results)


class _Formula(torch.autograd.Function):
    """A function of tensors written in torch's own operations, differentiable to any order.

    Torch could see through it, but not while it runs another function's `jvp`: it switches forward
    mode off there, and the tangents of transforms further out would be lost.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(f: Formula, *tensors: Tensor) -> Tensors:
        return f(*tensors)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.f, *tensors = inputs
        ctx.save_for_backward(*tensors)
        ctx.save_for_forward(*tensors)

    @staticmethod
    def backward(ctx: Any, *g: Any) -> Any:
        tensors = ctx.saved_tensors
        return None, *_Formula.apply(_pulled(ctx.f, len(tensors)), *tensors, *g)  # type: ignore[no-untyped-call]

    @staticmethod
    def jvp(ctx: Any, _: None, *v: Any) -> Any:
        return _Formula.apply(_pushed(ctx.f), *ctx.saved_tensors, *v)  # type: ignore[no-untyped-call]


for function in (_Function, _Formula):
    # Torch asks for it at every call, and it takes longer to find than a small call to compute.
    function.forward.__signature__ = signature(function.forward)  # type: ignore[union-attr]


def _pulled(f: Formula, count: int) -> Formula:
    """(x..., g...) -> the cotangents of x... from those of f(x...)."""

    def pulled(*tensors: Tensor) -> Tensors:
        _, pull = _vjp(f, *tensors[:count])
        dx: Tensors = pull(tuple(tensors[count:]))
        return dx

    return pulled


def _pushed(f: Formula) -> Formula:
    """(x..., v...) -> the tangents of f(x...): forward mode does not nest, so by the VJP of the VJP."""

    def pushed(*tensors: Tensor) -> Tensors:
        x, v = tensors[: len(tensors) // 2], tensors[len(tensors) // 2 :]
        y, pull = _vjp(f, *x)
        _, push = _vjp(pull, tuple(map(torch.zeros_like, y)))
        (dy,) = push(tuple(v))
        return tuple(dy)

    return pushed


def _pull(run: Any, call: Call, kept: Tensors, wanted: Sequence[bool], g: Tensors) -> Sequence[Any]:
    """The cotangents of a call's tensors, from those of its results."""
    tensors, results = kept[: len(wanted)], kept[len(wanted) :]
    if call.is_value and not any(wanted[1:]):
        vjp = call.derivative("vjp", given=bool(results))
        (dx,) = run(vjp, *(results or tensors[:1]), *g, *tensors[1:])
        return dx, *(None,) * len(tensors[1:])
    pulled = _pulled(call.formula, len(tensors))
    found = _Formula.apply(pulled, *_as_floats(tensors), *g)  # type: ignore[no-untyped-call]
    return [dx if want else None for dx, want in zip(found, wanted, strict=True)]


def _as_floats(tensors: Tensors) -> list[Tensor]:
    """`where` as 0 and 1, for only floats have derivatives."""
    return [a.to(tensors[0].dtype) if a.dtype is torch.bool else a for a in tensors]


def _batched(
    call: Call, size: int, in_dims: Sequence[int | None], tensors: Tensors
) -> tuple[Call, tuple[Tensor, ...]]:
    """The call on tensors with the batch in front."""
    moved = (
        a.expand(size, *a.shape) if dim is None else a.movedim(dim, 0)
        for a, dim in zip(tensors, in_dims, strict=True)
    )
    return call._replace(axes=tuple(k + 1 for k in call.axes)), tuple(moved)


@torch.library.custom_op("softkern::call", mutates_args=())
def _operator(
    name: str, axes: Sequence[int], t: float | None, masked: bool, given: bool, tensors: Tensors
) -> list[Tensor]:
    call = Call(name, tuple(axes), t, masked, given)
    results = call.empty(tensors)
    call.compute(tensors, results)
    return list(results)


def _run_operator(call: Call, *tensors: Tensor) -> Tensors:
    results: Tensors = _operator(*call, list(tensors))
    return results


@_operator.register_fake
def _(
    name: str, axes: Sequence[int], t: float | None, masked: bool, given: bool, tensors: Tensors
) -> list[Tensor]:
    return list(Call(name, tuple(axes), t, masked, given).empty(tensors))


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    *fields, tensors = inputs
    ctx.call = Call(*fields)
    ctx.save_for_backward(*tensors, *ctx.call.keeps(output))
    ctx.wanted = [a.requires_grad for a in tensors]


def _pull_operator(ctx: Any, g: Sequence[Tensor]) -> Any:
    cotangents = _pull(_run_operator, ctx.call, ctx.saved_tensors, ctx.wanted, g)
    return None, None, None, None, None, list(cotangents)


_operator.register_autograd(_pull_operator, setup_context=_keep)


@_operator.register_vmap
def _(info: Any, in_dims: tuple[Any, ...], *arguments: Any) -> Any:
    *fields, tensors = arguments
    call, tensors = _batched(Call(*fields), info.batch_size, in_dims[-1], tensors)
    results = _run_operator(call, *tensors)
    return results, [0] * len(results)
