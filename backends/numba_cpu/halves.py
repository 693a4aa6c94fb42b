"""float16 to float32 and back, also where a processor has no instruction for it.

LLVM would call a function of the compiler's library there, which is not at hand.
"""

from llvmlite import ir
from numba.core.registry import cpu_target

from .simd import call, every_lane

_I16, _I32 = ir.IntType(16), ir.IntType(32)
_INFINITY, _NAN = 0x7C00, 0x7E00
_REBIASED = 2.0**112  # float32's bias of the exponent is greater by this
_SMALLEST_NORMAL = 0x38800000  # of float16, as float32
_BIAS = 0x38000000  # what the exponents differ by
_FLOAT32_INFINITY = 0x7F800000


def _has_instructions() -> bool:
    triple, _, features = cpu_target.target_context.codegen().magic_tuple()
    return "+f16c" in features or triple.startswith(("aarch64", "arm64"))


def widened(builder: ir.IRBuilder, x: ir.Value, vector: ir.VectorType) -> ir.Value:
    """Halves as float32."""
    if _has_instructions():
        return builder.fpext(x, vector)
    integers = ir.VectorType(_I32, vector.count)

    def of(number: int) -> ir.Constant:
        return every_lane(integers, number)

    bits = builder.zext(builder.bitcast(x, ir.VectorType(_I16, vector.count)), integers)
    size = builder.and_(bits, of(0x7FFF))
    number = builder.bitcast(builder.shl(size, of(13)), vector)
    number = builder.bitcast(builder.fmul(number, every_lane(vector, _REBIASED)), integers)
    endless = builder.icmp_unsigned(">=", size, of(_INFINITY))
    number = builder.select(endless, builder.or_(number, of(_FLOAT32_INFINITY)), number)
    sign = builder.shl(builder.and_(bits, of(0x8000)), of(16))
    return builder.bitcast(builder.or_(number, sign), vector)


def narrowed(builder: ir.IRBuilder, x: ir.Value, halves: ir.VectorType) -> ir.Value:
    """float32 as halves, rounded to nearest even."""
    if _has_instructions():
        return builder.fptrunc(x, halves)
    vector, integers = x.type, ir.VectorType(_I32, halves.count)

    def of(number: int) -> ir.Constant:
        return every_lane(integers, number)

    size = call(builder, f"llvm.fabs.v{halves.count}f32", vector, [x])
    bits = builder.bitcast(size, integers)
    odd = builder.and_(builder.lshr(bits, of(13)), of(1))
    up = builder.add(builder.add(bits, of(0xFFF)), odd)
    normal = builder.lshr(builder.sub(up, of(_BIAS)), of(13))
    normal = builder.select(
        builder.icmp_unsigned("<", normal, of(_INFINITY)), normal, of(_INFINITY)
    )
    # The last place of 0.5 is the smallest half: the sum is rounded as a subnormal is.
    half = every_lane(vector, 0.5)
    subnormal = builder.bitcast(builder.fadd(size, half), integers)
    subnormal = builder.sub(subnormal, builder.bitcast(half, integers))
    is_normal = builder.icmp_unsigned(">=", bits, of(_SMALLEST_NORMAL))
    number = builder.select(is_normal, normal, subnormal)
    is_nan = builder.fcmp_unordered("uno", x, x)
    number = builder.select(is_nan, of(_NAN), number)
    sign = builder.and_(builder.lshr(builder.bitcast(x, integers), of(16)), of(0x8000))
    number = builder.trunc(builder.or_(number, sign), ir.VectorType(_I16, halves.count))
    return builder.bitcast(number, halves)
