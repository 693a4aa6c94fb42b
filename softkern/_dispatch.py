"""Array type -> backend, by one look-up on ``type(x)``.

No array library is imported to find out whose array it is: an array's library is in memory
already, and its type says which one it is.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

_NUMPY_TYPES = ("ndarray", "memmap")
_found: dict[type, ModuleType] = {}


def backend(x: Any, *others: Any) -> ModuleType:
    """Return the backend for `x`; every array in `others` must be of the same library."""
    kind = type(x)
    found = _found.get(kind)
    if found is None:
        found = _found[kind] = _resolve(kind)
    for other in others:
        if other is not None and type(other) is not kind:
            _check_same_library(x, other, found)
    return found


def _resolve(kind: type) -> ModuleType:
    if _is_numpy(kind):
        return import_module("softkern.backends.numba_cpu")
    if issubclass(kind, _numpy_class("ndarray")):
        hint = (
            "pass `x.filled(0)` with `where=~x.mask`"
            if kind.__name__ == "MaskedArray"
            else "pass `numpy.asarray(x)`"
        )
        raise TypeError(f"{_name(kind)} is a NumPy subclass whose meaning would be lost: {hint}")
    if hasattr(kind, "__array_namespace__") or _root(kind) in ("torch", "cupy", "dask", "jaxlib"):
        return import_module("softkern.backends.array_api")
    raise TypeError(
        f"{_name(kind)} is not an array softkern knows: it takes NumPy arrays, Python numbers and "
        "sequences of them, and arrays that follow the array API standard; "
        "for others pass `numpy.asarray(x)`"
    )


def _is_numpy(kind: type) -> bool:
    if issubclass(kind, (bool, int, float, complex, list, tuple)):
        return True
    if issubclass(kind, _numpy_class("generic")):
        return True
    return _root(kind) == "numpy" and kind.__name__ in _NUMPY_TYPES


def _check_same_library(x: Any, other: Any, found: ModuleType) -> None:
    if isinstance(other, (bool, int, float, complex)):
        return
    kind = type(other)
    if kind not in _found:
        _found[kind] = _resolve(kind)
    if _found[kind] is not found or _root(kind) != _root(type(x)) != "builtins" != _root(kind):
        raise TypeError(
            f"arrays of two libraries in one call: {_name(type(x))} and {_name(kind)}; "
            "convert one of them first"
        )


def _numpy_class(name: str) -> type | tuple[()]:
    """A class of NumPy, or the empty tuple (no class at all) where NumPy is not imported."""
    numpy = sys.modules.get("numpy")
    return getattr(numpy, name) if numpy else ()


def _root(kind: type) -> str:
    return kind.__module__.partition(".")[0]


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
