"""Cross-entropy: a row's exponentials beside its labels, and what the labels want in the end.

A row has a class of its own, labels v of all entries, or both. Its loss is

    share -z[class] + share_of_all <v, -z>,   -z = (m - x)/t + log s.

The sweep over the rows leaves m, log s, the total Q of v and <v, m - x>, and writes the gradient but
for the class; `label_rows` then sees to the losses and the classes.
"""

import math

from .across import no_sums, pairs_of, with_sum
from .at_temperature import share_of_max
from .elementary import accumulate, add_pairs, log, multiply_pairs
from .exp_sums import exp_and_sum, exp_sum
from .folds import reciprocal
from .group import group_of
from .kernels import sum_over_row
from .log_kernels import complete_apart
from .memory import load_one, offset, store_one
from .one_by_one import finish_each
from .own import (
    CLASS,
    COST,
    COTANGENT,
    LOG_SUM,
    LOSS,
    MAXIMUM,
    SHARE,
    SHARE_OF_ALL,
    TOTAL,
    note,
    own_number,
)
from .row import FOLD, MAP, rate_of, read, several, write
from .simd import apart, fma, inline, loop, select, splat
from .states import State


@inline
def exponentials(x, v, e, like, row, known):
    """e becomes exponentials if they are wanted, and is summed anyway."""
    if not row.wants_y and row.phase == MAP:
        return known
    if not row.wants_y or row.phase == FOLD:
        total, m, like, _ = exp_sum(x, e, like, row)
    else:
        total, m, like = exp_and_sum(x, e, like, row, True)
    return sum_over_row(total, m, like, row, known)


@inline
def complete(state, row):
    """m, s, and the sum that the exponentials are divided by."""
    if row.phase == MAP and row.wants_y:
        total = multiply_pairs(state.s, share_of_max(state.m, state.p, row))
        return State(state.m, state.s, state.p, state.a, state.g, state.h, total, state.m)
    return complete_apart(state, row)


@inline
def of_class(x, v, e, y, dy, own, state, row):
    if row.wants_y:
        finish_each(_of_class, x, v, e, y, dy, own, state, row)
    else:
        _of_class(x, v, e, y, dy, own, state, several(row))


@loop
def _of_class(x, v, e, y, dy, own, state, row):
    """y = share g softmax(x/t) / t."""
    apart()
    _note_sums(own, state)
    if row.wants_y:
        weight = own_number(own, SHARE) * own_number(own, COTANGENT)
        _weighted(e, y, weight * rate_of(row)[0], state.total, row)


@inline
def _note_sums(own, state):
    note(own, MAXIMUM, state.m)
    note(own, LOG_SUM, log(state.s)[0])


@inline
def _weighted(e, y, weight, total, row):
    """y = weight e/s, and 0 where the weight is, whatever the row holds."""
    h, error = reciprocal(total)
    nothing = weight == 0.0
    h, error = select(nothing, weight, h), select(nothing, weight, error)
    for k in range(row.count):
        term = select(nothing, weight, read(e, k, row, 0.0))
        write(y, k, row, fma(term, h, term * error) * weight)


@inline
def exponentials_and_labels(x, v, e, like, row, known):
    """Likewise, with the sum of v and <v, x>."""
    state = exponentials(x, v, e, like, row, known)
    if row.phase == MAP:
        return state
    g, h = _label_sums(v, x, row)
    return State(state.m, state.s, state.p, state.a, g, h, state.total, state.top)


@loop
def _label_sums(v, x, row):
    """The sum of v and <v, x> of each row, unrounded; an entry without a label takes no part."""
    apart()
    _, used, x_step, v_step, _, _, _ = group_of(row)
    labels = products = no_sums(splat(x, 0.0), row)
    for i in range(used):
        total, product = _label_sum(offset(v, i * v_step), offset(x, i * x_step), row)
        labels, products = with_sum(labels, i, total, row), with_sum(products, i, product, row)
    return pairs_of(labels, row), pairs_of(products, row)


@inline
def _label_sum(v, x, row):
    """The same in each lane."""
    zero = splat(x, 0.0)
    total = product = zero, zero
    errors = zero
    for k in range(row.count):
        label = read(v, k, row, 0.0)
        number = select(label == 0.0, zero, read(x, k, row, 0.0))
        both = label * number
        total, product = accumulate(total, label), accumulate(product, both)
        errors = errors + fma(label, number, both * -1.0)
    product = product[0], product[1] + errors
    return total, product


@inline
def of_all(x, v, e, y, dy, own, state, row):
    if row.wants_y:
        finish_each(_of_all, x, v, e, y, dy, own, state, row)
    else:
        _of_all(x, v, e, y, dy, own, state, several(row))


@loop
def _of_all(x, v, e, y, dy, own, state, row):
    """y = g ((share + share_of_all Q) softmax(x/t) - share_of_all v) / t."""
    apart()
    _note_sums(own, state)
    m = state.m
    of_maximum = multiply_pairs(state.g, (m, splat(m, 0.0)))
    cost = add_pairs(of_maximum, (state.h[0] * -1.0, state.h[1] * -1.0))
    note(own, TOTAL, state.g[0] + state.g[1])
    note(own, COST, cost[0] + cost[1])
    if row.wants_y:
        g = own_number(own, COTANGENT) * rate_of(row)[0]
        share = own_number(own, SHARE_OF_ALL) * g
        weight = own_number(own, SHARE) * g + share * (state.g[0] + state.g[1])
        _weighted_less_labels(e, v, y, weight, share, state.total, row)


@inline
def _weighted_less_labels(e, v, y, weight, share, total, row):
    h, error = reciprocal(total)
    nothing, zero = weight == 0.0, splat(weight, 0.0)
    for k in range(row.count):
        term = read(e, k, row, 0.0)
        own_weight = select(nothing, zero, fma(term, h, term * error) * weight)
        write(y, k, row, fma(share * -1.0, read(v, k, row, 0.0), own_weight))


@loop
def label_rows(x, v, y, lines, temperatures, job, lo, hi):
    """The losses of the rows in the groups lo..hi, and their gradients at their classes."""
    apart()
    first, last = _first_row(job, lo), _first_row(job, hi)
    for i in range(first, last):
        outer, inner = i // job.inner, i % job.inner
        own_x = offset(x, outer * job.x_outer + inner * job.x_inner)
        own_v = offset(v, outer * job.v_outer + inner * job.v_inner)
        own_y = offset(y, outer * job.y_outer + inner * job.y_inner)
        _label_row(own_x, own_v, own_y, offset(lines, i), _temperature(temperatures, job, i), job)


@inline
def _first_row(job, group):
    return group // job.tiles * job.inner + min(job.inner, group % job.tiles * job.width)


@inline
def _temperature(temperatures, job, i):
    at = i if job.rows > 1 else 0
    return float(load_one(temperatures, at)) + float(load_one(temperatures, at + job.rows))


@inline
def _label_row(x, v, y, lines, t, job):
    m, log_s = _of(lines, MAXIMUM, job), _of(lines, LOG_SUM, job)
    label, share = int(_of(lines, CLASS, job)), _of(lines, SHARE, job)
    loss = z = 0.0
    if share != 0.0:
        z = (float(load_one(x, label * job.x_axis)) - m) / t - log_s
        loss = -share * z
    if job.reads_v:
        loss += _of(lines, SHARE_OF_ALL, job) * _loss_of_all(x, v, lines, t, m, log_s, job)
    store_one(lines, LOSS * job.all, loss)
    if share != 0.0 and job.writes_y:
        dx = share * math.expm1(z)
        if job.reads_v:
            label_of_class = float(load_one(v, label * job.v_axis))
            others = _of(lines, TOTAL, job) * math.exp(z) - label_of_class
            dx += _of(lines, SHARE_OF_ALL, job) * others
        store_one(y, label * job.y_axis, dx * _of(lines, COTANGENT, job) / t)


@inline
def _of(lines, line, job):
    return float(load_one(lines, line * job.all))


@inline
def _loss_of_all(x, v, lines, t, m, log_s, job):
    """<v, -z>."""
    cost, total = _of(lines, COST, job), _of(lines, TOTAL, job)
    if _of(lines, SHARE_OF_ALL, job) == 0.0 or total == 0.0:
        return 0.0
    if math.isnan(cost):
        # Infinite entries: NaN came of inf - inf, or is right.
        cost = 0.0
        for k in range(job.n):
            label = float(load_one(v, k * job.v_axis))
            if label != 0.0:
                cost += label * (m - float(load_one(x, k * job.x_axis)))
    return cost / t + total * log_s
