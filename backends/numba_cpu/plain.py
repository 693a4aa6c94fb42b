"""The call that most callers make, contiguous rows and no options, as functions that CPython calls.

Python takes longer to look at such a call than a kernel does to compute few numbers. Here Numba
compiles the look as a C function of CPython's kind, which reads NumPy's arrays as C does.
"""

from functools import cache

import numpy as np
from llvmlite import ir
from numba import cfunc, from_dtype, njit, types
from numba.extending import intrinsic

from .caching import CACHED
from .launch import ROW_BLOCK, call, describe_rows
from .part import PART
from .row import WHOLE
from .stack import ALIGNMENT, address_of, bytes_on_stack, job_on_stack
from .threads import WORTH_SHARING

# Below this many numbers, to let go of the GIL would take longer than the kernel does.
_FEW = 1 << 11

_ON_STACK = 1 << 14  # bytes of a tile

# The head of a PyArrayObject, which NumPy's ABI keeps as it is; `kind` is the dtype.
_ARRAY = np.dtype(
    [
        ("references", np.intp),
        ("type", np.intp),
        ("data", np.intp),
        ("ndim", np.intc),
        ("shape", np.intp),
        ("strides", np.intp),
        ("base", np.intp),
        ("kind", np.intp),
        ("flags", np.intc),
    ],
    align=True,
)
_CONTIGUOUS, _WRITEABLE, _ALIGNED = 0x1, 0x400, 0x100

# A PyMethodDef, and behind it the addresses that its function needs: they differ from process to
# process, and compiled code is kept for all.
FUNCTION = np.dtype(
    [
        (name, np.intp)
        for name in (
            "name",
            "code",
            "convention",
            "doc",
            "reduced",  # whether results are one number a row
            "none",
            "array",
            "int",
            "float",
            "empty",  # of NumPy's C API
            "returned",
            "float32",
            "kernel32",  # 0 before it is compiled
            "one32",  # where t = 1 lies
            "float64",
            "kernel64",
            "one64",
        )
    ]
)

_add_reference = types.ExternalFunction("Py_IncRef", types.void(types.intp))
_int = types.ExternalFunction("PyNumber_AsSsize_t", types.intp(types.intp, types.intp))
_float = types.ExternalFunction("PyFloat_AsDouble", types.float64(types.intp))
_let_go = types.ExternalFunction("PyEval_SaveThread", types.intp())
_take_back = types.ExternalFunction("PyEval_RestoreThread", types.void(types.intp))
_allocate = types.ExternalFunction("PyMem_RawMalloc", types.intp(types.intp))
_free = types.ExternalFunction("PyMem_RawFree", types.void(types.intp))
_no_memory = types.ExternalFunction("PyErr_NoMemory", types.intp())

# Called by compiled code alone: what Python would need is not compiled.
_part = njit(**PART)


def _at(kind):
    """What lies at an address."""

    @intrinsic
    def at(typing, address):
        def generate(context, builder, signature, args):
            return builder.inttoptr(args[0], context.get_value_type(kind))

        return kind(types.intp), generate

    return at


_array_at, _function_at = _at(from_dtype(_ARRAY)), _at(from_dtype(FUNCTION))
_words_at = _at(types.CPointer(types.intp))


@intrinsic
def _call_c(typing, address, arguments):
    """Call a C function of words that returns a word."""

    def generate(context, builder, signature, args):
        words = [builder.extract_value(args[1], i) for i in range(len(arguments))]
        kind = ir.FunctionType(ir.IntType(64), [ir.IntType(64)] * len(words))
        return builder.call(builder.inttoptr(args[0], kind.as_pointer()), words)

    return types.intp(types.intp, arguments), generate


@_part
def _is_last(axis, x, f):
    if axis == f.none:
        return x.ndim == 1
    if _array_at(axis).type != f.int:
        return False
    k = _int(axis, 0)
    return k == -1 or k == x.ndim - 1


@_part
def _is_plain(x, axis, temperature, where, f):
    """Whether these are rows of numbers at equal steps, each behind the one before, at t = 1."""
    if x.type != f.array or not x.flags & _ALIGNED or where != f.none:
        return False
    if x.ndim == 0 or (x.ndim > 1 and not x.flags & _CONTIGUOUS):
        return False
    is_float = _array_at(temperature).type == f.float
    return is_float and _float(temperature) == 1.0 and _is_last(axis, x, f)


@_part
def _kernel_of(x, f):
    """The kernel, where t = 1 lies, and the size of a number."""
    if x.kind == f.float32:
        return f.kernel32, f.one32, 4
    if x.kind == f.float64:
        return f.kernel64, f.one64, 8
    return 0, 0, 1


@_part
def _count(x, ndim):
    """How many numbers the first axes have."""
    shape, count = _words_at(x.shape), 1
    for k in range(ndim):
        count *= shape[k]
    return count


@_part
def _step(x, size):
    """From a number of a row to the next."""
    return 1 if x.flags & _CONTIGUOUS else _words_at(x.strides)[0] // size


@_part
def _has_shape(out, x, ndim):
    """Whether `out` has the first axes of x and no others."""
    own, shape = _words_at(out.shape), _words_at(x.shape)
    same = out.ndim == ndim
    for k in range(ndim):
        same = same and own[k] == shape[k]
    return same


@_part
def _takes(out, results, x, numbers, size):
    """Whether a kernel that reads x can write its results to `out` right away."""
    wanted = _CONTIGUOUS | _ALIGNED | _WRITEABLE
    if out.type != x.type or out.kind != x.kind or out.flags & wanted != wanted:
        return False
    if out.data == x.data and x.flags & _CONTIGUOUS:
        return True
    first, last = x.data, x.data + (numbers - 1) * _step(x, size) * size
    if last < first:
        first, last = last, first
    return out.data + results * size <= first or last + size <= out.data


@_part
def _run(kernel, one, x, y, tile, job, freely):
    arguments = x, x, y, y, tile, tile, one, address_of(job), tile
    if not freely:
        call(kernel, arguments, WHOLE, 0, job.tiles)
        return
    thread = _let_go()
    call(kernel, arguments, WHOLE, 0, job.tiles)
    _take_back(thread)


@_part
def _answer(x, axis, temperature, where, given, f):
    """The result; None if the call is not plain; 0 where there is an exception instead."""
    if not _is_plain(x, axis, temperature, where, f):
        return f.none
    kernel, one, size = _kernel_of(x, f)
    n, rows = _words_at(x.shape)[x.ndim - 1], _count(x, x.ndim - 1)
    numbers, reduced = n * rows, f.reduced == 1
    if kernel == 0 or numbers == 0 or numbers >= WORTH_SHARING or n > ROW_BLOCK:
        return f.none
    ndim = x.ndim - f.reduced
    if given != f.none:
        out, results = _array_at(given), rows if reduced else numbers
        if not (_takes(out, results, x, numbers, size) and _has_shape(out, x, ndim)):
            return f.none
    job = job_on_stack()
    needed = describe_rows(job, size, n, _step(x, size), rows, reduced, 0)
    memory = bytes_on_stack(_ON_STACK) if needed <= _ON_STACK else _allocate(needed)
    if memory == 0:
        return _no_memory()
    y = given
    if given == f.none:
        _add_reference(x.kind)
        y = _call_c(f.empty, (ndim, x.shape, x.kind, 0))
    if y != 0:
        tile = (memory + ALIGNMENT - 1) & -ALIGNMENT
        _run(kernel, one, x.data, _array_at(y).data, tile, job, numbers >= _FEW)
    if needed > _ON_STACK:
        _free(memory)
    return _call_c(f.returned, (y,)) if ndim == 0 and y != given else y


def _call(own, arguments, count):
    """(x, axis, temperature, where, out) -> the result, or None where the call is not plain."""
    f = _function_at(_array_at(own).data)
    x, out = _array_at(arguments[0]), arguments[4]
    y = _answer(x, arguments[1], arguments[2], arguments[3], out, f)
    if y == out or y == f.none:
        _add_reference(y)
    return y


@cache
def code():
    """Where the C function is that looks at a call."""
    signature = types.intp(types.intp, types.CPointer(types.intp), types.intp)
    return cfunc(signature, cache=CACHED, error_model="numpy")(_call).address
