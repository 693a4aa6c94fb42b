"""The state of a row or a block of it: what a fold leaves, and how the states of blocks merge."""

from typing import NamedTuple

from .elementary import (
    add_pairs,
    divide_pairs,
    exp_base,
    exp_pair,
    multiply_pairs,
    scale_down,
    two_diff,
)
from .exp_sums import shifted
from .memory import load, load_one, store, store_one
from .row import anchor
from .shuffles import one_lane
from .simd import apart, inline, lanes, loop, maximum, select, splat


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


STATE_VECTORS = 13


@inline
def state_of(m, s, total):
    zero = splat(m, 0.0)
    return State(m, s, zero, (zero, zero), (zero, zero), (zero, zero), total, zero)


@inline
def remember(memo, state, with_v):
    """Keep a state; without a tangent or cotangent, only m, s and p."""
    w = lanes(memo)
    store(memo, 0, state.m)
    store(memo, w, state.s[0])
    store(memo, 2 * w, state.s[1])
    store(memo, 3 * w, state.p)
    if with_v:
        store(memo, 4 * w, state.a[0])
        store(memo, 5 * w, state.a[1])
        store(memo, 6 * w, state.g[0])
        store(memo, 7 * w, state.g[1])
        store(memo, 8 * w, state.h[0])
        store(memo, 9 * w, state.h[1])
        store(memo, 10 * w, state.total[0])
        store(memo, 11 * w, state.total[1])
        store(memo, 12 * w, state.top)


@inline
def remember_lane(memo, lane, state):
    """Keep the state of one row as one lane of a memo for as many rows as a vector has lanes."""
    w = lanes(memo)
    store_one(memo, lane, one_lane(state.m))
    store_one(memo, w + lane, one_lane(state.s[0]))
    store_one(memo, 2 * w + lane, one_lane(state.s[1]))
    store_one(memo, 3 * w + lane, one_lane(state.p))
    store_one(memo, 4 * w + lane, one_lane(state.a[0]))
    store_one(memo, 5 * w + lane, one_lane(state.a[1]))
    store_one(memo, 6 * w + lane, one_lane(state.g[0]))
    store_one(memo, 7 * w + lane, one_lane(state.g[1]))
    store_one(memo, 8 * w + lane, one_lane(state.h[0]))
    store_one(memo, 9 * w + lane, one_lane(state.h[1]))
    store_one(memo, 10 * w + lane, one_lane(state.total[0]))
    store_one(memo, 11 * w + lane, one_lane(state.total[1]))
    store_one(memo, 12 * w + lane, one_lane(state.top))


@inline
def recall_lane(memo, lane):
    """The state of one row, in all lanes."""
    m, p, top = _of_lane(memo, 0, lane), _of_lane(memo, 3, lane), _of_lane(memo, 12, lane)
    s = _of_lane(memo, 1, lane), _of_lane(memo, 2, lane)
    a = _of_lane(memo, 4, lane), _of_lane(memo, 5, lane)
    g = _of_lane(memo, 6, lane), _of_lane(memo, 7, lane)
    h = _of_lane(memo, 8, lane), _of_lane(memo, 9, lane)
    total = _of_lane(memo, 10, lane), _of_lane(memo, 11, lane)
    return State(m, s, p, a, g, h, total, top)


@inline
def _of_lane(memo, vector, lane):
    return splat(memo, load_one(memo, vector * lanes(memo) + lane))


@inline
def recall(memo, at, with_v):
    w = lanes(memo)
    i = at * STATE_VECTORS * w
    m, s = load(memo, i), (load(memo, i + w), load(memo, i + 2 * w))
    p = load(memo, i + 3 * w)
    if not with_v:
        nothing = splat(m, 0.0), splat(m, 0.0)
        return State(m, s, p, nothing, nothing, nothing, s, p)
    a = load(memo, i + 4 * w), load(memo, i + 5 * w)
    g = load(memo, i + 6 * w), load(memo, i + 7 * w)
    h = load(memo, i + 8 * w), load(memo, i + 9 * w)
    total = load(memo, i + 10 * w), load(memo, i + 11 * w)
    return State(m, s, p, a, g, h, total, load(memo, i + 12 * w))


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
    first = recall(memo, 0, with_v)
    m, p = first.m, first.p
    for k in range(1, blocks):
        block = recall(memo, k * stride, with_v)
        if with_v:
            p = select(block.m > m, block.p, p)
        m = maximum(block.m, m)
    zero = splat(m, 0.0)
    nothing = zero, zero
    top = rest = g = h = a = nothing
    for k in range(blocks):
        block = recall(memo, k * stride, with_v)
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
    remember(memo, State(m, s, p, a, g, h, s, p), with_v)
