"""The operations on a row, each a fold and a map.

x is the row and v its tangent or cotangent, in memory or in a tile; e is room for exponentials in a
tile; y and dy are where the result and the derivative go, which may be where x and v are; own are
the numbers of the row's own. A fold returns its row's state; in the phase MAP, where that state is `known`,
it makes only what is wanted of its block. `like` is an entry, not far below the maximum as a rule.
"""

from numba.extending import overload

from . import means
from .at_temperature import share_of_max
from .elementary import divide_pairs, multiply_pairs
from .exp_sums import exp_and_sum
from .folds import normalise, reciprocal, row_sum
from .given import product_given, weighted
from .group import Columns, alone, group_of, in_place, step_of
from .means import mean, mean_and_sum, mean_of_columns, pivoted_mean
from .memory import offset
from .one_by_one import finish_each
from .own import COTANGENT, own_number
from .part import PART
from .row import (
    FACTORS,
    FOLD,
    MAP,
    WHOLE,
    get_row,
    put,
    rate_of,
    read,
    several,
    write,
)
from .simd import apart, fma, inline, loop, select, splat
from .states import State


@inline
def as_it_is(state, row):
    return state


@inline
def never(state, row):
    return state.m < state.m


@inline
def exponentials(x, v, e, like, row, known):
    """e becomes exponentials."""
    total, m, like = exp_and_sum(x, e, like, row, False)
    return sum_over_row(total, m, like, row, known)


@inline
def sum_over_row(total, m, like, row, known):
    """What `exp_sum` returns, as a state, in which p is `like`; in the phase MAP `known` with it."""
    if row.phase == MAP:
        return State(known.m, known.s, like, known.a, known.g, known.h, known.s, known.m)
    zero = splat(m, 0.0)
    return State(m, total, like, (zero, zero), (zero, zero), (zero, zero), total, m)


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
    finish_each(_logsumexp_vjp, x, v, e, y, dy, own, state, row)


@inline
def _logsumexp_vjp(x, v, e, y, dy, own, state, row):
    """dx = y g; 0 for a row of -inf alone, where the sum is 0."""
    g = own_number(own, COTANGENT)
    h, error = reciprocal(state.total)
    empty = state.total[0] == 0.0
    for k in range(row.count):
        term = read(e, k, row, 0.0)
        dx = fma(term, h, term * error) * g
        write(y, k, row, select(empty, splat(g, 0.0), dx))


@inline
def boltzmann(x, v, e, like, row, known):
    """e becomes y = softmax(x/t), in the phase FOLD that of its block alone."""
    m, s = _normalised(x, e, like, row, known)
    if row.phase == MAP:
        return State(m, s, known.p, known.a, s, s, s, known.top)
    return _mean_of(e, v, group_of(row)[4], m, s, row)


def _mean_of(y, v, y_step, m, s, row):
    """The state with <y, v>, about a pivot or not; chosen by type, see below."""


@overload(_mean_of, jit_options={"forceinline": True, **PART})
def _mean_by_type(y, v, y_step, m, s, row):
    return _mean_of_columns if row.instance_class is Columns else _mean_of_rows


def _mean_of_columns(y, v, y_step, m, s, row):
    p, a = mean_of_columns(y, v, row)
    return State(m, s, p, a, s, s, s, p)


def _mean_of_rows(y, v, y_step, m, s, row):
    a, size, top = mean(y, v, y_step, row)
    zero = splat(top, 0.0)
    state = State(m, s, zero, a, s, (size, zero), s, top)
    return _about_pivot(y, v, a[0], state, alone(row, 0)) if row.phase == FOLD else state


@inline
def _normalised(x, e, like, row, known):
    """m and s, where e becomes y."""
    total, m, like = exp_and_sum(x, e, like, row, False)
    if row.phase == MAP:
        total = multiply_pairs(known.s, share_of_max(known.m, like, several(row)))
        normalise(e, e, total, in_place(row))
        return known.m, known.s
    normalise(e, e, total, in_place(row))
    if row.phase == FOLD:
        total = divide_pairs(total, share_of_max(m, like, several(row)))
    return m, total


@inline
def mean_of_given(x, v, e, like, row, known):
    """<y, v> of y = x, of a block over its sum."""
    return _mean_of_given(x, v, row, known)


def _mean_of_given(y, v, row, known):
    """Chosen by type, see below."""


@overload(_mean_of_given, jit_options={"forceinline": True, **PART})
def _mean_of_given_by_type(y, v, row, known):
    return _mean_of_given_columns if row.instance_class is Columns else _mean_of_given_rows


def _mean_of_given_columns(y, v, row, known):
    if row.phase != FOLD:
        return known  # for `product` sees to whole columns
    s = row_sum(y, row)
    p, a, top = pivoted_mean(y, v, 1.0 / s[0], row)
    a = divide_pairs(a, s)
    return State(top, s, p, a, s, s, s, p)


def _mean_of_given_rows(y, v, row, known):
    if row.phase != FOLD:
        return known  # for `product` sees to whole rows
    a, size, top, s = mean_and_sum(y, v, row)
    zero = splat(top, 0.0)
    state = State(top, s, zero, a, s, (size, zero), s, top)
    state = _about_pivot(y, v, a[0] / s[0], state, alone(row, 0))
    return State(top, s, state.p, divide_pairs(state.a, s), s, s, s, state.p)


@inline
def _wants_pivot(state):
    return means.wants_pivot(state.a[0], state.h[0], state.top)


@inline
def _about_pivot(y, v, mean_of_v, state, row):
    """The same about a pivot, where one is wanted."""
    p, a = means.about_pivot(y, v, mean_of_v, state.a, _wants_pivot(state), row)
    return State(state.m, state.s, p, a, state.g, state.h, state.total, state.top)


@inline
def wants_pivot(state, row):
    of_rows = row.phase == WHOLE and step_of(row, row.rates) == 0
    return _wants_pivot(state) if of_rows else never(state, row)


@inline
def about_pivot(x, v, y, state, row):
    return _about_pivot(y, v, state.a[0], state, row)


@inline
def product(x, v, e, y, dy, own, state, row):
    """dy = y ((v - p) - a) / t of y = e."""
    if row.phase == WHOLE:
        product_given(e, v, dy, row)
    else:
        softmax_jvp(x, v, e, y, dy, own, state, row)


@loop
def softmax_jvp(x, v, e, y, dy, own, state, row):
    """dy = y ((v - p) - a) / t."""
    apart()
    put(row, FACTORS, state.p)
    put(row, FACTORS + 1, state.a[0] + state.a[1])
    _, used, _, v_step, e_step, y_step, dy_step = group_of(row)
    for i in range(used):
        own_e, own_v = offset(e, i * e_step), offset(v, i * v_step)
        own_y, own_dy = offset(y, i * y_step), offset(dy, i * dy_step)
        p, a = get_row(row, FACTORS, i), get_row(row, FACTORS + 1, i)
        rate, _ = rate_of(alone(row, i))
        if row.wants_y:
            _both(own_e, own_v, own_y, own_dy, p, a, rate, row)
        else:
            weighted(own_e, own_v, own_dy, p, a, rate, row)


@inline
def _both(e, v, y, dy, p, a, rate, row):
    for k in range(row.count):
        weight, tangent = read(e, k, row, 0.0), read(v, k, row, 0.0)
        write(y, k, row, weight)
        write(dy, k, row, weight * ((tangent - p) - a) * rate)
