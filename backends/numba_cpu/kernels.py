"""The operations on a row in a tile, each a fold and a map.

x is the row and becomes the result (y, z, or L in its first vector); v holds the tangent or
cotangent and becomes the derivative; e is room for exponentials; g is a row's own cotangent. A fold
returns its row's state; in the phase MAP, where that state is `known`, it makes only what is wanted
of the tile.
"""

import math

from . import elementary
from .elementary import divide_pairs, multiply_pairs, two_diff, two_sum
from .folds import (
    FOLD,
    MAP,
    across_max,
    anchor,
    deviation,
    exp_sum,
    normalise,
    pivot,
    reciprocal,
    row_sum,
    shifted,
    split_sum,
)
from .memory import load, store
from .simd import any_lane, fma, inline, is_nan, narrow, select, splat, widen
from .states import State, state_of

# softmax, its JVP (and VJP: the Jacobian is symmetric), and logsumexp's VJP ---------------------


@inline
def exponentials(x, v, e, m, row, known, given):
    """x becomes exponentials."""
    if row.phase == FOLD:
        s, top = split_sum(x, x, m, row, False)
        return state_of(m, s, s)
    total, top = exp_sum(x, x, m, row, True)
    if row.phase == MAP:
        total = multiply_pairs(known.s, top)
    return state_of(m, total, total)


@inline
def softmax(x, v, e, g, state, row):
    """y = e / s."""
    normalise(x, state.total, row)


@inline
def logsumexp_vjp(x, v, e, g, state, row):
    """dx = y g; 0 for a row of -inf alone, where the sum is 0."""
    normalise(x, state.total, row)
    empty = state.total[0] == 0.0
    for k in range(row.count):
        i = k * row.step
        store(x, i, select(empty, splat(g, 0.0), load(x, i) * g))


@inline
def boltzmann(x, v, e, m, row, known, given):
    """x becomes y = softmax(x/t), in the phase FOLD that of its block alone."""
    p = known.p if row.phase == MAP else pivot(x, v, m, row)
    s = known.s
    if not given:
        total, top = exp_sum(x, x, m, row, True)
        if row.phase == FOLD:
            s = divide_pairs(total, top)
        if row.phase == MAP:
            total = multiply_pairs(s, top)
        normalise(x, total, row)
    elif row.phase == FOLD:
        s = row_sum(x, row)
    a = known.a if row.phase == MAP else deviation(x, v, p, row)
    if given and row.phase == FOLD:
        a = divide_pairs(a, s)
    return State(m, s, p, a, s, s, p)


@inline
def softmax_jvp(x, v, e, g, state, row):
    """dy = y ((v - p) - a) / t."""
    a = state.a[0] + state.a[1]
    for k in range(row.count):
        i = k * row.step
        dy = load(x, i) * ((load(v, i) - state.p) - a)
        store(v, i, dy * row.rate[0])


# log_softmax, its JVP and VJP -------------------------------------------------------------------


@inline
def pair(x, v, e, m, row, known, given):
    """Only m and s."""
    if row.phase == MAP:
        return known
    s, _ = split_sum(x, x, m, row, False)
    return state_of(m, s, s)


@inline
def log_softmax(x, v, e, g, state, row):
    """z = (x - m)/t - log s."""
    log_s = log_of(state.s)
    high = narrow(log_s, state.m)
    low = narrow(log_s - widen(high), state.m)
    m = anchor(state.m)
    for k in range(row.count):
        i = k * row.step
        q, error = shifted(load(x, i), m, row, row.unit)
        z, rounding = two_diff(q, high)
        error = rounding + (error - low)
        # There is no error where x or s is infinite: z is right as it stands.
        store(x, i, z + select(is_nan(error), splat(error, 0.0), error))


@inline
def boltzmann_apart(x, v, e, m, row, known, given):
    """e becomes y = softmax(x/t), in the phase FOLD that of its block alone."""
    p = known.p if row.phase == MAP else pivot(x, v, m, row)
    s, top = split_sum(x, e, m, row, True)
    s = known.s if row.phase == MAP else s
    normalise(e, multiply_pairs(s, top), row)
    a = known.a if row.phase == MAP else deviation(e, v, p, row)
    return State(m, s, p, a, s, s, p)


@inline
def log_softmax_jvp(x, v, e, g, state, row):
    """dz = ((v - p) - a) / t."""
    log_softmax(x, v, e, g, state, row)
    a = state.a[0] + state.a[1]
    for k in range(row.count):
        i = k * row.step
        store(v, i, ((load(v, i) - state.p) - a) * row.rate[0])


@inline
def softmax_and_total(x, v, e, m, row, known, given):
    """x becomes y = softmax(x/t), and v is summed."""
    s, top = split_sum(x, x, m, row, True)
    s = known.s if row.phase == MAP else s
    total = multiply_pairs(s, top)
    normalise(x, total, row)
    h, error = reciprocal(total)
    g = known.g if row.phase == MAP else row_sum(v, row)
    zero = splat(m, 0.0)
    return State(m, s, zero, (zero, zero), g, total, fma(top[0], h, top[0] * error))


@inline
def log_softmax_vjp(x, v, e, g, state, row):
    """dx = (g - y G) / t, with G the sum of g.

    Where y is near 1 that difference cancels; at the maximum it is taken as
    (g (s - 1) - (G - g)) / s instead.
    """
    total, error = state.g
    rest = (state.s[0] - 1.0) + state.s[1]
    for k in range(row.count):
        i = k * row.step
        y, cotangent = load(x, i), load(v, i)
        others = (total - cotangent) + error
        at_top = (cotangent * rest - others) * state.top
        below = fma(y * -1.0, total, cotangent) - y * error
        store(v, i, select(y == state.top, at_top, below) * row.rate[0])


# logsumexp and its JVP --------------------------------------------------------------------------


@inline
def log_of(s):
    """log s, in float64."""
    return elementary.log(widen(s[0]), widen(s[1]))


@inline
def settle(x, m, s, row):
    """s, but 1 where m is +inf and no entry NaN: logsumexp is +inf there, not NaN."""
    if not any_lane(m == math.inf):
        return s
    nans = splat(m, 0.0)
    for k in range(row.count):
        nans = select(is_nan(load(x, k * row.step)), splat(m, 1.0), nans)
    nans = across_max(nans, row.columns)
    infinite = select(nans > 0.0, splat(m, math.nan), splat(m, 1.0))
    return select(m == math.inf, infinite, s[0]), select(m == math.inf, splat(m, 0.0), s[1])


@inline
def sum_alone(x, v, e, m, row, known, given):
    """m and s, to the accuracy that L wants."""
    if row.phase == MAP:
        return known
    total, top = exp_sum(x, x, m, row, False)
    # The maximum as it was rounded in the sum: s is 1 for one entry, and never less.
    s = settle(x, m, divide_pairs(total, (top[0], splat(m, 0.0))), row)
    return state_of(m, s, s)


@inline
def logsumexp(x, v, e, g, state, row):
    """L = m + t log s."""
    t = widen(row.t[0]) + widen(row.t[1])
    store(x, 0, narrow(widen(state.m) + t * log_of(state.s), state.m))


@inline
def mean(x, v, e, m, row, known, given):
    """`boltzmann_apart`, with s as L wants it."""
    if row.phase == MAP:
        return known
    state = boltzmann_apart(x, v, e, m, row, known, given)
    s = settle(x, state.m, state.s, row)
    return State(state.m, s, state.p, state.a, state.g, s, state.p)


@inline
def logsumexp_jvp(x, v, e, g, state, row):
    """dL = p + a, the Boltzmann mean of v; 0 for a row of -inf alone."""
    logsumexp(x, v, e, g, state, row)
    mean, error = two_sum(state.p, state.a[0])
    # There s is 0, or NaN where a NaN hides among them.
    dL = select(state.m == -math.inf, state.s[0], mean + (error + state.a[1]))
    store(v, 0, dL)
