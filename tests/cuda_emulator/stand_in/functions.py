"""The functions of the `cupy` module: its own, and NumPy's."""

import sys
from collections.abc import Callable
from functools import wraps
from types import ModuleType
from typing import Any

import numpy as np

from .arrays import device_dtype, ndarray, to_device
from .calls import call
from .devices import state

CLASSES = (np.dtype, np.finfo, np.iinfo)
CONSTANTS = ("e", "pi", "inf", "nan", "newaxis", "euler_gamma")
MISSING = {  # CuPy has none of these, or they would read or write the host's memory
    *("save", "savez", "savez_compressed", "savetxt", "load", "loadtxt", "genfromtxt", "fromfile"),
    *("frombuffer", "fromstring", "fromiter", "memmap", "getbufsize", "setbufsize", "matrix"),
    *("asmatrix", "bmat", "nditer", "nested_iters", "test", "show_config", "show_runtime", "info"),
}


def asarray(a: Any, dtype: Any = None, order: Any = None, *, copy: Any = None) -> ndarray:
    """An array on the current device; NumPy's arrays are copied there."""
    kind = None if dtype is None else device_dtype(dtype)
    if isinstance(a, ndarray):
        same_dtype = kind is None or kind == a.dtype
        same_order = order in (None, "K", "A") or getattr(a.flags, f"{order.lower()}_contiguous")
        if same_dtype and same_order and not copy and a.device.id == state.device:
            return a
        return to_device(a.host.astype(kind or a.dtype, copy=False), order or "K")
    values = np.asarray(_on_host(a), kind)
    device_dtype(values.dtype)
    return to_device(values, order or "K")


def array(
    object: Any,
    dtype: Any = None,
    copy: Any = True,
    order: Any = "K",
    subok: bool = False,
    ndmin: int = 0,
) -> ndarray:
    result = asarray(object, dtype, order, copy=copy)
    missing = max(ndmin - result.ndim, 0)
    return result.view_of(result.host[(None,) * missing]) if missing else result


def ascontiguousarray(a: Any, dtype: Any = None) -> ndarray:
    result = asarray(a, dtype, "C")
    return result if result.ndim else result.view_of(result.host.reshape(1))


def asfortranarray(a: Any, dtype: Any = None) -> ndarray:
    return asarray(a, dtype, "F")


def empty(shape: Any, dtype: Any = float, order: Any = "C") -> ndarray:
    return ndarray(shape, dtype, order=order)


def empty_like(
    prototype: ndarray, dtype: Any = None, order: Any = "K", subok: Any = None, shape: Any = None
) -> ndarray:
    like = np.empty_like(_device_array(prototype).host, dtype=dtype, order=order, shape=shape)
    return ndarray(like.shape, like.dtype, strides=like.strides)


def asnumpy(a: Any, stream: Any = None, order: Any = "C", out: Any = None) -> Any:
    if isinstance(a, ndarray):
        return a.get(stream, order, out)
    return np.asarray(a, order=order)


def get_array_module(*args: Any) -> ModuleType:
    return sys.modules["cupy"] if any(isinstance(a, ndarray) for a in args) else np


def from_dlpack(array: Any) -> ndarray:
    return _device_array(array).view_of(array.host)


def may_share_memory(a: Any, b: Any, max_work: Any = None) -> bool:
    both = isinstance(a, ndarray) and isinstance(b, ndarray)
    return both and np.may_share_memory(a.host, b.host)


def shares_memory(a: Any, b: Any, max_work: Any = None) -> bool:
    both = isinstance(a, ndarray) and isinstance(b, ndarray)
    return both and np.shares_memory(a.host, b.host)


OWN: tuple[Callable[..., Any], ...] = (
    *(asarray, array, ascontiguousarray, asfortranarray, empty, empty_like, asnumpy),
    *(get_array_module, from_dlpack, may_share_memory, shares_memory),
)


def namespace() -> dict[str, Any]:
    """Every name of the array functions."""
    names = from_numpy(np)
    names |= {name: getattr(np, name) for name in CONSTANTS}
    names |= {function.__name__: function for function in OWN}
    return names | {"ndarray": ndarray, "asanyarray": asarray, "bool": np.bool_}


def from_numpy(module: ModuleType) -> dict[str, Any]:
    """The functions of a module of NumPy, made to work on the stand-in's arrays."""
    return {
        name: _adapted(getattr(module, name))
        for name in module.__all__
        if name not in MISSING and _is_wanted(getattr(module, name))
    }


def _is_wanted(value: Any) -> bool:
    if isinstance(value, type):
        return issubclass(value, (np.generic, Exception)) or value in CLASSES
    return callable(value)


def _adapted(value: Any) -> Any:
    if isinstance(value, type):
        return value

    @wraps(value, updated=())
    def function(*args: Any, **kwargs: Any) -> Any:
        return call(value, *args, **kwargs)

    return function


def _on_host(values: Any) -> Any:
    if isinstance(values, (list, tuple)):
        return [_on_host(value) for value in values]
    return values.host if isinstance(values, ndarray) else values


def _device_array(value: Any) -> ndarray:
    if not isinstance(value, ndarray):
        raise TypeError(f"Unsupported type {type(value)}")
    return value
