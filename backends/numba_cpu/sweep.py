"""From memory to tiles and back: the kernel of each operation.

A unit of work is one block of one group; a group is a row, or where the axis is strided as many
neighbouring columns as make a tile, each lane a row of its own.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import carray

from . import kernels
from .folds import FOLD, MAP, MERGE, Row, across_max, reciprocal, row_max
from .memory import copy_in, copy_out, fence, load, load_first, offset, same_as, store, transpose_in, transpose_out
from .simd import apart, first_lane, inline, lanes, loop, select, splat
from .states import STATE_VECTORS, merge, recall, remember, remember_lane, state_of

JOB = np.dtype(
    [
        (name, np.intp)
        for name in (
            "n",  # numbers in a row
            "columns",  # whether the lanes of a vector are rows of their own
            "inner",  # rows side by side
            "width",  # rows side by side in a tile
            "tiles",  # tiles that make up `inner`
            "block",  # numbers of a row in a tile
            "blocks",  # blocks of a row
            "room",  # numbers in each of a tile's three parts
            "x_outer",  # strides, in numbers
            "x_axis",
            "x_inner",
            "v_outer",
            "v_axis",
            "v_inner",
            "y_outer",
            "y_axis",
            "y_inner",
            "rows",  # temperatures, one a row, or 1 for all
            "unit",  # whether each of them is 1 (in the exponent)
            "reads_v",  # whether there is a tangent or cotangent
            "v_per_row",  # whether that is one number a row
            "reduced",  # whether results are one number a row
            "writes_y",
            "writes_dy",
            "given",  # whether x holds softmax(x) already
            "past",  # whether results go past the cache
            "read_directly",  # whether rows are read where they lie, and not copied to a tile
            "write_directly",  # whether results are written where they shall lie
            "prefetches_y",  # whether y's lines are fetched before they are written
        )
    ]
)


RATES = 4  # vectors at the start of a tile, for t and 1/t


class Place(NamedTuple):
    """Where a unit of work lies."""

    outer: int
    tile: int
    block: int


@inline
def place_of(unit, job):
    if unit == 0:
        return Place(0, 0, 0)
    group = unit // job.blocks
    return Place(group // job.tiles, group % job.tiles, unit % job.blocks)


@inline
def place_after(place, job):
    """The next unit's place, without the divisions, which would cost more than a short row."""
    outer, tile, block = place
    block += 1
    if block == job.blocks:
        block = 0
        tile += 1
        if tile == job.tiles:
            tile = 0
            outer += 1
    return Place(outer, tile, block)


@inline
def start_of(place, job, outer_stride, axis_stride, inner_stride):
    return (
        place.outer * outer_stride
        + place.block * job.block * axis_stride
        + place.tile * job.width * inner_stride
    )


@inline
def of_rows(source, start, columns, count):
    """The numbers of neighbouring rows, one in each lane, or that of one row, in all lanes."""
    one = splat(source, 1.0)
    if columns:
        return load_first(source, start, count, one)
    return first_lane(load_first(source, start, 1, one))


@loop
def set_temperature(rates, temperatures, start, columns, count, rows):
    """Note t and 1/t of the rows from `start`, each as a rounded number and its error."""
    apart()
    w = lanes(rates)
    t = of_rows(temperatures, start, columns, count)
    t_error = select(t == 1.0, splat(t, 0.0), of_rows(temperatures, start + rows, columns, count))
    rate, rate_error = reciprocal((t, t_error))
    store(rates, 0, t)
    store(rates, w, t_error)
    store(rates, 2 * w, rate)
    store(rates, 3 * w, rate_error)


@inline
def sweep(fold, complete, finish, x, v, y, dy, tile, memo, temperatures, job, phase, lo, hi):
    """Fold and finish the rows of the units lo..hi, in the phase MERGE those of the groups lo..hi."""
    job = carray(job, 1)[0]
    arrays = x, v, y, dy
    rates, tile = tile, offset(tile, RATES * lanes(tile))
    set_temperature(rates, temperatures, 0, False, 1, job.rows)
    if phase == MERGE:
        merge_blocks(memo, rates, temperatures, job, lo, hi)
    elif job.columns:
        sweep_columns(
            fold, complete, finish, arrays, tile, memo, rates, temperatures, job, phase, lo, hi
        )
    else:
        sweep_rows(
            fold, complete, finish, arrays, tile, memo, rates, temperatures, job, phase, lo, hi
        )
    if job.past:
        fence()


@inline
def states_of_unit(job, w):
    """How many states the rows of one unit of work have."""
    width = min(job.width, job.inner)
    return (width + w - 1) // w if job.columns else width


@inline
def merge_blocks(memo, rates, temperatures, job, lo, hi):
    """Merge the blocks of the rows in the groups lo..hi."""
    w, columns = lanes(memo), job.columns != 0
    states = states_of_unit(job, w)
    row = Row(0, 0, 0, 0, columns, MERGE, job.unit != 0, False, rates, rates, 0, rates, 0)
    for group in range(lo, hi):
        outer, tile = group // job.tiles, group % job.tiles
        for q in range(states):
            if job.rows > 1:
                own = outer * job.inner + tile * job.width + (q * w if columns else q)
                here = min(w, job.inner - tile * job.width - q * w)
                set_temperature(rates, temperatures, own, columns, here, job.rows)
            first = offset(memo, (group * job.blocks * states + q) * STATE_VECTORS * w)
            merge(first, job.blocks, states, row, job.given != 0, job.reads_v != 0)


@inline
def copy_rows_in(x, start, job, x_tile, v, v_start, v_tile, memo, used, size):
    """Copy the rows of a unit to the tile and note each one's maximum."""
    w, part = lanes(x_tile), (size + lanes(x_tile) - 1) // lanes(x_tile) * lanes(x_tile)
    for q in range(used):
        x_row = offset(x_tile, q * part)
        largest = copy_in(x, start + q * job.x_inner, job.x_axis, x_row, size, -math.inf)
        store(memo, q * STATE_VECTORS * w, across_max(largest, False))
        if job.reads_v and not job.v_per_row:
            v_row = offset(v_tile, q * part)
            copy_in(v, v_start + q * job.v_inner, job.v_axis, v_row, size, 0.0)


@inline
def glance_at_rows(x, stride, memo, used, size):
    """Note the largest number in the first vector of each row."""
    w = lanes(memo)
    for q in range(used):
        first = load_first(x, q * stride, size, splat(x, -math.inf))
        store(memo, q * STATE_VECTORS * w, across_max(first, False))


@inline
def sweep_rows(
    fold, complete, finish, arrays, tile, memo, rates, temperatures, job, phase, lo, hi
):
    """Where the axis is the last: all lanes of a vector belong to one row.

    The rows of a unit take each step together, so that one row's latency hides behind the others.
    """
    x, v, y, dy = arrays
    w, reduced, past, given = lanes(tile), job.reduced != 0, job.past != 0, job.given != 0
    with_v, in_place, write_directly = job.reads_v != 0, job.read_directly, job.write_directly
    writes_y, writes_dy, v_per_row, rows = job.writes_y, job.writes_dy, job.v_per_row, job.rows
    states = states_of_unit(job, w)
    unit_memo = offset(tile, job.room - states * STATE_VECTORS * w)
    v_tile, e_tile = offset(tile, job.room), offset(tile, 2 * job.room * job.reads_v)
    g = splat(tile, 0.0)
    known = state_of(g, (g, g), (g, g))
    place = place_of(lo, job)
    for unit in range(lo, hi):
        here, place = place, place_after(place, job)
        if here.block > 0 and phase == MAP and reduced:
            continue
        size = min(job.block, job.n - here.block * job.block)
        used = min(job.width, job.inner - here.tile * job.width)
        x_start = start_of(here, job, job.x_outer, job.x_axis, job.x_inner)
        v_start = start_of(here, job, job.v_outer, job.v_axis, job.v_inner)
        y_start = start_of(here, job, job.y_outer, job.y_axis, job.y_inner)
        first = here.outer * job.inner + here.tile * job.width
        block_memo = offset(memo, unit * states * STATE_VECTORS * w)
        count = (size + w - 1) // w
        # Where row 0 of each lies, and how far on the next row.
        x_row, v_row, e_row, y_row, dy_row = tile, v_tile, e_tile, tile, v_tile
        x_step = v_step = e_step = y_step = dy_step = count * w
        if in_place:
            x_row, x_step = same_as(offset(x, x_start), tile), job.x_inner
            if with_v and not v_per_row:
                v_row, v_step = same_as(offset(v, v_start), tile), job.v_inner
            glance_at_rows(x_row, x_step, unit_memo, used, size)
        else:
            copy_rows_in(x, x_start, job, x_row, v, v_start, v_row, unit_memo, used, size)
        if given:
            e_row, e_step = x_row, x_step
        if write_directly:
            if writes_y:
                y_row, y_step = same_as(offset(y, y_start), tile), job.y_inner
            if writes_dy:
                dy_row, dy_step = same_as(offset(dy, y_start), tile), job.y_inner
        ahead = offset(x, start_of(place, job, job.x_outer, job.x_axis, job.x_inner))
        ahead_step, target_step = job.x_inner, job.y_inner * writes_y
        target, target_stride = offset(y, y_start * writes_y), w * job.prefetches_y
        unit_of_t, wants_y = job.unit != 0, writes_y != 0
        for q in range(used):
            if rows > 1:
                set_temperature(rates, temperatures, first + q, False, 1, rows)
            row = Row(
                w,
                count,
                size // w,
                size,
                False,
                phase,
                unit_of_t,
                wants_y,
                rates,
                offset(ahead, q * ahead_step),
                w,
                offset(target, q * target_step),
                target_stride,
            )
            like = load(unit_memo, q * STATE_VECTORS * w)
            if phase == MAP:
                known = recall(block_memo, q - here.block * states, with_v)
                like = known.m
            own_x, own_v = offset(x_row, q * x_step), offset(v_row, q * v_step)
            state = fold(own_x, own_v, offset(e_row, q * e_step), like, row, known, given)
            remember(offset(unit_memo, q * STATE_VECTORS * w), state, with_v)
        row = Row(w, count, size // w, size, False, phase, unit_of_t, wants_y, rates, x, 0, y, 0)
        for q in range(used):
            if rows > 1:
                set_temperature(rates, temperatures, first + q, False, 1, rows)
            if v_per_row:
                g = of_rows(v, first + q, False, 1)
            if phase == MAP:
                known = recall(block_memo, q - here.block * states, with_v)
            own_x, own_e = offset(x_row, q * x_step), offset(e_row, q * e_step)
            state = complete(own_x, recall(unit_memo, q, with_v), row, known)
            if phase == FOLD:
                remember(offset(block_memo, q * STATE_VECTORS * w), state, with_v)
            elif reduced:
                remember_lane(tile, q, state)
            else:
                own_v, own_y = offset(v_row, q * v_step), offset(y_row, q * y_step)
                own_dy = offset(dy_row, q * dy_step)
                finish(own_x, own_v, own_e, own_y, own_dy, g, state, row)
                if not write_directly:
                    start = y_start + q * job.y_inner
                    if writes_y:
                        copy_out(own_y, y, start, job.y_axis, size, past)
                    if writes_dy:
                        copy_out(own_dy, dy, start, job.y_axis, size, past)
        if reduced and phase != FOLD:
            if rows > 1:
                set_temperature(rates, temperatures, first, True, used, rows)
            several = Row(w, 1, 1, used, True, phase, unit_of_t, True, rates, x, 0, y, 0)
            dy_row = offset(tile, w)
            finish(tile, tile, tile, tile, dy_row, g, recall(tile, 0, True), several)
            copy_out(tile, y, y_start, job.y_inner, used, past)
            if writes_dy:
                copy_out(dy_row, dy, y_start, job.y_inner, used, past)


@inline
def columns_in(x, start, axis, inner, tile, pitch, used, size, fill):
    """Copy `used` rows that lie side by side to the tile."""
    if axis == 1 and size > 1:
        transpose_in(x, start, inner, used, size, tile, pitch, fill)
    else:
        for k in range(size):
            copy_in(x, start + k * axis, inner, offset(tile, k * pitch), used, fill)


@inline
def columns_out(tile, pitch, used, size, y, start, axis, inner, past):
    """Copy them back."""
    if axis == 1 and size > 1:
        transpose_out(tile, pitch, used, size, y, start, inner)
    else:
        for k in range(size):
            copy_out(offset(tile, k * pitch), y, start + k * axis, inner, used, past)


@inline
def sweep_columns(
    fold, complete, finish, arrays, tile, memo, rates, temperatures, job, phase, lo, hi
):
    """Where rows lie side by side: each lane of a vector is a row of its own."""
    x, v, y, dy = arrays
    w, given, past = lanes(tile), job.given != 0, job.past != 0
    with_v = job.reads_v != 0
    reads_v = with_v and job.v_per_row == 0
    v_tile, e_tile = offset(tile, job.room), offset(tile, 2 * job.room * job.reads_v)
    if given:
        e_tile = tile
    states = states_of_unit(job, w)
    g = splat(tile, 0.0)
    known = state_of(g, (g, g), (g, g))
    place = place_of(lo, job)
    for unit in range(lo, hi):
        here, place = place, place_after(place, job)
        if here.block > 0 and phase == MAP and job.reduced:
            continue
        size = min(job.block, job.n - here.block * job.block)
        used = min(job.width, job.inner - here.tile * job.width)
        pitch = (used + w - 1) // w * w
        x_start = start_of(here, job, job.x_outer, job.x_axis, job.x_inner)
        v_start = start_of(here, job, job.v_outer, job.v_axis, job.v_inner)
        y_start = start_of(here, job, job.y_outer, job.y_axis, job.y_inner)
        ahead = start_of(place, job, job.x_outer, job.x_axis, job.x_inner)
        first = here.outer * job.inner + here.tile * job.width
        columns_in(x, x_start, job.x_axis, job.x_inner, tile, pitch, used, size, -math.inf)
        if reads_v:
            columns_in(v, v_start, job.v_axis, job.v_inner, v_tile, pitch, used, size, 0.0)
        for q in range(pitch // w):
            several = min(w, used - q * w)
            if job.rows > 1:
                set_temperature(rates, temperatures, first + q * w, True, several, job.rows)
            if job.v_per_row:
                g = of_rows(v, first + q * w, True, several)
            row = Row(
                pitch,
                size,
                size,
                size * pitch,
                True,
                phase,
                job.unit != 0,
                job.writes_y != 0,
                rates,
                offset(x, ahead + q * w * job.x_inner),
                job.x_axis,
                offset(y, (y_start + q * w * job.y_inner) * job.writes_y),
                job.y_axis * job.prefetches_y,
            )
            x_row, v_row, e_row = offset(tile, q * w), offset(v_tile, q * w), offset(e_tile, q * w)
            block_memo = offset(memo, (unit * states + q) * STATE_VECTORS * w)
            if phase == MAP:
                known = recall(block_memo, -here.block * states, with_v)
                like = known.m
            else:
                like = row_max(x_row, row)
            state = fold(x_row, v_row, e_row, like, row, known, given)
            state = complete(x_row, state, row, known)
            if phase == FOLD:
                remember(block_memo, state, with_v)
            else:
                finish(x_row, v_row, e_row, x_row, v_row, g, state, row)
        if phase != FOLD:
            lines = 1 if job.reduced else size
            if job.writes_y:
                columns_out(tile, pitch, used, lines, y, y_start, job.y_axis, job.y_inner, past)
            if job.writes_dy:
                columns_out(v_tile, pitch, used, lines, dy, y_start, job.y_axis, job.y_inner, past)


def softmax(x, v, y, dy, tile, memo, t, job, phase, lo, hi):
    fold, complete, finish = kernels.exponentials, kernels.complete_sum, kernels.softmax
    sweep(fold, complete, finish, x, v, y, dy, tile, memo, t, job, phase, lo, hi)


def log_softmax(x, v, y, dy, tile, memo, t, job, phase, lo, hi):
    fold, complete, finish = kernels.pair, kernels.complete_pair, kernels.log_softmax
    sweep(fold, complete, finish, x, v, y, dy, tile, memo, t, job, phase, lo, hi)


def logsumexp(x, v, y, dy, tile, memo, t, job, phase, lo, hi):
    fold, complete, finish = kernels.sum_alone, kernels.complete_sum_alone, kernels.logsumexp
    sweep(fold, complete, finish, x, v, y, dy, tile, memo, t, job, phase, lo, hi)


def softmax_jvp(x, v, y, dy, tile, memo, t, job, phase, lo, hi):
    fold, complete, finish = kernels.boltzmann, kernels.as_it_is, kernels.softmax_jvp
    sweep(fold, complete, finish, x, v, y, dy, tile, memo, t, job, phase, lo, hi)


def log_softmax_jvp(x, v, y, dy, tile, memo, t, job, phase, lo, hi):
    fold, complete, finish = kernels.boltzmann_apart, kernels.as_it_is, kernels.log_softmax_jvp
    sweep(fold, complete, finish, x, v, y, dy, tile, memo, t, job, phase, lo, hi)


def logsumexp_jvp(x, v, y, dy, tile, memo, t, job, phase, lo, hi):
    fold, complete, finish = kernels.mean, kernels.as_it_is, kernels.logsumexp_jvp
    sweep(fold, complete, finish, x, v, y, dy, tile, memo, t, job, phase, lo, hi)


def log_softmax_vjp(x, v, y, dy, tile, memo, t, job, phase, lo, hi):
    fold, complete, finish = kernels.softmax_and_total, kernels.as_it_is, kernels.log_softmax_vjp
    sweep(fold, complete, finish, x, v, y, dy, tile, memo, t, job, phase, lo, hi)


def logsumexp_vjp(x, v, y, dy, tile, memo, t, job, phase, lo, hi):
    fold, complete, finish = kernels.exponentials, kernels.complete_sum, kernels.logsumexp_vjp
    sweep(fold, complete, finish, x, v, y, dy, tile, memo, t, job, phase, lo, hi)
