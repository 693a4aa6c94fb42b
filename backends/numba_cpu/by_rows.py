"""Rows whose axis is the last: all lanes of a vector belong to one row."""

import math

from .across import max_of_lanes, with_row
from .copies import copy_in, copy_out, fetch_ends
from .exp_sums import are_exact
from .group import Row
from .job import place_after, place_of, set_temperature, start_of
from .kernels import sum_over_row
from .memory import load_first, offset, same_as
from .one_by_one import completed
from .own import own_of
from .row import FOLD, MAP, ROOM, STATE_VECTORS, several
from .simd import apart, inline, lanes, loop, splat
from .states import recall, remember, state_of


@inline
def copy_rows_in(x, start, job, x_tile, x_step, v, v_start, v_tile, row):
    """Copy the rows of a unit to the tile; each one's maximum."""
    maxima = splat(x_tile, -math.inf)
    for q in range(row.used):
        x_row = offset(x_tile, q * x_step)
        largest = copy_in(x, start + q * job.x_inner, job.x_axis, x_row, row.length, -math.inf)
        maxima = with_row(maxima, q, max_of_lanes(largest), row)
        if job.reads_v:
            v_row = offset(v_tile, q * x_step)
            copy_in(v, v_start + q * job.v_inner, job.v_axis, v_row, row.length, 0.0)
    return maxima


@inline
def glance_at_rows(x, row):
    """The largest number in the first vector of each row."""
    maxima = lowest = splat(x, -math.inf)
    for q in range(row.used):
        first = load_first(x, q * row.x_step, row.length, lowest)
        maxima = with_row(maxima, q, max_of_lanes(first), row)
    return maxima


@inline
def copy_rows_out(tile, out, start, job, step, row):
    for q in range(row.used):
        own = start + q * job.y_inner
        copy_out(offset(tile, q * step), out, own, job.y_axis, row.length, job.past != 0)


@loop
def sweep_rows(operation, arrays, tile, memo, rates, temperatures, job, phase, lo, hi):
    """Fold and finish units of work, each a few rows, or a block of one."""
    apart()
    x, v, y, dy, lines = arrays
    w, reduced, past, given = lanes(tile), job.reduced != 0, job.past != 0, job.given != 0
    with_v, keeps = job.reads_v != 0, job.keeps != 0
    read_directly, write_directly = job.read_directly, job.write_directly
    keeps_tile = keeps and not write_directly
    writes_y, writes_dy = job.writes_y != 0, job.writes_dy != 0
    room = offset(tile, job.room - ROOM * w)
    v_tile, e_tile = offset(tile, job.room), offset(tile, job.e_part)
    zero = splat(tile, 0.0)
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
        block_memo = offset(memo, unit * STATE_VECTORS * w)
        count = (size + w - 1) // w
        # Where row 0 of each lies, and how far on the next row.
        x_row, v_row, e_row, y_row, dy_row = tile, v_tile, e_tile, tile, v_tile
        x_step = v_step = e_step = y_step = dy_step = count * w
        if keeps_tile:  # exponentials, or where an operation leaves none x, of all units
            e_row = offset(tile, (unit - lo) * job.block)
            if not read_directly:
                x_row = y_row = e_row
        if read_directly:
            x_row, x_step = same_as(offset(x, x_start), tile), job.x_inner
            if with_v:
                v_row, v_step = same_as(offset(v, v_start), tile), job.v_inner
        if given:
            e_row, e_step = x_row, x_step
        if write_directly:
            if writes_y:
                y_row, y_step = same_as(offset(y, y_start), tile), job.y_inner
            if writes_dy:
                dy_row, dy_step = same_as(offset(dy, y_start), tile), job.y_inner
            if keeps:
                e_row, e_step = y_row, y_step
        if past and not reduced and phase != FOLD:
            if writes_y:
                fetch_ends(y, y_start, job.y_inner, used, size)
            if writes_dy:
                fetch_ends(dy, y_start, job.y_inner, used, size)
        ahead = e_ahead = y_ahead = 0
        if read_directly:
            ahead = job.ahead * w
            if job.fetches_results and keeps:
                e_ahead = ahead
            elif job.fetches_results:
                y_ahead = ahead
        row = Row(
            0,
            used,
            x_step,
            v_step,
            e_step,
            y_step,
            dy_step,
            count,
            size // w,
            size,
            phase,
            job.unit != 0,
            writes_y,
            rates,
            room,
            ahead,
            e_ahead,
            y_ahead,
        )
        if job.rows > 1:
            set_temperature(rates, temperatures, first, used > 1, used, job.rows)
        known, like, kept = state_of(zero, (zero, zero), (zero, zero)), zero, False
        if phase == MAP:
            known = recall(offset(block_memo, -here.block * STATE_VECTORS * w))
            like = known.m
            if keeps:
                of_block = recall(block_memo).p
                kept = are_exact(of_block, known.m, several(row))
                if kept:
                    like = of_block
        elif read_directly and not given:
            like = glance_at_rows(x_row, row)
        if not read_directly and not (kept and keeps_tile):
            largest = copy_rows_in(x, x_start, job, x_row, x_step, v, v_start, v_row, row)
            if phase != MAP:
                like = largest
        if kept:
            state = sum_over_row(known.s, known.m, like, row, known)
        else:
            state = operation.fold(x_row, v_row, e_row, like, row, known)
        state = completed(operation, x_row, v_row, e_row, state, row)
        if phase == FOLD:
            remember(block_memo, state)
            continue
        if reduced:
            x_row = v_row = e_row = y_row = tile
            dy_row = offset(tile, w)
        own = own_of(lines, first, job.all, reduced or used > 1, used)
        operation.finish(x_row, v_row, e_row, y_row, dy_row, own, state, row)
        if reduced:
            if writes_y:
                copy_out(y_row, y, y_start, job.y_inner, used, past)
            if writes_dy:
                copy_out(dy_row, dy, y_start, job.y_inner, used, past)
        else:
            if writes_y and not write_directly:
                copy_rows_out(y_row, y, y_start, job, y_step, row)
            if writes_dy and not write_directly:
                copy_rows_out(dy_row, dy, y_start, job, dy_step, row)
