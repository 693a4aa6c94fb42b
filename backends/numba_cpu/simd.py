"""Vectors for Numba: a 512-bit LLVM vector type, its arithmetic and its bits.

The vector has a fixed number of lanes, 16 in float32 and 8 in float64. A processor with narrower
registers runs each operation in pieces, so the order of every sum, and with it every bit of every
result, is the same on all of them.
"""

import operator

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.core.registry import cpu_target
from numba.extending import intrinsic, lower_builtin, models, register_model, type_callable

from .part import PART

ALIGNMENT = 64  # bytes in a vector
LANES = {types.float32: 16, types.float64: 8}

inline = njit(forceinline=True, **PART)
# For a function with a hot loop: called, not inlined, so that its loop has all the registers.
loop = njit(forceinline=False, **PART)

_I32 = ir.IntType(32)
LLVM_TYPE = {
    types.float32: ir.FloatType(),
    types.float64: ir.DoubleType(),
    types.boolean: ir.IntType(1),
}


@intrinsic
def apart(typing):
    """Keep LLVM from inlining the calling function, and align the vectors that it puts on the stack.

    One that crosses a page, by chance of where the stack lies, makes a loop take 1.5 times as long.
    """

    def generate(context, builder, signature, args):
        builder.function.attributes.add("noinline")
        builder.function.attributes.alignstack = ALIGNMENT
        return context.get_dummy_value()

    return types.void(), generate


class Vector(types.Type):
    """Lanes of float32, float64, or (the result of a comparison) boolean."""

    def __init__(self, element: types.Type, lanes: int) -> None:
        self.element, self.lanes = element, lanes
        super().__init__(name=f"vector({element} x {lanes})")

    @property
    def suffix(self) -> str:
        return f"v{self.lanes}f{self.element.bitwidth}"


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager, vector: Vector) -> None:
        super().__init__(manager, vector, ir.VectorType(LLVM_TYPE[vector.element], vector.lanes))


def compute_type(storage: types.Type) -> types.Type:
    """The type arithmetic is done in: float32 for the 16-bit types (int16 holds float16, uint16 bfloat16)."""
    return storage if storage in LANES else types.float32


def vector_of(storage: types.Type) -> Vector:
    element = compute_type(storage)
    return Vector(element, LANES[element])


def vectors_fill_registers() -> bool:
    """Whether a register holds a whole vector, where code is made for processors that have such."""
    _, _, features = cpu_target.target_context.codegen().magic_tuple()
    return "+avx512f" in features


def every_lane(vector: ir.VectorType, value: float) -> ir.Constant:
    return ir.Constant(vector, [ir.Constant(vector.element, value)] * vector.count)


def splat_value(builder: ir.IRBuilder, vector: ir.VectorType, value: ir.Value) -> ir.Value:
    undefined = ir.Constant(vector, ir.Undefined)
    one = builder.insert_element(undefined, value, _I32(0))
    return builder.shuffle_vector(one, undefined, every_lane(ir.VectorType(_I32, vector.count), 0))


def call(builder: ir.IRBuilder, name: str, returned: ir.Type, args: list[ir.Value]) -> ir.Value:
    function_type = ir.FunctionType(returned, [arg.type for arg in args])
    return builder.call(cgutils.get_or_insert_function(builder.module, function_type, name), args)


def in_lanes(context, builder, value, kind, vector):
    """A vector as it is, a number in every lane."""
    if isinstance(kind, Vector):
        return value
    number = context.cast(builder, value, kind, vector.element)
    return splat_value(builder, context.get_value_type(vector), number)


@intrinsic
def splat(typing, like, value):
    """A vector of the type of `like` (a vector or a pointer) with `value` in every lane."""
    vector = like if isinstance(like, Vector) else vector_of(like.dtype)

    def generate(context, builder, signature, args):
        return in_lanes(context, builder, args[1], value, vector)

    return vector(like, value), generate


def _define(symbol, emit, element=None):
    """A Python operator: vector with vector, or with a number in every lane.

    It is written in place: an overload is a function of its own, and to inline hundreds of those
    takes longer than all else that LLVM does.
    """

    def typer(context):
        def type_of_result(a, b):
            vector = _vector_among(a, b)
            others = [each for each in (a, b) if each != vector]
            if vector is None or not all(isinstance(each, types.Number) for each in others):
                return None
            return Vector(element, vector.lanes) if element else vector

        return type_of_result

    def generate(context, builder, signature, args):
        vector = _vector_among(*signature.args)
        operands = zip(args, signature.args, strict=True)
        return emit(builder, *(in_lanes(context, builder, *each, vector) for each in operands))

    type_callable(symbol)(typer)
    for kinds in (Vector, Vector), (Vector, types.Number), (types.Number, Vector):
        lower_builtin(symbol, *kinds)(generate)


def _vector_among(a, b):
    return next((each for each in (a, b) if isinstance(each, Vector)), None)


def _comparison(symbol):
    return lambda builder, a, b: builder.fcmp_ordered(symbol, a, b)


_define(operator.add, ir.IRBuilder.fadd)
_define(operator.sub, ir.IRBuilder.fsub)
_define(operator.mul, ir.IRBuilder.fmul)
_define(operator.truediv, ir.IRBuilder.fdiv)
_define(operator.gt, _comparison(">"), types.boolean)
_define(operator.lt, _comparison("<"), types.boolean)
_define(operator.eq, _comparison("=="), types.boolean)


@intrinsic
def fma(typing, a, b, c):
    """a * b + c, rounded once."""

    def generate(context, builder, signature, args):
        return call(builder, f"llvm.fma.{a.suffix}", args[0].type, list(args))

    return a(a, b, c), generate


@intrinsic
def select(typing, mask, a, b):
    """`a` in the lanes where `mask` is true, else `b`."""

    def generate(context, builder, signature, args):
        return builder.select(*args)

    return a(mask, a, b), generate


@inline
def maximum(a, b):
    """The larger of `a` and `b`; `b` where `a` is NaN (one instruction, which fixes this order)."""
    return select(a > b, a, b)


@intrinsic
def absolute(typing, x):
    def generate(context, builder, signature, args):
        return call(builder, f"llvm.fabs.{x.suffix}", args[0].type, list(args))

    return x(x), generate


@intrinsic
def is_nan(typing, x):
    def generate(context, builder, signature, args):
        return builder.fcmp_unordered("uno", args[0], args[0])

    return Vector(types.boolean, x.lanes)(x), generate


@intrinsic
def any_lane(typing, mask):
    """Whether a lane of `mask` is true."""

    def generate(context, builder, signature, args):
        bits = ir.IntType(mask.lanes)
        return builder.icmp_unsigned("!=", builder.bitcast(args[0], bits), bits(0))

    return types.boolean(mask), generate


def constant(values):
    """A function that gives the constant of its argument's element type, in every lane."""

    @intrinsic
    def of(typing, like):
        def generate(context, builder, signature, args):
            return every_lane(context.get_value_type(like), values[like.element])

        return like(like), generate

    return of


def polynomial(coefficients):
    """A function that evaluates the polynomial of its argument's element type (Horner)."""

    @intrinsic
    def of(typing, x):
        def generate(context, builder, signature, args):
            vector = args[0].type
            *lower, value = (every_lane(vector, c) for c in coefficients[x.element])
            for c in reversed(lower):
                value = call(builder, f"llvm.fma.{x.suffix}", vector, [value, args[0], c])
            return value

        return x(x), generate

    return of


def _integers(x: Vector) -> ir.VectorType:
    return ir.VectorType(ir.IntType(x.element.bitwidth), x.lanes)


@intrinsic
def exponent_from_low_bits(typing, x):
    """The power of two whose biased exponent stands in the low bits of `x`."""

    def generate(context, builder, signature, args):
        integers = _integers(x)
        mantissa = every_lane(integers, 23 if x.element == types.float32 else 52)
        shifted = builder.shl(builder.bitcast(args[0], integers), mantissa)
        return builder.bitcast(shifted, args[0].type)

    return x(x), generate


@intrinsic
def split_exponent(typing, x):
    """(k, 2**-k) with sqrt(1/2) <= x * 2**-k < sqrt(2), for a normal x > 0."""
    single = x.element == types.float32
    digits, root, one = (
        (23, 0x3F3504F3, 0x3F800000) if single else (52, 0x3FE6A09E00000000, 0x3FF0000000000000)
    )

    def generate(context, builder, signature, args):
        integers, vector = _integers(x), args[0].type
        mantissa = every_lane(integers, digits)
        above = builder.sub(builder.bitcast(args[0], integers), every_lane(integers, root))
        k = builder.ashr(above, mantissa)
        power = builder.sub(every_lane(integers, one), builder.shl(k, mantissa))
        # An integer added to the low bits of such a number makes that larger by as much.
        large = every_lane(vector, 1.5 * 2.0**digits)
        shifted = builder.bitcast(builder.add(k, builder.bitcast(large, integers)), vector)
        parts = [builder.fsub(shifted, large), builder.bitcast(power, vector)]
        return context.make_tuple(builder, signature.return_type, parts)

    return types.UniTuple(x, 2)(x), generate


@intrinsic
def widen(typing, x):
    """`x` in float64."""
    wide = Vector(types.float64, x.lanes)

    def generate(context, builder, signature, args):
        if x == wide:
            return args[0]
        return builder.fpext(args[0], context.get_value_type(wide))

    return wide(x), generate


@intrinsic
def narrow(typing, x, like):
    """`x` rounded to the type of `like`."""

    def generate(context, builder, signature, args):
        return args[0] if x == like else builder.fptrunc(args[0], args[1].type)

    return like(x, like), generate


@intrinsic
def lanes(typing, x):
    """The number of lanes of a vector, or of the vectors behind a pointer."""
    count = x.lanes if isinstance(x, Vector) else vector_of(x.dtype).lanes

    def generate(context, builder, signature, args):
        return context.get_constant(types.intp, count)

    return types.intp(x), generate
