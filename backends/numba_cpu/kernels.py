"""The operations on a row, each a fold and a map.

x is the row and v its tangent or cotangent, in memory or in a tile; e is room for exponentials in a
tile; y and dy are where the result and the derivative go, which may be where x and v are; own are
the numbers of the row's own. A fold returns its row's state; in the phase MAP, where that state is `known`,
it makes only what is wanted of its block. `like` is an entry, not far below the maximum as a rule.
"""

import math

from .elementary import divide_pairs, multiply_pairs
from .exp_sums import exp_and_sum, share_of_max
from .folds import deviation, mean, normalise, peak, reciprocal, row_sum
from .memory import load, store
from .own import COTANGENT, own_number
from .row import FOLD, MAP, WHOLE, across_max, across_sum, rate_of, read, write
from .simd import absolute, any_lane, apart, fma, inline, is_nan, lanes, loop, select, splat
from .states import State, choose


@inline
def as_it_is(state, row):
    return state


@inline
def never(state, row):
    return state.m < state.m


@inline
def not_again(x, v, e, state, row):
    return state


@inline
def completed(operation, x, v, e, state, row):
    state = operation.complete(operation.across(state, row), row)
    if any_lane(operation.doubtful(state, row)):
        state = operation.look_again(x, v, e, state, row)
    return state


@inline
def exponentials(x, v, e, like, row, known, given):
    """e becomes exponentials."""
    total, m, like = exp_and_sum(x, e, like, row)
    return sum_over_row(total, m, like, row, known)


@inline
def sum_over_row(total, m, like, row, known):
    """What `exp_sum` returns, as a state, in which p is `like`; in the phase MAP `known` with it."""
    if row.phase == MAP:
        return State(known.m, known.s, like, known.a, known.g, known.h, known.s, known.m)
    zero = splat(m, 0.0)
    return State(m, total, like, (zero, zero), (zero, zero), (zero, zero), total, m)


@inline
def across(state, row):
    """The sum and the maximum of all lanes."""
    if row.phase == MAP:
        return state
    total, m = across_sum(state.s, row.columns), across_max(state.m, row.columns)
    return State(m, total, state.p, state.a, state.g, state.h, total, m)


@inline
def complete_sum(state, row):
    """s and m of `exponentials`; in the phase MAP the sum over the whole row."""
    total = state.s
    if row.phase == FOLD:
        total = divide_pairs(total, share_of_max(state.m, state.p, row))
    if row.phase == MAP:
        total = multiply_pairs(total, share_of_max(state.m, state.p, row))
    return State(state.m, total, state.p, total, total, total, total, state.m)


@inline
def softmax(x, v, e, y, dy, own, state, row):
    """y = e / s."""
    normalise(e, y, state.total, row)


@inline
def logsumexp_vjp(x, v, e, y, dy, own, state, row):
    """dx = y g; 0 for a row of -inf alone, where the sum is 0."""
    g = own_number(own, COTANGENT)
    h, error = reciprocal(state.total)
    empty = state.total[0] == 0.0
    for k in range(row.count):
        term = read(e, k, row, 0.0)
        dx = fma(term, h, term * error) * g
        write(y, k, row, select(empty, splat(g, 0.0), dx))


@inline
def boltzmann(x, v, e, like, row, known, given):
    """e becomes y = softmax(x/t), in the phase FOLD that of its block alone, if x is not y already."""
    m, s, y = known.m, known.s, x
    if not given:
        y = e
        m, s = _normalised(x, e, like, row, known)
    if row.phase == MAP:
        return State(m, s, known.p, known.a, s, s, s, known.top)
    a, size, top = mean(y, v, row)
    zero = splat(top, 0.0)
    if given:
        m = top
    state = State(m, s, zero, a, s, (size, zero), s, top)
    return _mean_of_block(y, v, state, row, given) if row.phase == FOLD else state


@inline
def _normalised(x, e, like, row, known):
    """m and s, where e becomes y."""
    total, m, like = exp_and_sum(x, e, like, row)
    if row.phase == MAP:
        total = multiply_pairs(known.s, share_of_max(known.m, like, row))
        normalise(e, e, total, row)
        return known.m, known.s
    total, m = across_sum(total, row.columns), across_max(m, row.columns)
    normalise(e, e, total, row)
    return m, divide_pairs(total, share_of_max(m, like, row))


@inline
def _mean_of_block(y, v, state, row, given):
    state = _across_mean(state, row)
    if any_lane(_wants_pivot(state)):
        state = _about_pivot(y, v, state, row)
    m, s, a = state.m, state.s, state.a
    if given:
        m, s = state.top, row_sum(y, row)
        a = divide_pairs(a, s)
    return State(m, s, state.p, a, s, s, s, state.p)


@inline
def _across_mean(state, row):
    a, h = across_sum(state.a, row.columns), across_sum(state.h, row.columns)
    top = across_max(state.top, row.columns)
    return State(state.m, state.s, state.p, a, state.g, h, state.total, top)


@inline
def _wants_pivot(state):
    """Where v - <y, v> may cancel: where an entry outweighs all others, or the mean is not small."""
    a = absolute(state.a[0])
    most = select(state.top > 0.5, splat(a, math.inf), a * 2.0)
    return select(most < state.h[0], splat(a, 0.0), splat(a, 1.0)) > 0.0


@inline
def _about_pivot(y, v, state, row):
    """The same about v at the maximum of y if that outweighs all others, else about the mean."""
    wanted, zero = _wants_pivot(state), splat(state.top, 0.0)
    p = state.a[0]
    by_top = select(state.top > 0.5, splat(p, math.nan), p - p)  # and where the mean is not finite
    if any_lane(is_nan(by_top)):
        p = select(is_nan(by_top), peak(y, v, row)[1], p)
    p = select(wanted, p, zero)
    a = choose(wanted, deviation(y, v, p, row), state.a)
    return State(state.m, state.s, p, a, state.g, state.h, state.total, state.top)


@inline
def across_mean(state, row):
    return _across_mean(state, row) if row.phase == WHOLE else state


@inline
def wants_pivot(state, row):
    return _wants_pivot(state) if row.phase == WHOLE else never(state, row)


@inline
def about_pivot(x, v, y, state, row):
    return _about_pivot(y, v, state, row)


@inline
def softmax_jvp(x, v, e, y, dy, own, state, row):
    """dy = y ((v - p) - a) / t."""
    a, rate = state.a[0] + state.a[1], rate_of(row)[0]
    if not row.wants_y:
        _weighted(e, v, dy, state.p, a, rate, row)
        return
    for k in range(row.count):
        weight, tangent = read(e, k, row, 0.0), read(v, k, row, 0.0)
        write(y, k, row, weight)
        write(dy, k, row, weight * ((tangent - state.p) - a) * rate)


@loop
def _weighted(y, v, dy, p, a, rate, row):
    apart()
    i = 0
    while i + lanes(y) <= row.length:
        store(dy, i, load(y, i) * ((load(v, i) - p) - a) * rate)
        i += row.step
    if i < row.length:
        k = row.count - 1
        write(dy, k, row, read(y, k, row, 0.0) * ((read(v, k, row, 0.0) - p) - a) * rate)
