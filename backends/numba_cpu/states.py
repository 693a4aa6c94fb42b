"""The state of a row or a block of it: what a fold leaves, and how the states of blocks merge."""

from typing import NamedTuple

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .at_temperature import shifted
from .elementary import (
    add_pairs,
    divide_pairs,
    exp_base,
    exp_pair,
    multiply_pairs,
    scale_down,
    two_diff,
)
from .memory import offset
from .row import STATE_VECTORS, anchor
from .simd import apart, inline, lanes, loop, maximum, select, splat, splat_value, vector_of


class State(NamedTuple):
    """What a fold leaves for the map; s, a, g, h and total are pairs."""

    m: object
    s: object  # sum exp((x - m)/t)
    p: object  # the pivot
    a: object  # <y, v - p>
    g: object  # the sum of a cotangent, or of labels
    h: object  # <labels, x>
    total: object  # s times what exp_sum makes of the maximum, so that y = e/total
    top: object  # the maximum's y


@inline
def state_of(m, s, total):
    zero = splat(m, 0.0)
    return State(m, s, zero, (zero, zero), (zero, zero), (zero, zero), total, zero)


def _leaves(builder, value):
    """The vectors that a state is made of, in order."""
    if isinstance(value.type, ir.VectorType):
        return [value]
    parts = (builder.extract_value(value, i) for i in range(len(value.type)))
    return [leaf for part in parts for leaf in _leaves(builder, part)]


def _built(builder, kind, leaves):
    if isinstance(kind, ir.VectorType):
        return next(leaves)
    value = ir.Constant(kind, ir.Undefined)
    own_kinds = [kind.element] * kind.count if isinstance(kind, ir.ArrayType) else kind.elements
    for i, own in enumerate(own_kinds):
        value = builder.insert_value(value, _built(builder, own, leaves), i)
    return value


def _place(builder, memo, vector, k, lane=None):
    """Where vector k of a memo lies, or one of its lanes."""
    start = builder.gep(memo, [ir.IntType(64)(k * vector.count)])
    return (
        builder.bitcast(start, vector.as_pointer()) if lane is None else builder.gep(start, [lane])
    )


def _state_type(memo):
    vector = vector_of(memo.dtype)
    pair = types.UniTuple(vector, 2)
    return types.NamedTuple([vector, pair, vector, pair, pair, pair, pair, vector], State)


@intrinsic
def remember(typing, memo, state):
    """Keep a state."""
    size = memo.dtype.bitwidth // 8

    def generate(context, builder, signature, args):
        for k, leaf in enumerate(_leaves(builder, args[1])):
            builder.store(leaf, _place(builder, args[0], leaf.type, k), align=size)
        return context.get_dummy_value()

    return types.void(memo, state), generate


@intrinsic
def remember_lane(typing, memo, lane, state):
    """Keep the state of one row as one lane of a memo for as many rows as a vector has lanes."""
    size = memo.dtype.bitwidth // 8

    def generate(context, builder, signature, args):
        for k, leaf in enumerate(_leaves(builder, args[2])):
            own = builder.extract_element(leaf, ir.IntType(32)(0))
            builder.store(own, _place(builder, args[0], leaf.type, k, args[1]), align=size)
        return context.get_dummy_value()

    return types.void(memo, lane, state), generate


@intrinsic
def recall(typing, memo):
    """A state."""
    kind, size = _state_type(memo), memo.dtype.bitwidth // 8

    def generate(context, builder, signature, args):
        vector = context.get_value_type(vector_of(memo.dtype))
        places = (_place(builder, args[0], vector, k) for k in range(STATE_VECTORS))
        leaves = (builder.load(place, align=size) for place in places)
        return _built(builder, context.get_value_type(kind), leaves)

    return kind(memo), generate


@intrinsic
def recall_lane(typing, memo, lane):
    """The state of one row, in all lanes."""
    kind, size = _state_type(memo), memo.dtype.bitwidth // 8

    def generate(context, builder, signature, args):
        vector = context.get_value_type(vector_of(memo.dtype))
        places = (_place(builder, args[0], vector, k, args[1]) for k in range(STATE_VECTORS))
        numbers = (builder.load(place, align=size) for place in places)
        leaves = (splat_value(builder, vector, number) for number in numbers)
        return _built(builder, context.get_value_type(kind), leaves)

    return kind(memo, lane), generate


@inline
def choose(mask, a, b):
    return select(mask, a[0], b[0]), select(mask, a[1], b[1])


@inline
def _share(block_m, m, row):
    """exp((m' - m)/t), by which the sum of a block with the maximum m' counts."""
    q, error = shifted(block_m, anchor(m), row)
    e, error = exp_pair(q, error, exp_base(splat(m, 0.0)))
    share = e * scale_down(m), error * scale_down(m)
    # At the row's own maximum, and there alone, q may be NaN: inf - inf.
    return choose(block_m == m, (splat(m, 1.0), splat(m, 0.0)), share)


@loop
def merge(memo, blocks, stride, row, given, with_v):
    """Merge the states of a row's blocks, `stride` states apart, in their order, into the first.

    (m, s) + (m', s') = (M, s exp((m - M)/t) + s' exp((m' - M)/t)); a follows its s, moved from the
    block's pivot to the row's. Where y is `given` its blocks need no rescaling.
    """
    apart()
    size = STATE_VECTORS * lanes(memo)
    first = recall(memo)
    m, p = first.m, first.p
    for k in range(1, blocks):
        block = recall(offset(memo, k * stride * size))
        if with_v:
            p = select(block.m > m, block.p, p)
        m = maximum(block.m, m)
    zero = splat(m, 0.0)
    nothing = zero, zero
    top = rest = g = h = a = nothing
    for k in range(blocks):
        block = recall(offset(memo, k * stride * size))
        weight = block.s
        if not given:
            weight = multiply_pairs(block.s, _share(block.m, m, row))
        moved = multiply_pairs(weight, add_pairs(block.a, two_diff(block.p, p)))
        a = add_pairs(a, choose(weight[0] == 0.0, nothing, moved))
        # Apart, as in `split_sum`.
        own = block.m == m
        top = add_pairs(top, choose(own, weight, nothing))
        rest = add_pairs(rest, choose(own, nothing, weight))
        g, h = add_pairs(g, block.g), add_pairs(h, block.h)
    s = add_pairs(top, rest)
    if not given:
        a = divide_pairs(a, s)
    remember(memo, State(m, s, p, a, g, h, s, p))
