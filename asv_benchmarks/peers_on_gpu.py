"""What each library calls an operation on rows that lie on a GPU.

A maker takes the name of an operation and two arrays and returns the call to time; its results go
to arrays made before where the library allows.
"""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import cupy

import softkern

Maker = Callable[[str, Any, Any], Callable[[], Any]]


class Unable(Exception):
    """The library has no such operation."""


def copy(arrays: int, operation: str, x: Any, v: Any) -> Callable[[], Any]:
    """A copy that moves as many bytes as `arrays` arrays of the size of x have."""
    source = x.ravel().view("uint8")
    source = cupy.concatenate([source, source])[: arrays * x.nbytes // 2]
    target = cupy.empty_like(source)
    return lambda: cupy.copyto(target, source)


def own(operation: str, x: Any, v: Any) -> Callable[[], Any]:
    call = getattr(softkern, operation)
    if operation == "softmax_vjp":
        y, dx = softkern.softmax(x, 1), cupy.empty_like(x)
        return lambda: call(None, v, 1, output=y, out=dx)
    if operation == "softmax_jvp":
        out = cupy.empty_like(x), cupy.empty_like(x)
        return lambda: call(x, v, 1, out=out)
    result = call(x, 1)
    return lambda: call(x, 1, out=result)


def cupyx(operation: str, x: Any, v: Any) -> Callable[[], Any]:
    from cupyx.scipy import special

    call = getattr(special, operation, None)
    if call is None:
        raise Unable
    return lambda: call(x, axis=1)


def torch(operation: str, x: Any, v: Any) -> Callable[[], Any]:
    from torch import _softmax_backward_data, from_dlpack, func, softmax

    x, v = from_dlpack(x), from_dlpack(v)
    if operation == "softmax_vjp":
        y = softmax(x, 1)
        return lambda: _softmax_backward_data(v, y, 1, x.dtype)
    if operation == "softmax_jvp":
        return lambda: func.jvp(lambda a: softmax(a, 1), (x,), (v,))
    call = _of_torch(operation)
    return lambda: call(x, 1)


def torch_compiled(operation: str, x: Any, v: Any) -> Callable[[], Any]:
    from torch import compile, from_dlpack

    if operation in ("softmax_vjp", "softmax_jvp"):
        raise Unable
    x, call = from_dlpack(x), compile(_of_torch(operation), dynamic=False)
    return lambda: call(x, 1)


def _of_torch(operation: str) -> Callable[..., Any]:
    import torch

    call: Callable[..., Any] = getattr(torch, operation)
    return call


def triton(operation: str, x: Any, v: Any) -> Callable[[], Any]:
    """Triton's fused softmax: a program for each row, which it holds at once."""
    if operation != "softmax" or x.shape[1] > 1 << 16 or x.dtype == "float64":
        raise Unable
    from fused_softmax import softmax
    from torch import empty_like, from_dlpack

    x = from_dlpack(x)
    y = empty_like(x)
    return lambda: softmax(x, y)


def installed() -> dict[str, Maker]:
    """The libraries there are, softkern first."""
    makers: dict[str, Maker] = {"softkern": own}
    if find_spec("cupyx") is not None:
        makers["cupyx"] = cupyx
    if find_spec("torch") is not None and _torch_has_a_gpu():
        makers |= {"torch": torch, "torch.compile": torch_compiled}
        if find_spec("triton") is not None:
            makers["triton"] = triton
    return makers


def _torch_has_a_gpu() -> bool:
    from torch import cuda

    return bool(cuda.is_available())
