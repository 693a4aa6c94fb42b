"""Moving numbers between the lanes of vectors."""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .simd import LLVM_TYPE, Vector

_I32 = ir.IntType(32)


@intrinsic
def widened_halves(typing, x):
    """The first and the last eight lanes of sixteen, in float64."""
    wide = Vector(types.float64, x.lanes // 2)

    def generate(context, builder, signature, args):
        halves = (
            builder.shuffle_vector(
                args[0],
                args[0],
                ir.Constant(
                    ir.VectorType(_I32, wide.lanes), [first + lane for lane in range(wide.lanes)]
                ),
            )
            for first in (0, wide.lanes)
        )
        vector = context.get_value_type(wide)
        return context.make_tuple(
            builder, signature.return_type, [builder.fpext(half, vector) for half in halves]
        )

    return types.UniTuple(wide, 2)(x), generate


@intrinsic
def narrowed_twice(typing, x):
    """Eight lanes of float64 rounded to float32, twice over."""
    narrow = Vector(types.float32, 2 * x.lanes)

    def generate(context, builder, signature, args):
        rounded = builder.fptrunc(args[0], ir.VectorType(LLVM_TYPE[types.float32], x.lanes))
        order = [lane % x.lanes for lane in range(narrow.lanes)]
        return builder.shuffle_vector(
            rounded, rounded, ir.Constant(ir.VectorType(_I32, narrow.lanes), order)
        )

    return narrow(x), generate


@intrinsic
def one_lane(typing, x):
    """The number in the first lane."""

    def generate(context, builder, signature, args):
        return builder.extract_element(args[0], _I32(0))

    return x.element(x), generate


def _shuffle(partner):
    @intrinsic
    def exchange(typing, x):
        """Each lane takes the value of its partner."""

        def generate(context, builder, signature, args):
            order = [partner(lane) % x.lanes for lane in range(x.lanes)]
            return builder.shuffle_vector(
                args[0], args[0], ir.Constant(ir.VectorType(_I32, x.lanes), order)
            )

        return x(x), generate

    return exchange


exchange_8 = _shuffle(lambda lane: lane ^ 8)
exchange_4 = _shuffle(lambda lane: lane ^ 4)
exchange_2 = _shuffle(lambda lane: lane ^ 2)
exchange_1 = _shuffle(lambda lane: lane ^ 1)
first_lane = _shuffle(lambda lane: 0)


@intrinsic
def transposed(typing, vectors):
    """The columns of a square of numbers whose lines are given."""
    count = len(vectors)

    def interleaved(builder, a, b, first):
        order = [half * count + first + lane for lane in range(count // 2) for half in (0, 1)]
        return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(_I32, count), order))

    def generate(context, builder, signature, args):
        lines = cgutils.unpack_tuple(builder, args[0], count)
        for _ in range(count.bit_length() - 1):  # a perfect shuffle of the lines at each step
            pairs = zip(lines[: count // 2], lines[count // 2 :], strict=True)
            lines = [
                interleaved(builder, a, b, first) for a, b in pairs for first in (0, count // 2)
            ]
        return context.make_tuple(builder, signature.return_type, lines)

    return vectors(vectors), generate
