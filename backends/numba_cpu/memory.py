"""Loads and stores between memory and vectors.

A pointer's type says how numbers lie there: float64, float32, int16 for float16, uint16 for bfloat16
(for Numba can name no pointer to the last two). Arithmetic is done in float64 or float32 alone, so
loads widen and stores round.
"""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .halves import narrowed, widened
from .simd import LLVM_TYPE, call, compute_type, every_lane, splat_value, vector_of

_I8, _I16, _I32, _I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))


def _decode(builder: ir.IRBuilder, storage: types.Type, raw: ir.Value, vector: ir.Type) -> ir.Value:
    """Numbers as they lie in memory -> numbers to compute with."""
    if storage == types.int16:
        return widened(builder, raw, vector)
    if storage == types.uint16:
        integers = ir.VectorType(_I32, vector.count)
        high = builder.shl(builder.zext(raw, integers), every_lane(integers, 16))
        return builder.bitcast(high, vector)
    return raw


def _encode(builder: ir.IRBuilder, storage: types.Type, x: ir.Value, raw: ir.Type) -> ir.Value:
    """Numbers to compute with -> numbers as they lie in memory, rounded to nearest even."""
    if storage == types.int16:
        return narrowed(builder, x, raw)
    if storage == types.uint16:
        integers = ir.VectorType(_I32, raw.count)
        bits = builder.bitcast(x, integers)
        odd = builder.and_(builder.lshr(bits, every_lane(integers, 16)), every_lane(integers, 1))
        bits_up = builder.add(builder.add(bits, every_lane(integers, 0x7FFF)), odd)
        is_nan = builder.fcmp_unordered("uno", x, x)
        rounded = builder.select(is_nan, every_lane(integers, 0x7FC00000), bits_up)
        return builder.trunc(builder.lshr(rounded, every_lane(integers, 16)), raw)
    return x


def _raw_vector(storage: types.Type, lanes: int = 0) -> ir.VectorType:
    element = {types.int16: ir.HalfType(), types.uint16: _I16}.get(storage) or LLVM_TYPE[storage]
    return ir.VectorType(element, lanes or vector_of(storage).lanes)


def _address(builder: ir.IRBuilder, pointer: ir.Value, i: ir.Value, raw: ir.Type) -> ir.Value:
    return builder.bitcast(builder.gep(pointer, [i]), raw.as_pointer())


def _first_lanes(builder: ir.IRBuilder, lanes: int, count: ir.Value) -> ir.Value:
    integers = ir.VectorType(_I32, lanes)
    number = ir.Constant(integers, list(range(lanes)))
    return builder.icmp_unsigned(
        "<", number, splat_value(builder, integers, builder.trunc(count, _I32))
    )


def lanes_from(builder: ir.IRBuilder, lanes: int, first: ir.Value) -> ir.Value:
    """Which lanes are not before the first."""
    return builder.not_(_first_lanes(builder, lanes, first))


@intrinsic
def load(typing, pointer, i):
    """The vector at pointer[i]."""
    vector, storage = vector_of(pointer.dtype), pointer.dtype

    def generate(context, builder, signature, args):
        raw = _raw_vector(storage)
        value = builder.load(_address(builder, *args, raw), align=storage.bitwidth // 8)
        return _decode(builder, storage, value, context.get_value_type(vector))

    return vector(pointer, i), generate


@intrinsic
def load_like(typing, pointer, i, like):
    """As many numbers from pointer[i:] as `like` has lanes."""
    storage = pointer.dtype

    def generate(context, builder, signature, args):
        raw = _raw_vector(storage, like.lanes)
        address = _address(builder, *args[:2], raw)
        value = builder.load(address, align=storage.bitwidth // 8)
        return _decode(builder, storage, value, args[2].type)

    return like(pointer, i, like), generate


@intrinsic
def store(typing, pointer, i, x):
    """pointer[i:] = x."""
    storage = pointer.dtype

    def generate(context, builder, signature, args):
        raw = _raw_vector(storage, x.lanes)
        value = _encode(builder, storage, args[2], raw)
        builder.store(value, _address(builder, *args[:2], raw), align=storage.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(pointer, i, x), generate


@intrinsic
def stream(typing, pointer, i, x):
    """pointer[i:] = x past the cache; the address must be a multiple of the vector's size."""
    storage = pointer.dtype

    def generate(context, builder, signature, args):
        raw = _raw_vector(storage)
        value = _encode(builder, storage, args[2], raw)
        size = raw.count * storage.bitwidth // 8
        stored = builder.store(value, _address(builder, *args[:2], raw), align=size)
        stored.set_metadata("nontemporal", builder.module.add_metadata([_I32(1)]))
        return context.get_dummy_value()

    return types.void(pointer, i, x), generate


def _masked(raw: ir.VectorType) -> tuple[ir.VectorType, str]:
    """The integer vector as wide as `raw` (LLVM masks any type, but not halves everywhere)."""
    bits = {ir.HalfType(): 16, _I16: 16, ir.FloatType(): 32, ir.DoubleType(): 64}[raw.element]
    return ir.VectorType(ir.IntType(bits), raw.count), f"v{raw.count}i{bits}.p0"


def load_first_at(builder, storage, address, count, fill):
    """As many lanes as `fill` has: the first `count` of them from an address."""
    raw, compute = _raw_vector(storage, fill.type.count), fill.type
    integers, suffix = _masked(raw)
    mask = _first_lanes(builder, raw.count, count)
    place = builder.bitcast(address, integers.as_pointer())
    others = builder.bitcast(fill, integers) if raw == compute else every_lane(integers, 0)
    arguments = [place, _I32(storage.bitwidth // 8), mask, others]
    value = call(builder, f"llvm.masked.load.{suffix}", integers, arguments)
    value = builder.bitcast(value, raw)
    if raw == compute:
        return value
    return builder.select(mask, _decode(builder, storage, value, compute), fill)


def store_first_at(builder, storage, address, count, x):
    raw = _raw_vector(storage, x.type.count)
    integers, suffix = _masked(raw)
    value = builder.bitcast(_encode(builder, storage, x, raw), integers)
    place = builder.bitcast(address, integers.as_pointer())
    mask = _first_lanes(builder, raw.count, count)
    arguments = [value, place, _I32(storage.bitwidth // 8), mask]
    call(builder, f"llvm.masked.store.{suffix}", ir.VoidType(), arguments)


@intrinsic
def load_first(typing, pointer, i, count, fill):
    """The first `count` numbers from pointer[i:], in the other lanes those of `fill`; nothing beyond is read."""
    storage = pointer.dtype

    def generate(context, builder, signature, args):
        start, i, count, fill = args
        return load_first_at(builder, storage, builder.gep(start, [i]), count, fill)

    return fill(pointer, i, count, fill), generate


@intrinsic
def store_first(typing, pointer, i, count, x):
    """pointer[i:i + count] = x[:count]."""
    storage = pointer.dtype

    def generate(context, builder, signature, args):
        start, i, count, x = args
        store_first_at(builder, storage, builder.gep(start, [i]), count, x)
        return context.get_dummy_value()

    return types.void(pointer, i, count, x), generate


@intrinsic
def offset(typing, pointer, i):
    """The pointer to pointer[i]."""

    def generate(context, builder, signature, args):
        return builder.gep(args[0], [args[1]])

    return pointer(pointer, i), generate


@intrinsic
def same_as(typing, pointer, like):
    """`pointer` as a pointer of the type of `like`, which is not used unless the types are the same."""

    def generate(context, builder, signature, args):
        return builder.bitcast(args[0], args[1].type)

    return like(pointer, like), generate


@intrinsic
def to_alignment(typing, pointer, i):
    """How many numbers from pointer[i] to the next address that is a multiple of the vector."""
    size = pointer.dtype.bitwidth // 8
    vector_size = vector_of(pointer.dtype).lanes * size

    def generate(context, builder, signature, args):
        place = builder.ptrtoint(builder.gep(args[0], [args[1]]), _I64)
        behind = builder.and_(builder.neg(place), _I64(vector_size - 1))
        return builder.udiv(behind, _I64(size))

    return types.intp(pointer, i), generate


def _prefetch(for_writing):
    @intrinsic
    def ask(typing, pointer, i):
        """Ask for the cache line of pointer[i], which need not be a valid address."""

        def generate(context, builder, signature, args):
            place = builder.bitcast(builder.gep(args[0], [args[1]]), _I8.as_pointer())
            keep_in_all_levels, data = _I32(3), _I32(1)
            arguments = [place, _I32(for_writing), keep_in_all_levels, data]
            call(builder, "llvm.prefetch.p0", ir.VoidType(), arguments)
            return context.get_dummy_value()

        return types.void(pointer, i), generate

    return ask


prefetch, prefetch_to_write = _prefetch(0), _prefetch(1)


@intrinsic
def fence(typing):
    """Let other threads see what was streamed before what is stored after."""

    def generate(context, builder, signature, args):
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def load_one(typing, pointer, i):
    """The number at pointer[i]."""
    storage, compute = pointer.dtype, compute_type(pointer.dtype)

    def generate(context, builder, signature, args):
        raw = ir.VectorType(_raw_vector(storage).element, 1)
        value = builder.load(_address(builder, *args, raw), align=storage.bitwidth // 8)
        decoded = _decode(builder, storage, value, ir.VectorType(LLVM_TYPE[compute], 1))
        return builder.extract_element(decoded, _I32(0))

    return compute(pointer, i), generate


@intrinsic
def store_one(typing, pointer, i, x):
    """pointer[i] = x."""
    storage, compute = pointer.dtype, compute_type(pointer.dtype)

    def generate(context, builder, signature, args):
        raw = ir.VectorType(_raw_vector(storage).element, 1)
        one = ir.Constant(ir.VectorType(LLVM_TYPE[compute], 1), ir.Undefined)
        number = context.cast(builder, args[2], x, compute)
        value = _encode(builder, storage, builder.insert_element(one, number, _I32(0)), raw)
        builder.store(value, _address(builder, *args[:2], raw), align=storage.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(pointer, i, compute), generate
