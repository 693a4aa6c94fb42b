"""Tensors as arrays of NumPy or CuPy, on the same memory."""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import torch
from torch import Tensor
from torch.utils.dlpack import from_dlpack

from .. import numba_cpu

_HAS_CUPY = find_spec("cupy") is not None
_FLOATS = [torch.float16, torch.float32, torch.float64]
if find_spec("ml_dtypes") is not None:  # NumPy itself has no bfloat16
    _FLOATS.append(torch.bfloat16)


def has_kernels(x: Tensor, dtype: torch.dtype) -> bool:
    """Whether there are kernels for numbers of this dtype where x lies."""
    if dtype not in _FLOATS or x.layout is not torch.strided:
        return False
    return x.device.type == "cpu" or (x.device.type == "cuda" and _HAS_CUPY)


def backend_of(
    x: Tensor,
) -> tuple[ModuleType, Callable[[Tensor], Any], AbstractContextManager[Any]]:
    """The backend, what turns tensors into its arrays, and where to do all that."""
    if x.device.type == "cpu":
        return numba_cpu, _numpy_array, nullcontext()
    return _on_gpu(x)


def _numpy_array(x: Tensor) -> Any:
    x = x.detach().resolve_neg()
    if x.dtype is not torch.bfloat16:
        return x.numpy()
    from ml_dtypes import bfloat16

    return x.view(torch.int16).numpy().view(bfloat16)


def _on_gpu(
    x: Tensor,
) -> tuple[ModuleType, Callable[[Tensor], Any], AbstractContextManager[Any]]:
    """CuPy's backend, on the tensor's device and torch's current stream there."""
    import cupy

    from .. import cupy_cuda

    place = ExitStack()
    place.enter_context(cupy.cuda.Device(x.device.index))
    stream = torch.cuda.current_stream(x.device).cuda_stream
    place.enter_context(cupy.cuda.ExternalStream(stream, x.device.index))
    return cupy_cuda, _cupy_array, place


def _cupy_array(x: Tensor) -> Any:
    import cupy

    x = x.detach().resolve_neg()
    if x.dtype is not torch.bfloat16:
        return cupy.from_dlpack(x)
    from ml_dtypes import bfloat16

    return cupy.from_dlpack(x.view(torch.int16)).view(bfloat16)


def tensor_of(a: Any) -> Tensor:
    """An array of NumPy or CuPy as a tensor, on the same memory."""
    if a.dtype.name == "bfloat16":
        return from_dlpack(a.view("int16")).view(torch.bfloat16)
    return from_dlpack(a)
