"""Lines of numbers, as short rows and columns are, between memory and vectors.

Lines to be transposed are taken as a square, a line a vector; or, where only their first numbers are wanted, in
parts: line k is part k // n of vector k % n, n being the numbers of a part.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .memory import load_first_at, store_first_at
from .shuffles import PARTS, in_parts, part_of
from .simd import vector_of

_I64 = ir.IntType(64)


def _line(builder, line, start, stride, used):
    """The address of a line, or of the last one in use."""
    last = builder.sub(used, _I64(1))
    number = builder.select(builder.icmp_signed("<", _I64(line), last), _I64(line), last)
    return builder.gep(start, [builder.mul(number, stride)])


def _load(builder, storage, place, number, count, fill):
    start, i, stride, used = place
    start = builder.gep(start, [i])
    return [
        load_first_at(builder, storage, _line(builder, line, start, stride, used), count, fill)
        for line in range(number)
    ]


def _store(builder, storage, place, count, lines):
    start, i, stride, used = place
    start = builder.gep(start, [i])
    # From the end, so that what is no line of its own is overwritten by the last that is.
    for line, x in reversed(list(enumerate(lines))):
        store_first_at(builder, storage, _line(builder, line, start, stride, used), count, x)


def _loading(share):
    @intrinsic
    def load(typing, pointer, i, stride, used, count, fill):
        """The first `count` numbers of `used` lines, `stride` numbers apart, the last one repeated."""
        storage, vector = pointer.dtype, vector_of(pointer.dtype)
        several = types.UniTuple(vector, vector.lanes // share)

        def generate(context, builder, signature, args):
            lines = _load(builder, storage, args[:4], several.count, *args[4:])
            return context.make_tuple(builder, signature.return_type, lines)

        return several(pointer, i, stride, used, count, fill), generate

    return load


load_lines, load_few_lines = _loading(1), _loading(PARTS)


@intrinsic
def load_parts(typing, pointer, i, stride, used, count):
    """The first `count` numbers, at most those of a part, of as many lines as a vector has lanes."""
    storage, vector = pointer.dtype, vector_of(pointer.dtype)
    several = types.UniTuple(vector, vector.lanes // PARTS)

    def generate(context, builder, signature, args):
        part = ir.VectorType(context.get_value_type(vector.element), several.count)
        fill = ir.Constant(part, None)
        parts = _load(builder, storage, args[:4], vector.lanes, args[4], fill)
        vectors = [in_parts(builder, parts[k :: several.count]) for k in range(several.count)]
        return context.make_tuple(builder, signature.return_type, vectors)

    return several(pointer, i, stride, used, count), generate


@intrinsic
def store_lines(typing, pointer, i, stride, used, count, vectors):
    """The first `count` numbers of `used` vectors -> lines as of `load_lines`."""

    def generate(context, builder, signature, args):
        lines = cgutils.unpack_tuple(builder, args[5], len(vectors))
        _store(builder, pointer.dtype, args[:4], args[4], lines)
        return context.get_dummy_value()

    return types.void(pointer, i, stride, used, count, vectors), generate


@intrinsic
def store_parts(typing, pointer, i, stride, used, count, vectors):
    """The first `count` numbers of parts -> lines as of `load_parts`."""

    def generate(context, builder, signature, args):
        values = cgutils.unpack_tuple(builder, args[5], len(vectors))
        parts = [part_of(builder, value, k) for k in range(PARTS) for value in values]
        _store(builder, pointer.dtype, args[:4], args[4], parts)
        return context.get_dummy_value()

    return types.void(pointer, i, stride, used, count, vectors), generate
