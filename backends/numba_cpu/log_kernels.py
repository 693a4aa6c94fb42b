"""log_softmax and logsumexp with their derivatives, each a fold and a map as in `kernels`."""

import math

from .across import across_max, across_sum
from .at_temperature import exp_of_max, share_of_max, shifted
from .elementary import add_pairs, divide_pairs, log, multiply_pairs, two_sum
from .exp_sums import exp_sum, exp_sum_of_others, split_sum
from .folds import normalise, reciprocal, row_max, row_sum
from .group import alone, group_of, in_place, is_columns, step_of
from .kernels import never
from .means import deviation, peak
from .memory import load, offset, store
from .one_by_one import finish_each, fold_each
from .row import (
    FACTORS,
    MAP,
    anchor,
    fetch_result,
    get_row,
    put,
    rate_of,
    read,
    several,
    temperature_of,
    write,
)
from .simd import any_lane, apart, fma, inline, is_nan, loop, select, splat
from .states import State, choose, state_of

# What a sum of exponentials is, over the greatest, where that is nearly all of it.
NEARLY_ALONE = 1 + 1 / 256


@inline
def sums(x, v, e, like, row, known):
    """What `exp_sum` returns, as a state."""
    if row.phase == MAP:
        return known
    total, m, like, top = exp_sum(x, e, like, row)
    zero = splat(m, 0.0)
    return State(m, total, like, (zero, zero), (zero, zero), (zero, zero), total, top)


@inline
def sums_and_share(x, v, e, like, row, known):
    """The same, with e of the maximum, unrounded, in g."""
    if row.phase == MAP:
        return known
    if is_columns(row):
        # There `like` is the maximum: this does not wait for the sum.
        share = share_of_max(like, anchor(like), row)
        return _with_share(sums(x, v, e, like, row, known), share)
    state = sums(x, v, e, like, row, known)
    return _with_share(state, share_of_max(state.m, state.p, several(row)))


@inline
def _with_share(state, share):
    return State(state.m, state.s, state.p, state.a, share, state.h, state.total, state.top)


@inline
def complete_apart(state, row):
    """s, its part beyond the maximum as accurate as the whole, but where the maximum outweighs that."""
    if row.phase == MAP:
        return state
    return _apart(state, *exp_of_max(state.m, state.p, row))


@inline
def _apart(state, top, share):
    """The same; `share` is e of the maximum, and top that as it was rounded in the sum."""
    zero = splat(state.m, 0.0)
    rest = add_pairs(state.s, (top * -1.0, zero))
    return _with_rest(state, multiply_pairs(rest, reciprocal(share)), top)


@inline
def _with_rest(state, rest, top):
    """s of that without the maximum, and what this adds to the sum."""
    zero, one = splat(state.m, 0.0), splat(state.m, 1.0)
    s = add_pairs((one, zero), rest)
    return State(state.m, s, state.p, state.a, state.g, state.h, state.total, top)


@inline
def outweighed(state, row):
    """Where a sum is mostly the maximum's, so that the others have lost their digits in it."""
    if row.phase == MAP:
        return never(state, row)
    all_digits = is_columns(row) and step_of(row, row.rates) > 0
    least = NEARLY_ALONE if all_digits else 2.0
    return state.total[0] < state.top * least


@inline
def others_again(x, v, e, state, row):
    """`complete_apart` where the maximum outweighs all others, which are added again."""
    others, maxima = exp_sum_of_others(x, state.m, state.p, row)
    maxima = across_sum((maxima, splat(maxima, 0.0)), row)[0]
    rest = divide_pairs(across_sum(others, row), share_of_max(state.m, state.p, row))
    rest = add_pairs((maxima - 1.0, splat(maxima, 0.0)), rest)
    apart_state = _with_rest(state, rest, state.top)
    s = choose(outweighed(state, row), apart_state.s, state.s)
    return State(state.m, s, state.p, state.a, state.g, state.h, state.total, state.top)


@inline
def complete_log(state, row):
    """log s, in a."""
    if row.phase == MAP:
        return _with_log(state)
    return _with_log(_apart(state, state.top, state.g))


@inline
def log_again(x, v, e, state, row):
    return _with_log(others_again(x, v, e, state, row))


@inline
def _with_log(state):
    log_s = log(state.s)
    return State(state.m, state.s, state.p, log_s, state.g, state.h, state.total, state.top)


@inline
def _log_weight(x, m, log_s, row):
    """(x - m)/t - log s."""
    if row.unit:
        return (x - m) - log_s[0]
    q, error = shifted(x, m, row)
    # There is no error where x, or that over t, is infinite: z is right as it stands.
    return (q - log_s[0]) + select(is_nan(error - error), splat(error, 0.0), error - log_s[1])


@loop
def log_softmax(x, v, e, y, dy, own, state, row):
    """z = (x - m)/t - log s."""
    apart()
    put(row, FACTORS, anchor(state.m))
    put(row, FACTORS + 1, state.a[0])
    put(row, FACTORS + 2, state.a[1])
    step, (_, used, x_step, _, _, y_step, _) = step_of(row, x), group_of(row)
    for i in range(used):
        own_x, own_y, it = offset(x, i * x_step), offset(y, i * y_step), alone(row, i)
        m = get_row(row, FACTORS, i)
        log_s = get_row(row, FACTORS + 1, i), get_row(row, FACTORS + 2, i)
        first = 0
        if row.unit:
            first = row.whole
            for k in range(first):
                store(own_y, k * step, (load(own_x, k * step) - m) - log_s[0])
                fetch_result(own_y, k * step, row)
        for k in range(first, row.count):
            write(own_y, k, row, _log_weight(read(own_x, k, row, 0.0), m, log_s, it))


@inline
def boltzmann_apart(x, v, e, like, row, known):
    return fold_each(_boltzmann_apart, x, v, e, like, row, known)


@inline
def _boltzmann_apart(x, v, e, like, row, known):
    """e becomes y = softmax(x/t), in the phase FOLD that of its block alone."""
    if row.phase == MAP:
        return known
    m, p = peak(x, v, row)
    s, top = split_sum(x, e, m, row, True)
    normalise(e, e, multiply_pairs(s, top), in_place(row))
    return State(m, s, p, deviation(e, v, p, row), s, s, s, p)


@inline
def log_softmax_jvp(x, v, e, y, dy, own, state, row):
    finish_each(_log_softmax_jvp, x, v, e, y, dy, own, state, row)


@loop
def _log_softmax_jvp(x, v, e, y, dy, own, state, row):
    """dz = ((v - p) - a) / t."""
    apart()
    m, log_s = anchor(state.m), log(state.s)
    a, rate = state.a[0] + state.a[1], rate_of(row)[0]
    for k in range(row.count):
        number, tangent = read(x, k, row, 0.0), read(v, k, row, 0.0)
        if row.wants_y:
            write(y, k, row, _log_weight(number, m, log_s, row))
        write(dy, k, row, ((tangent - state.p) - a) * rate)


@inline
def softmax_and_total(x, v, e, like, row, known):
    return fold_each(_softmax_and_total, x, v, e, like, row, known)


@inline
def _softmax_and_total(x, v, e, like, row, known):
    """e becomes y = softmax(x/t), and v is summed."""
    m = known.m if row.phase == MAP else row_max(x, row)
    s, top = split_sum(x, e, m, row, True)
    s = known.s if row.phase == MAP else s
    total = multiply_pairs(s, top)
    normalise(e, e, total, in_place(row))
    h, error = reciprocal(total)
    g = known.g if row.phase == MAP else row_sum(v, row)
    zero = splat(m, 0.0)
    return State(m, s, zero, (zero, zero), g, g, total, fma(top[0], h, top[0] * error))


@inline
def log_softmax_vjp(x, v, e, y, dy, own, state, row):
    finish_each(_log_softmax_vjp, x, v, e, y, dy, own, state, row)


@inline
def _log_softmax_vjp(x, v, e, y, dy, own, state, row):
    """dx = (g - y G) / t, with G the sum of g.

    Where y is near 1 that difference cancels; at the maximum it is taken as
    (g (s - 1) - (G - g)) / s instead.
    """
    total, error = state.g
    rate = rate_of(row)[0]
    rest = (state.s[0] - 1.0) + state.s[1]
    for k in range(row.count):
        weight, cotangent = read(e, k, row, 0.0), read(v, k, row, 0.0)
        others = (total - cotangent) + error
        at_top = (cotangent * rest - others) * state.top
        below = fma(weight * -1.0, total, cotangent) - weight * error
        write(dy, k, row, select(weight == state.top, at_top, below) * rate)


@inline
def settle(x, m, s, row):
    """s, but where m is +inf 1, or NaN if an entry is: logsumexp is +inf there, not NaN."""
    if not any_lane(m == math.inf):
        return s
    nans = splat(m, 0.0)
    for k in range(row.count):
        nans = select(is_nan(read(x, k, row, 0.0)), splat(m, 1.0), nans)
    nans = across_max(nans, row)
    infinite = select(nans > 0.0, splat(m, math.nan), splat(m, 1.0))
    return select(m == math.inf, infinite, s[0]), select(m == math.inf, splat(m, 0.0), s[1])


@inline
def infinite(state, row):
    return state.m == math.inf


@inline
def settle_state(x, v, e, state, row):
    s = settle(x, state.m, state.s, row)
    return State(state.m, s, state.p, state.a, state.g, state.h, state.total, state.top)


@inline
def complete_alone(state, row):
    """s, to the accuracy that L wants."""
    if row.phase == MAP:
        return state
    # The maximum as it was rounded in the sum: s is 1 for one entry, and never less.
    s = divide_pairs(state.s, (state.top, splat(state.m, 0.0)))
    return state_of(state.m, s, s)


@inline
def logsumexp(x, v, e, y, dy, own, state, row):
    """L = m + t log s."""
    _log_of_sum(y, state, row)


@inline
def partial_logsumexp(x, v, e, y, dy, own, state, row):
    """m and s themselves."""
    store(y, 0, state.m)
    store(dy, 0, state.s[0] + state.s[1])


@inline
def _log_of_sum(y, state, row):
    # y holds the numbers of a group's rows, one a lane.
    high, low = multiply_pairs(temperature_of(several(row)), log(state.s))
    L, error = two_sum(state.m, high)
    error = error + low
    # There is no error where L is infinite.
    store(y, 0, L + select(is_nan(error - error), splat(error, 0.0), error))


@inline
def mean(x, v, e, like, row, known):
    return fold_each(_mean, x, v, e, like, row, known)


@inline
def _mean(x, v, e, like, row, known):
    """`boltzmann_apart`, with s as L wants it."""
    if row.phase == MAP:
        return known
    state = _boltzmann_apart(x, v, e, like, row, known)
    s = settle(x, state.m, state.s, row)
    return State(state.m, s, state.p, state.a, state.g, state.h, s, state.p)


@inline
def logsumexp_jvp(x, v, e, y, dy, own, state, row):
    """dL = p + a, the Boltzmann mean of v; 0 for a row of -inf alone."""
    _log_of_sum(y, state, row)
    mean, error = two_sum(state.p, state.a[0])
    # There s is 0, or NaN where a NaN hides among them.
    dL = select(state.m == -math.inf, state.s[0], mean + (error + state.a[1]))
    store(dy, 0, dL)
