"""Kernels inside other compiled code: linked into it, and run on the thread that it runs on."""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .caching import njit
from .calling import call
from .job import RATES
from .launch import kernel, merging
from .layout import are_short, lay_out
from .row import ROOM, WHOLE
from .simd import ALIGNMENT, apart
from .stack import address_of, bytes_on_stack, job_on_stack, room

LONGEST_ON_STACK = 2048  # numbers in a row
TILE = LONGEST_ON_STACK * 8 + (ROOM + RATES + 1) * ALIGNMENT


@intrinsic(prefer_literal=True)
def linked(typing, name, x):
    """The addresses of an operation's kernels, for the numbers of x: over rows, over columns, and the
    one that merges blocks. They become part of the calling code.
    """
    if not isinstance(name, types.StringLiteral):
        return None

    def generate(context, builder, signature, args):
        operation = name.literal_value
        over_rows, over_columns = (kernel(operation, x.dtype, columns) for columns in (False, True))
        places = [_link(context, builder, k) for k in (over_rows, over_columns, merging(x.dtype))]
        return context.make_tuple(builder, signature.return_type, places)

    return types.UniTuple(types.intp, 3)(name, x), generate


def _link(context, builder, compiled):
    """The address of a kernel that is linked."""
    context.add_linking_libs([compiled._library])
    pointer, word = ir.IntType(8).as_pointer(), ir.IntType(64)
    function_type = ir.FunctionType(ir.VoidType(), [pointer] * 9 + [word] * 3)
    own = cgutils.get_or_insert_function(builder.module, function_type, compiled.native_name)
    return builder.ptrtoint(own, word)


@intrinsic
def number_on_stack(typing, x):
    """A pointer to room for a few numbers of the kind of x."""
    numbers = types.CPointer(x.dtype)

    def generate(context, builder, signature, args):
        return builder.bitcast(room(builder, ALIGNMENT), context.get_value_type(numbers))

    return numbers(x), generate


@njit(nogil=True)
def run_row(kernels, x, y, temperature, size, n, unit, reduced):
    """Run one of the `linked` kernels on a contiguous row, with no memory but the stack.

    The row has up to LONGEST_ON_STACK numbers; x, y and temperature are addresses.
    """
    apart()
    job = job_on_stack()
    vector, columns = ALIGNMENT // size, are_short(n, size, False, False)
    lay_out(job, n, 1, columns, 1, vector)
    job.x_axis, job.x_inner, job.y_axis, job.y_inner = 1, n, 1, 1 if reduced else n
    job.rows, job.unit, job.reduced, job.writes_y = 1, unit, reduced, 1
    job.read_directly, job.write_directly = 1, not reduced
    tile = bytes_on_stack(TILE)
    pointers = x, x, y, y, tile, tile, temperature, address_of(job), tile
    call(kernels[1 if columns else 0], pointers, WHOLE, 0, 1)
