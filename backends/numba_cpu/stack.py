"""Records and room on the stack of compiled code."""

from llvmlite import ir
from numba import from_dtype, types
from numba.extending import intrinsic

from .job import JOB
from .simd import ALIGNMENT


def room(builder, size):
    """So many aligned bytes that last until the calling function returns."""
    with builder.goto_entry_block():
        place = builder.alloca(ir.ArrayType(ir.IntType(8), size))
    place.align = ALIGNMENT
    return place


def record_on_stack(dtype):
    """A function that gives a record of zeros."""
    kind = from_dtype(dtype)

    @intrinsic
    def record(typing):
        def generate(context, builder, signature, args):
            place = room(builder, dtype.itemsize)
            builder.store(place.type.pointee(None), place)
            return builder.bitcast(place, context.get_value_type(kind))

        return kind(), generate

    return record


job_on_stack = record_on_stack(JOB)


@intrinsic
def address_of(typing, record):
    """Where a record lies."""

    def generate(context, builder, signature, args):
        return builder.ptrtoint(args[0], ir.IntType(64))

    return types.intp(record), generate


@intrinsic(prefer_literal=True)
def bytes_on_stack(typing, size):
    """The address of so many bytes, a constant."""
    if not isinstance(size, types.IntegerLiteral):
        return None

    def generate(context, builder, signature, args):
        return builder.ptrtoint(room(builder, size.literal_value), ir.IntType(64))

    return types.intp(size), generate
