"""The way in to the backends: array type -> backend, by one look-up on ``type(x)``.

No array library is imported to find out whose array it is: an array's library is in memory
already, and its type says which one it is.
"""

import sys
from types import ModuleType
from typing import Any

_WITHOUT_NAMESPACE = ("torch", "cupy", "dask")  # known to array_api_compat by name
_WITH_LABELS = {
    "pandas": "pass `x.to_numpy()`, and give the result to `type(x)` with the labels of x",
    "xarray": "call `xarray.apply_ufunc(softkern.softmax, x, input_core_dims=[[dim]], "
    "output_core_dims=[[dim]], kwargs={'axis': -1}, dask='allowed')`",
}
PLAIN = (bool, int, float, complex, list, tuple)  # NumPy's alone, anyone's in company

_found: dict[type, ModuleType] = {}
_libraries: dict[type, str] = {}


def backend(
    x: Any, temperature: Any, a: Any = None, b: Any = None, c: Any = None, d: Any = None
) -> ModuleType:
    """Return the backend for `x`, with which all the others must fit in."""
    kind = type(x)
    if type(temperature) is not float or not temperature >= 0.0:
        _check_temperature(temperature, kind)
    if a is not None or b is not None or c is not None or d is not None:
        for other in (a, b, c, d):
            if other is not None and type(other) is not kind:
                _check_same_library(other, kind)
    try:
        return _found[kind]
    except KeyError:
        return _find(kind)


def _find(kind: type) -> ModuleType:
    found: ModuleType = _backend_for(_library_of(kind))
    _found[kind] = found
    return found


def _backend_for(library: str) -> Any:
    # Import statements, which torch.compile can follow; import_module it cannot.
    match library:
        case "numpy":
            from .backends.interrupts import put_off

            with put_off():  # Numba cannot be imported again that has been halfway
                from .backends import numba_cpu

            return numba_cpu
        case "cupy":
            from .backends import cupy_cuda

            return cupy_cuda
        case "torch":
            from .backends import torch_tensor

            return torch_tensor
        case "jax":
            from .backends import jax_array

            return jax_array
        case "dask":
            from .backends import dask_array

            return dask_array
        case _:
            from .backends import array_api

            return array_api


def _library_of(kind: type) -> str:
    """The name of the library whose arrays are of this type."""
    if kind not in _libraries:
        _libraries[kind] = _find_library(kind)
    return _libraries[kind]


def _find_library(kind: type) -> str:
    if issubclass(kind, PLAIN):
        return "numpy"
    numpy = sys.modules.get("numpy")
    if numpy and (kind in (numpy.ndarray, numpy.memmap) or issubclass(kind, numpy.generic)):
        return "numpy"
    if numpy and issubclass(kind, numpy.ndarray):
        masked = kind.__module__.startswith("numpy.ma")
        way_out = "`x.data` with `where=~x.mask`" if masked else "`numpy.asarray(x)`"
        raise TypeError(f"{_name(kind)} would lose its meaning here: pass {way_out}")
    roots = {base.__module__.partition(".")[0] for base in kind.__mro__}
    for root in _WITHOUT_NAMESPACE:
        if root in roots:
            return root
    root = kind.__module__.partition(".")[0]
    if root in _WITH_LABELS:
        raise TypeError(f"{_name(kind)} would lose its labels here: {_WITH_LABELS[root]}")
    if hasattr(kind, "__array_namespace__"):
        return "jax" if root == "jaxlib" else root
    raise TypeError(
        f"{_name(kind)} is not an array softkern knows: it takes NumPy arrays, numbers and "
        "sequences of numbers, and arrays that follow the array API standard; "
        "for others pass `numpy.asarray(x)`"
    )


def _check_temperature(temperature: Any, kind: type) -> None:
    if not isinstance(temperature, (int, float)):
        _check_same_library(temperature, kind)
    elif not temperature >= 0:
        raise ValueError(f"temperature must be >= 0, not {temperature}")


def _check_same_library(other: Any, kind: type) -> None:
    if isinstance(other, tuple):  # the pair of arrays that a JVP writes to
        for each in other:
            if type(each) is not kind:
                _check_same_library(each, kind)
    elif other is not None and not isinstance(other, PLAIN):
        other_kind: type = type(other)
        if _library_of(kind) != _library_of(other_kind):
            raise TypeError(
                f"arrays of two libraries in one call: {_name(kind)} and {_name(other_kind)}; "
                "convert one of them first"
            )


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
