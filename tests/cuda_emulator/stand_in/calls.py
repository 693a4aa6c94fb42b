"""Calls of NumPy's functions on the stand-in's arrays."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from .arrays import ndarray, to_device
from .devices import not_while_capturing, state


def call(function: Any, *args: Any, **kwargs: Any) -> Any:
    """Call NumPy's function; its results are arrays of the stand-in too."""
    arrays = list(_arrays((args, kwargs)))
    if kwargs.get("out") is not None:
        not_while_capturing("an operation on arrays")
    with np.errstate(all="ignore"):
        result = function(*_unwrapped(args), **_unwrapped(kwargs))
    return _wrapped(result, arrays)


def _arrays(value: Any) -> Iterator[ndarray]:
    if isinstance(value, ndarray):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from _arrays(item)
    elif isinstance(value, dict):
        yield from _arrays(list(value.values()))


def _unwrapped(value: Any) -> Any:
    if isinstance(value, ndarray):
        return value.host
    if isinstance(value, np.ndarray) and value.ndim > 0:
        raise TypeError(f"Unsupported type {type(value)}")
    if isinstance(value, (tuple, list)):
        return type(value)(map(_unwrapped, value))
    if isinstance(value, dict):
        return {key: _unwrapped(item) for key, item in value.items()}
    return value


def _wrapped(value: Any, arrays: list[ndarray]) -> Any:
    if isinstance(value, np.ndarray):
        return _wrapped_array(value, arrays)
    if isinstance(value, np.generic):
        return _wrapped_array(np.asarray(value), arrays)
    if isinstance(value, (tuple, list)):
        items = [_wrapped(item, arrays) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    return value


def _wrapped_array(array: npt.NDArray[Any], arrays: Iterable[ndarray]) -> ndarray:
    for known in arrays:
        if array is known.host:
            return known
    for known in arrays:
        if np.may_share_memory(array, known.host):
            return known.view_of(array)
    for known in arrays:
        if known.device.id != state.device:
            raise ValueError(
                "Array device must be same as the current device: array device = "
                f"{known.device.id} while current = {state.device}"
            )
    return to_device(array)
