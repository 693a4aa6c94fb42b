"""Running log-sum-exp of as many rows as a vector has lanes, and its derivatives.

With m the maximum so far and s the sum of exp((x_j - m)/t), the next entry x makes of (m, s)::

    (M, a s + b)    M = max(m, x)    a = exp((m - M)/t)    b = exp((x - M)/t)

and of p, that sum with the tangent's entries for weights, a p + b v. A cotangent runs backwards::

    dx_j = b_j r_j    r_j = g_j/s_j + a_{j+1} r_{j+1}

All is computed in float64, s, p and r as pairs of a rounded sum and its error.
"""

import math
import sys
from typing import NamedTuple

from .elementary import (
    add_pairs,
    exp_base,
    exp_pair,
    log_float64,
    multiply_pairs,
    scale_down,
    two_diff,
)
from .memory import load, store
from .simd import apart, fma, inline, lanes, loop, select, splat
from .states import choose

LOWEST = -sys.float_info.max  # the maximum of nothing, for -inf - (-inf) would be NaN


class State(NamedTuple):
    """What the entries so far leave."""

    m: object
    s: object  # a pair
    p: object  # likewise


@inline
def nothing(like):
    zero = splat(like, 0.0)
    return State(splat(like, LOWEST), (zero, zero), (zero, zero))


@inline
def weights(m, x, rate):
    """The larger of m and x, and the pairs a and b by which what has each for maximum counts."""
    above = x > m
    top, low = select(above, x, m), select(above, m, x)
    d, error = two_diff(low, top)
    q = d * rate[0]
    error = fma(d, rate[0], q * -1.0) + fma(d, rate[1], error * rate[0])
    zero, one = splat(m, 0.0), (splat(m, 1.0), splat(m, 0.0))
    e, error = exp_pair(q, error, exp_base(zero))
    e = choose(low == top, one, (e * scale_down(m), error * scale_down(m)))  # inf - inf is NaN
    return top, choose(above, e, one), choose(above, one, e)


@inline
def weighted(total, a, other, b):
    """a total + b other, of pairs."""
    return add_pairs(multiply_pairs(total, a), multiply_pairs(other, b))


@loop
def scan(tile, v, count, state, rates, tangents, writes):
    """Run through the segments in a tile; L and dL take the place of x and v if it `writes`."""
    apart()
    w, (t, rate) = lanes(tile), rates
    m, s, p = state.m, state.s, state.p
    for i in range(0, count * w, w):
        m, a, b = weights(m, load(tile, i), rate)
        s = add_pairs(multiply_pairs(s, a), b)
        if tangents:
            tangent = load(v, i)
            p = weighted(p, a, (tangent, splat(m, 0.0)), b)
        if writes:
            store(tile, i, fma(t, log_float64(s[0], s[1]), m))
        if writes and tangents:
            store(v, i, quotient(p[0] + p[1], m, s))
    return State(m, s, p)


@inline
def quotient(p, m, s):
    """p/s, 0 where there was nothing but -inf, NaN where there was +inf."""
    ratio = select(s[0] == 0.0, splat(m, 0.0), p / (s[0] + s[1]))
    return select(m == math.inf, splat(m, math.nan), ratio)


@loop
def scan_back(tile, g, a_error, b_of, count, state, r, rates):
    """Run through the segments and back; dx takes the place of g, and a that of x."""
    apart()
    w, (_, rate) = lanes(tile), rates
    m, s = state.m, state.s
    for i in range(0, count * w, w):
        m, a, b = weights(m, load(tile, i), rate)
        s = add_pairs(multiply_pairs(s, a), b)
        store(g, i, quotient(load(g, i), m, s))
        store(tile, i, a[0])
        store(a_error, i, a[1])
        store(b_of, i, b[0])
    for i in range((count - 1) * w, -1, -w):
        r = add_pairs(r, (load(g, i), splat(m, 0.0)))
        store(g, i, load(b_of, i) * (r[0] + r[1]))
        r = multiply_pairs(r, (load(tile, i), load(a_error, i)))
    return r
