"""Objects of CPython and NumPy as C sees them, for compiled code."""

import ctypes
import sys

import numpy as np
from llvmlite import ir
from numba import from_dtype, types
from numba.extending import intrinsic

# The head of a PyArrayObject, which NumPy's ABI keeps as it is; `kind` is the dtype.
ARRAY = np.dtype(
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
CONTIGUOUS, WRITEABLE, ALIGNED = 0x1, 0x400, 0x100

# Without the GIL, for one, the head of an object is longer.
KNOWN = sys.implementation.name == "cpython" and object.__basicsize__ == 16
_DATA = ARRAY.fields["data"][1]


def data_of(array):
    """array.ctypes.data, in a tenth of the time."""
    if KNOWN:
        return ctypes.c_ssize_t.from_address(id(array) + _DATA).value
    return array.ctypes.data


# A PyMethodDef, and behind it what its function needs: addresses differ from process to process, and
# compiled code is kept for all.
FUNCTION = np.dtype(
    [
        (name, np.intp)
        for name in (
            "name",
            "code",
            "convention",
            "doc",
            "reads_v",  # as of a Call in `plain_functions`
            "per_row",
            "writes_y",
            "writes_dy",
            "reduced",
            "given",
            "log_given",
            "none",
            "true",
            "false",
            "array",
            "int",
            "int64",
            "float",
            "empty",  # of NumPy's C API
            "returned",
            "parallel_for",  # of Numba's threading layer, and what it calls; 0 before they are needed
            "part",
            "merging_float32",  # kernels, 0 before they are compiled
            "merging_float64",
            "float16",
            "rows_float16",
            "columns_float16",
            "bfloat16",
            "rows_bfloat16",
            "columns_bfloat16",
            "float32",
            "rows_float32",
            "columns_float32",
            "float64",
            "rows_float64",
            "columns_float64",
        )
    ]
)

add_reference = types.ExternalFunction("Py_IncRef", types.void(types.intp))
drop_reference = types.ExternalFunction("Py_DecRef", types.void(types.intp))
as_int = types.ExternalFunction("PyNumber_AsSsize_t", types.intp(types.intp, types.intp))
as_float = types.ExternalFunction("PyFloat_AsDouble", types.float64(types.intp))
new_tuple = types.ExternalFunction("PyTuple_New", types.intp(types.intp))
put_in_tuple = types.ExternalFunction(
    "PyTuple_SetItem", types.intc(types.intp, types.intp, types.intp)
)
let_go = types.ExternalFunction("PyEval_SaveThread", types.intp())
take_back = types.ExternalFunction("PyEval_RestoreThread", types.void(types.intp))
allocate = types.ExternalFunction("PyMem_RawMalloc", types.intp(types.intp))
free = types.ExternalFunction("PyMem_RawFree", types.void(types.intp))
no_memory = types.ExternalFunction("PyErr_NoMemory", types.intp())


def at_address(kind):
    """A function that gives what lies at an address."""

    @intrinsic
    def at(typing, address):
        def generate(context, builder, signature, args):
            return builder.inttoptr(args[0], context.get_value_type(kind))

        return kind(types.intp), generate

    return at


array_at, function_at = at_address(from_dtype(ARRAY)), at_address(from_dtype(FUNCTION))
words_at = at_address(types.CPointer(types.intp))
singles_at = at_address(types.CPointer(types.float32))
doubles_at = at_address(types.CPointer(types.float64))


@intrinsic
def call_c(typing, address, arguments):
    """Call a C function of words that returns a word."""

    def generate(context, builder, signature, args):
        words = [builder.extract_value(args[1], i) for i in range(len(arguments))]
        kind = ir.FunctionType(ir.IntType(64), [ir.IntType(64)] * len(words))
        return builder.call(builder.inttoptr(args[0], kind.as_pointer()), words)

    return types.intp(types.intp, arguments), generate
