"""Moving numbers between the lanes of vectors."""

from functools import reduce

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .simd import LANES, Vector, call

_I32 = ir.IntType(32)

PARTS = 4  # of a vector, of 128 bits each: within those, numbers move fastest


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
def twice(typing, x):
    """The lanes of x, and again."""

    def generate(context, builder, signature, args):
        order = ir.Constant(ir.VectorType(_I32, 2 * x.lanes), [*range(x.lanes)] * 2)
        return builder.shuffle_vector(args[0], args[0], order)

    return Vector(x.element, 2 * x.lanes)(x), generate


@intrinsic
def repeated(typing, x, like):
    """The lanes of x, again and again, as many as `like` has."""

    def generate(context, builder, signature, args):
        order = [lane % x.lanes for lane in range(like.lanes)]
        return _picked(builder, args[0], args[0], order)

    return like(x, like), generate


def _pieces(builder, x, lanes):
    starts = range(0, x.type.count, lanes)
    return [_picked(builder, x, x, [*range(at, at + lanes)]) for at in starts]


@intrinsic
def dot(typing, a, b):
    """The sum, lane by lane, of the products of the vectors that a and b consist of."""
    vector = Vector(a.element, LANES[a.element])

    def generate(context, builder, signature, args):
        pairs = [*zip(*(_pieces(builder, x, vector.lanes) for x in args), strict=True)]
        sums = [builder.fmul(*pair) for pair in pairs[::2]]
        for k, pair in enumerate(pairs[1::2]):
            sums[k] = call(builder, f"llvm.fma.{vector.suffix}", sums[k].type, [*pair, sums[k]])
        return reduce(builder.fadd, sums)

    return vector(a, b), generate


@intrinsic
def largest_part(typing, x):
    """The largest number, lane by lane, of the vectors that x consists of."""
    vector = Vector(x.element, LANES[x.element])

    def generate(context, builder, signature, args):
        def larger(a, b):
            return builder.select(builder.fcmp_ordered(">", a, b), a, b)

        return reduce(larger, _pieces(builder, args[0], vector.lanes))

    return vector(x), generate


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


def _picked(builder, a, b, lanes):
    """These lanes, of a and of b behind it."""
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(_I32, len(lanes)), lanes))


def part_of(builder, x, k):
    """Part k of a vector."""
    count = x.type.count // PARTS
    return _picked(builder, x, x, [k * count + i for i in range(count)])


def in_parts(builder, parts):
    """The vector of four parts."""
    a, b, c, d = parts
    half, whole = range(2 * a.type.count), range(4 * a.type.count)
    first, last = _picked(builder, a, b, [*half]), _picked(builder, c, d, [*half])
    return _picked(builder, first, last, [*whole])


@intrinsic
def together(typing, four):
    """Four vectors as one: what is done to it is done to each in turn, which keeps more of a core busy."""
    one = four.dtype

    def generate(context, builder, signature, args):
        return in_parts(builder, cgutils.unpack_tuple(builder, args[0], PARTS))

    return Vector(one.element, PARTS * one.lanes)(four), generate


@intrinsic
def four_of(typing, x):
    """The four vectors that `together` made one of."""
    part = Vector(x.element, x.lanes // PARTS)

    def generate(context, builder, signature, args):
        parts = [part_of(builder, args[0], k) for k in range(PARTS)]
        return context.make_tuple(builder, signature.return_type, parts)

    return types.UniTuple(part, PARTS)(x), generate


def _transposed_parts(builder, lines):
    """As many lines as a part of them has numbers: each square in such a part, transposed."""
    part, count = len(lines), lines[0].type.count
    half, starts = part // 2, range(0, count, part)
    for _ in range(part.bit_length() - 1):  # a perfect shuffle of the lines at each step
        lines = [
            _picked(
                builder,
                a,
                b,
                [at + first + k // 2 + k % 2 * count for at in starts for k in range(part)],
            )
            for a, b in zip(lines[:half], lines[half:], strict=True)
            for first in (0, half)
        ]
    return lines


def _transposed_as_parts(builder, a, b, c, d):
    """The square of parts that four lines are."""
    part = a.type.count // PARTS

    def picked(first, second, *parts):
        return _picked(builder, first, second, [k * part + i for k in parts for i in range(part)])

    pairs = [
        (picked(a, b, k, k + 1, k + 4, k + 5), picked(c, d, k, k + 1, k + 4, k + 5)) for k in (0, 2)
    ]
    return [picked(ab, cd, k, k + 2, k + 4, k + 6) for ab, cd in pairs for k in (0, 1)]


@intrinsic
def transposed(typing, vectors):
    """The columns of a square of numbers whose lines are given."""
    count, part = len(vectors), len(vectors) // PARTS

    def generate(context, builder, signature, args):
        lines = cgutils.unpack_tuple(builder, args[0], count)
        groups = [_transposed_parts(builder, lines[at : at + part]) for at in range(0, count, part)]
        columns = [_transposed_as_parts(builder, *parts) for parts in zip(*groups, strict=True)]
        in_order = [column for fourth in zip(*columns, strict=True) for column in fourth]
        return context.make_tuple(builder, signature.return_type, in_order)

    return vectors(vectors), generate


@intrinsic
def transposed_parts(typing, vectors):
    """The squares of numbers, one in each part of the vectors, transposed."""
    count = len(vectors)

    def generate(context, builder, signature, args):
        columns = _transposed_parts(builder, cgutils.unpack_tuple(builder, args[0], count))
        return context.make_tuple(builder, signature.return_type, columns)

    return vectors(vectors), generate
