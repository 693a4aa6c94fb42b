"""The C functions of `plain` as functions of Python."""

import ctypes
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from . import forks, plain, slices
from .objects import FUNCTION, KNOWN
from .sharing import part
from .threads import WORTH_SHARING, parallel_for, threads_for

_FASTCALL = 0x80  # METH_FASTCALL: called with an array of arguments
_EMPTY, _RETURN = 184, 76  # where PyArray_Empty and PyArray_Return stand in NumPy's C API

_OBJECTS = {
    "none": None,
    "true": True,
    "false": False,
    "array": np.ndarray,
    "int": int,
    "int64": np.int64,
    "float": float,
}
_NAME = ctypes.create_string_buffer(b"plain")


class Call(NamedTuple):
    """What a kernel reads and writes for a call."""

    kernel: str
    reads_v: bool = False
    per_row: bool = False  # whether v is one number a row
    writes_y: bool = True
    writes_dy: bool = False
    reduced: bool = False  # whether results are
    given: bool = False  # whether x is softmax(x) already
    log_given: bool = False  # or its logarithm


_BACK = Call("softmax_jvp", reads_v=True, writes_y=False, writes_dy=True)
_LOG_BACK = _BACK._replace(kernel="log_softmax_vjp")
_CALLS = {
    "softmax": Call("softmax"),
    "softmax_jvp": Call("softmax_jvp", reads_v=True, writes_dy=True),
    "softmax_vjp": _BACK,
    "softmax_vjp_given": _BACK._replace(kernel="jacobian_product", given=True),
    "log_softmax": Call("log_softmax"),
    "log_softmax_jvp": Call("log_softmax_jvp", reads_v=True, writes_dy=True),
    "log_softmax_vjp": _LOG_BACK,
    "log_softmax_vjp_given": _LOG_BACK._replace(log_given=True),
    "logsumexp": Call("logsumexp", reduced=True),
    "logsumexp_jvp": Call("logsumexp_jvp", reads_v=True, writes_dy=True, reduced=True),
    "logsumexp_vjp": Call("logsumexp_vjp", reads_v=True, per_row=True),
}
_tables = {name: np.zeros((), FUNCTION) for name in _CALLS}


def _not_compiled(*arguments: Any) -> None:
    """The answer to a call that is not plain."""


# (x, v, axis, keepdims, temperature, where, y, dy, threads) -> the results, or None, as `plain` says
PLAIN: dict[str, Callable[..., Any]] = dict.fromkeys(_tables, _not_compiled)


def install(kernel: str, dtype: np.dtype[Any], columns: bool, address: int) -> None:
    """Let plain calls on this dtype run a kernel that is compiled."""
    if not KNOWN:
        return
    for name, call in _CALLS.items():
        if call.kernel == kernel:
            table = _tables[name]
            _fill(table, call)
            table[dtype.name] = id(np.dtype(dtype.type))  # the one that arrays have
            table[f"{'columns' if columns else 'rows'}_{dtype.name}"] = address
            PLAIN[name] = _python_function(table)


def install_merging(computed: np.dtype[Any], address: int) -> None:
    """Let plain calls run the kernel that merges blocks of rows."""
    for table in _tables.values():
        table[f"merging_{computed.name}"] = address


def call_large(name: str, x: Any, *arguments: Any) -> Any:
    """A plain call that threads share; None where it is none, or there are few numbers, or too many."""
    if type(x) is not np.ndarray or not WORTH_SHARING <= x.size <= slices.AT_ONCE:
        return None
    threads = threads_for(x.size)
    if threads > 1 and not _tables[name]["part"]:
        _tables[name]["parallel_for"] = parallel_for()
        _tables[name]["part"] = part()  # the last, for it tells other threads that both are there
    return forks.enter(PLAIN[name], x, *arguments, threads=threads)


def _fill(table: Any, call: Call) -> None:
    table["name"], table["convention"] = ctypes.addressof(_NAME), _FASTCALL
    table["code"] = plain.code()
    for name in Call._fields[1:]:
        table[name] = getattr(call, name)
    for name, known in _OBJECTS.items():
        table[name] = id(known)
    table["empty"], table["returned"] = _numpy_api(_EMPTY), _numpy_api(_RETURN)


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
