"""Kernel arguments: what CuPy passes, and whether the kernel reads that."""

from typing import Any

import numpy as np

from ..native import Parameter
from .arrays import ndarray
from .errors import CUDADriverError
from .memory import MemoryPointer


def value_of(number: int, parameter: Parameter, argument: Any, device: int) -> Any:
    """The bits that CuPy passes for an argument; an error where the kernel reads others."""
    if isinstance(argument, ndarray):
        _check_array(number, parameter, argument, device)
        return np.uint64(argument.data.ptr)
    if argument is None or isinstance(argument, MemoryPointer):
        _check_kind(number, parameter, "p", "a pointer")
        return np.uint64(0 if argument is None else argument.ptr)
    if parameter.kind == b"p" and isinstance(argument, int):
        return np.uint64(argument)
    if isinstance(argument, np.ndarray):
        return _structure(number, parameter, argument)
    scalar = _scalar(number, argument)
    reads = parameter.kind.decode().replace("h", "f")
    if scalar.dtype.kind != reads or scalar.nbytes != parameter.size:
        given = f"{scalar.dtype} for {argument!r} of type {type(argument).__name__}"
        raise TypeError(
            f"argument {number}: CuPy passes {given}, the kernel reads {_name(parameter)}"
        )
    return scalar


def _check_array(number: int, parameter: Parameter, array: ndarray, device: int) -> None:
    _check_kind(number, parameter, "p", "an array")
    if not _fits(parameter, array.dtype):
        raise TypeError(
            f"argument {number}: an array of {array.dtype}, the kernel reads {_name(parameter)}"
        )
    if array.device.id != device:
        raise CUDADriverError(
            f"argument {number}: an array of device {array.device.id} on device {device}"
        )


def _fits(parameter: Parameter, dtype: "np.dtype[Any]") -> bool:
    kind: str = parameter.pointed_kind.decode()
    size: int = parameter.pointed_size
    if kind == "v" or (kind in "iu" and size == 1):
        return True
    if kind == "h":
        return dtype == np.float16
    if kind == "g":
        return dtype.name in ("bfloat16", "uint16")
    if kind == "s":  # float4 and its like, or a structure
        return size >= dtype.itemsize
    return kind == dtype.kind and size == dtype.itemsize


def _structure(number: int, parameter: Parameter, array: Any) -> bytes:
    if array.size != 1:
        raise TypeError(f"argument {number}: a numpy.ndarray of shape {array.shape}")
    if array.nbytes != parameter.size:
        raise TypeError(
            f"argument {number}: {array.nbytes} bytes, the kernel reads {_name(parameter)}"
        )
    data: bytes = array.tobytes()
    return data


def _scalar(number: int, argument: Any) -> Any:
    if isinstance(argument, np.generic):
        return argument
    for kind, scalar in ((bool, np.bool_), (int, np.int64), (float, np.float64)):
        if isinstance(argument, kind):
            return scalar(argument)
    raise TypeError(f"argument {number}: unsupported type {type(argument)}")


def _check_kind(number: int, parameter: Parameter, kind: str, what: str) -> None:
    if parameter.kind.decode() != kind:
        raise TypeError(f"argument {number}: {what}, the kernel reads {_name(parameter)}")


def _name(parameter: Parameter) -> str:
    names = {"i": "int", "u": "unsigned", "f": "float", "b": "bool", "h": "half", "g": "bfloat16"}
    names |= {"s": "structure", "v": "void", "p": "pointer"}
    if parameter.kind == b"p":
        const = "const " if parameter.pointed_const else ""
        return f"{const}{names[parameter.pointed_kind.decode()]} ({parameter.pointed_size} bytes) *"
    return f"{names[parameter.kind.decode()]} ({parameter.size} bytes)"
