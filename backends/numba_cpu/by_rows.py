"""Rows whose axis is the last: all lanes of a vector belong to one row."""

import math

from .copies import copy_in, copy_out
from .exp_sums import are_exact
from .job import place_after, place_of, set_temperature, start_of, states_of_unit
from .kernels import sum_over_row
from .memory import between, load, load_first, offset, same_as, store
from .own import own_of
from .row import FOLD, MAP, Row, across_max
from .simd import any_lane, apart, inline, lanes, loop, splat
from .states import STATE_VECTORS, recall, recall_lane, remember, remember_lane, state_of


@inline
def copy_rows_in(x, start, job, x_tile, v, v_start, v_tile, memo, used, size):
    """Copy the rows of a unit to the tile and note each one's maximum."""
    w, part = lanes(x_tile), (size + lanes(x_tile) - 1) // lanes(x_tile) * lanes(x_tile)
    for q in range(used):
        x_row = offset(x_tile, q * part)
        largest = copy_in(x, start + q * job.x_inner, job.x_axis, x_row, size, -math.inf)
        store(memo, q * STATE_VECTORS * w, across_max(largest, False))
        if job.reads_v:
            v_row = offset(v_tile, q * part)
            copy_in(v, v_start + q * job.v_inner, job.v_axis, v_row, size, 0.0)


@inline
def glance_at_rows(x, stride, memo, used, size):
    """Note the largest number in the first vector of each row."""
    w = lanes(memo)
    for q in range(used):
        first = load_first(x, q * stride, size, splat(x, -math.inf))
        store(memo, q * STATE_VECTORS * w, across_max(first, False))


@loop
def sweep_rows(operation, arrays, tile, memo, rates, temperatures, job, phase, lo, hi):
    """Where the axis is the last: all lanes of a vector belong to one row.

    Between the folds and the maps of a unit's rows, what their states want is done for all at once:
    there each lane is a row of its own.
    """
    apart()
    x, v, y, dy, lines = arrays
    w, reduced, past, given = lanes(tile), job.reduced != 0, job.past != 0, job.given != 0
    with_v = job.reads_v != 0
    read_directly, write_directly = job.read_directly, job.write_directly
    writes_y, writes_dy, rows = job.writes_y, job.writes_dy, job.rows
    keeps = job.keeps != 0
    states = states_of_unit(job, w)
    lanes_memo = offset(tile, job.room - STATE_VECTORS * w)
    unit_memo = offset(lanes_memo, -states * STATE_VECTORS * w)
    v_tile, e_tile = offset(tile, job.room), offset(tile, job.e_part)
    zero = splat(tile, 0.0)
    known = state_of(zero, (zero, zero), (zero, zero))
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
        if read_directly:
            x_row, x_step = same_as(offset(x, x_start), tile), job.x_inner
            if with_v:
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
            if keeps and size % w == 0:  # exponentials are written in whole vectors
                e_row, e_step = y_row, y_step
        next_x = own_y = 0
        if read_directly:
            next_x = start_of(place, job, job.x_outer, job.x_axis, job.x_inner) - x_start
            if job.prefetches_y:
                own_y = between(x_row, y_row)
        unit_of_t, wants_y = job.unit != 0, writes_y != 0
        for q in range(used):
            if rows > 1:
                set_temperature(rates, temperatures, first + q, False, 1, rows)
            row = Row(
                w, count, size // w, size, False, phase, unit_of_t, wants_y, rates, next_x, own_y
            )
            like, kept = load(unit_memo, q * STATE_VECTORS * w), False
            if phase == MAP:
                known = recall(block_memo, q - here.block * states, with_v)
                like = known.m
                if keeps and size % w == 0:
                    of_block = recall(block_memo, q, False).p
                    kept = are_exact(of_block, known.m, row)
                    if kept:
                        like = of_block
            own_x, own_v = offset(x_row, q * x_step), offset(v_row, q * v_step)
            own_e = offset(e_row, q * e_step)
            if kept:
                state = sum_over_row(known.s, known.m, like, row, known)
            else:
                state = operation.fold(own_x, own_v, own_e, like, row, known, given)
            remember(offset(unit_memo, q * STATE_VECTORS * w), state, with_v)
        row = Row(w, count, size // w, size, False, phase, unit_of_t, wants_y, rates, 0, 0)
        for q in range(used):
            state = operation.across(recall(unit_memo, q, with_v), row)
            if q == 0:
                remember(lanes_memo, state, with_v)  # in the lanes without a row, too
            else:
                remember_lane(lanes_memo, q, state, with_v)
        if rows > 1:
            set_temperature(rates, temperatures, first, True, used, rows)
        several = Row(0, 0, 0, used, True, phase, unit_of_t, wants_y, rates, 0, 0)
        state = operation.complete(recall(lanes_memo, 0, with_v), several)
        doubtful = any_lane(operation.doubtful(state, several))
        remember(lanes_memo, state, True)
        if doubtful:
            for q in range(used):
                if rows > 1:
                    set_temperature(rates, temperatures, first + q, False, 1, rows)
                own_x, own_v = offset(x_row, q * x_step), offset(v_row, q * v_step)
                own_e, state = offset(e_row, q * e_step), recall_lane(lanes_memo, q)
                state = operation.look_again(own_x, own_v, own_e, state, row)
                remember_lane(lanes_memo, q, state, True)
        if phase == FOLD:
            for q in range(used):
                remember(
                    offset(block_memo, q * STATE_VECTORS * w), recall_lane(lanes_memo, q), with_v
                )
        elif reduced:
            if rows > 1:
                set_temperature(rates, temperatures, first, True, used, rows)
            dy_row = offset(tile, w)
            own = own_of(lines, first, job.all, True, used)
            operation.finish(
                tile, tile, tile, tile, dy_row, own, recall(lanes_memo, 0, True), several
            )
            if writes_y:
                copy_out(tile, y, y_start, job.y_inner, used, past)
            if writes_dy:
                copy_out(dy_row, dy, y_start, job.y_inner, used, past)
        else:
            for q in range(used):
                if rows > 1:
                    set_temperature(rates, temperatures, first + q, False, 1, rows)
                own = own_of(lines, first + q, job.all, False, 1)
                own_x, own_v = offset(x_row, q * x_step), offset(v_row, q * v_step)
                own_e = offset(e_row, q * e_step)
                own_y, own_dy = offset(y_row, q * y_step), offset(dy_row, q * dy_step)
                state = recall_lane(lanes_memo, q)
                operation.finish(own_x, own_v, own_e, own_y, own_dy, own, state, row)
                if not write_directly:
                    start = y_start + q * job.y_inner
                    if writes_y:
                        copy_out(own_y, y, start, job.y_axis, size, past)
                    if writes_dy:
                        copy_out(own_dy, dy, start, job.y_axis, size, past)
