"""The C functions of `plain` as functions of Python."""

import ctypes
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from . import plain
from .plain import FUNCTION

_FASTCALL = 0x80  # METH_FASTCALL: called with an array of arguments
_EMPTY, _RETURN = 184, 76  # where PyArray_Empty and PyArray_Return stand in NumPy's C API

# Without the GIL, for one, the head of an object is longer.
_KNOWS_OBJECTS = sys.implementation.name == "cpython" and object.__basicsize__ == 16
_NAME = ctypes.create_string_buffer(b"plain")

_tables = {name: np.zeros((), FUNCTION) for name in ("softmax", "log_softmax", "logsumexp")}


def _not_compiled(*arguments: Any) -> None:
    """The answer to a call that is not plain."""


# (x, axis, temperature, where, out) -> the result, or None where the call is not plain
PLAIN: dict[str, Callable[..., Any]] = dict.fromkeys(_tables, _not_compiled)


def install(name: str, dtype: np.dtype[Any], columns: bool, kernel: int, one: int) -> None:
    """Let plain calls of an operation on this dtype run the kernel; `one` is where t = 1 lies."""
    if not _KNOWS_OBJECTS:
        return
    table, bits = _tables[name], 8 * dtype.itemsize
    table["name"], table["convention"] = ctypes.addressof(_NAME), _FASTCALL
    table["code"], table["reduced"] = plain.code(), name == "logsumexp"
    table["none"], table["array"] = id(None), id(np.ndarray)
    table["int"], table["float"] = id(int), id(float)
    table["empty"], table["returned"] = _numpy_api(_EMPTY), _numpy_api(_RETURN)
    table[f"float{bits}"], table[f"one{bits}"] = id(np.dtype(f"float{bits}")), one
    table[f"{'columns' if columns else 'rows'}{bits}"] = kernel
    PLAIN[name] = _python_function(table)


def _python_function(table: Any) -> Any:
    """The table, which begins as a PyMethodDef and which the function keeps, as a function."""
    kinds = ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p
    create = ctypes.PYFUNCTYPE(ctypes.py_object, *kinds)
    return create(("PyCFunction_NewEx", ctypes.pythonapi))(table.ctypes.data, table, None)


def _numpy_api(place: int) -> int | None:
    """The address of a function of NumPy's C API."""
    find = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)
    pointer = find(("PyCapsule_GetPointer", ctypes.pythonapi))
    capsule = sys.modules["numpy._core._multiarray_umath"]._ARRAY_API
    return (ctypes.c_void_p * (place + 1)).from_address(pointer(capsule, None))[place]
