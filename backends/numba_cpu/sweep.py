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
from .memory import copy_in, copy_out, fence, load_first, offset, same_as
from .simd import first_lane, inline, lanes, select, splat
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


@inline
def temperature(temperatures, start, columns, count, rows):
    """t and 1/t for the rows from `start`, each as a rounded number and its error."""
    t = of_rows(temperatures, start, columns, count)
    t_error = select(t == 1.0, splat(t, 0.0), of_rows(temperatures, start + rows, columns, count))
    return (t, t_error), reciprocal((t, t_error))


@inline
def sweep(fold, finish, x, v, y, dy, tile, memo, temperatures, job, phase, lo, hi):
    """Fold and finish the rows of the units lo..hi, in the phase MERGE those of the groups lo..hi."""
    job = carray(job, 1)[0]
    if phase == MERGE:
        merge_blocks(memo, temperatures, tile, job, lo, hi)
    elif job.columns:
        sweep_columns(fold, finish, x, v, y, dy, tile, memo, temperatures, job, phase, lo, hi)
    else:
        sweep_rows(fold, finish, x, v, y, dy, tile, memo, temperatures, job, phase, lo, hi)
    if job.past:
        fence()


@inline
def states_of_unit(job, w):
    """How many states the rows of one unit of work have."""
    width = min(job.width, job.inner)
    return (width + w - 1) // w if job.columns else width


@inline
def merge_blocks(memo, temperatures, like, job, lo, hi):
    """Merge the blocks of the rows in the groups lo..hi."""
    w, columns = lanes(like), job.columns != 0
    states = states_of_unit(job, w)
    t, rate = temperature(temperatures, 0, False, 1, job.rows)
    for group in range(lo, hi):
        outer, tile = group // job.tiles, group % job.tiles
        for q in range(states):
            own = outer * job.inner + tile * job.width + (q * w if columns else q)
            if job.rows > 1:
                here = min(w, job.inner - tile * job.width - q * w)
                t, rate = temperature(temperatures, own, columns, here, job.rows)
            row = Row(0, 0, 0, columns, MERGE, job.unit != 0, False, t, rate, like, 0, like, 0)
            first = offset(memo, (group * job.blocks * states + q) * STATE_VECTORS * w)
            merge(first, job.blocks, states, row, job.given != 0)


@inline
def sweep_rows(fold, finish, x, v, y, dy, tile, memo, temperatures, job, phase, lo, hi):
    """Where the axis is the last: all lanes of a vector belong to one row."""
    w, given = lanes(tile), job.given != 0
    reads_v, reduced = job.reads_v != 0 and job.v_per_row == 0, job.reduced != 0
    read_directly, write_directly = job.read_directly != 0, job.write_directly != 0
    v_tile, e_tile = offset(tile, job.room), offset(tile, 2 * job.room * job.reads_v)
    lanes_memo = offset(tile, job.room - STATE_VECTORS * w)
    states = states_of_unit(job, w)
    t, rate = temperature(temperatures, 0, False, 1, job.rows)
    g = splat(tile, 0.0)
    known = state = state_of(g, (g, g), (g, g))
    row = Row(w, 0, 0, False, phase, job.unit != 0, job.writes_y != 0, t, rate, x, w, y, w)
    before = tile, tile, tile, tile, tile, g, state, row
    place = place_of(lo, job)
    for unit in range(lo, hi):
        here, place = place, place_after(place, job)
        if here.block > 0 and phase == MAP and reduced:
            continue
        size = min(job.block, job.n - here.block * job.block)
        used = min(job.width, job.inner - here.tile * job.width)
        count = (size + w - 1) // w
        x_start = start_of(here, job, job.x_outer, job.x_axis, job.x_inner)
        v_start = start_of(here, job, job.v_outer, job.v_axis, job.v_inner)
        y_start = start_of(here, job, job.y_outer, job.y_axis, job.y_inner)
        ahead = start_of(place, job, job.x_outer, job.x_axis, job.x_inner)
        first = here.outer * job.inner + here.tile * job.width
        # The map of a row waits until the next row's fold is under way, to hide its latency.
        for q in range(used + 1):
            if q < used:
                if job.rows > 1:
                    t, rate = temperature(temperatures, first + q, False, 1, job.rows)
                row = Row(
                    w,
                    count,
                    size,
                    False,
                    phase,
                    job.unit != 0,
                    job.writes_y != 0,
                    t,
                    rate,
                    offset(x, ahead + q * job.x_inner),
                    w,
                    offset(y, (y_start + q * job.y_inner) * job.writes_y),
                    w * job.prefetches_y,
                )
                if job.v_per_row:
                    g = of_rows(v, first + q, False, 1)
                part = (q & 1) * count * w
                x_row, v_row = offset(tile, part), offset(v_tile, part)
                e_row, y_row, dy_row = offset(e_tile, part), x_row, v_row
                if read_directly:
                    x_row = same_as(offset(x, x_start + q * job.x_inner), tile)
                    like = across_max(load_first(x_row, 0, size, splat(tile, -math.inf)), False)
                    if reads_v:
                        v_row = same_as(offset(v, v_start + q * job.v_inner), tile)
                else:
                    start = x_start + q * job.x_inner
                    like = across_max(copy_in(x, start, job.x_axis, x_row, size, -math.inf), False)
                    if reads_v:
                        copy_in(v, v_start + q * job.v_inner, job.v_axis, v_row, size, 0.0)
                if given:
                    e_row = x_row
                if write_directly:
                    if job.writes_y:
                        y_row = same_as(offset(y, y_start + q * job.y_inner), tile)
                    if job.writes_dy:
                        dy_row = same_as(offset(dy, y_start + q * job.y_inner), tile)
                block_memo = offset(memo, (unit * states + q) * STATE_VECTORS * w)
                if phase == MAP:
                    known = recall(block_memo, -here.block * states)
                    like = known.m
                state = fold(x_row, v_row, e_row, like, row, known, given)
                if phase == FOLD:
                    remember(block_memo, state)
                elif reduced:
                    remember_lane(lanes_memo, q, state)
            if q > 0 and phase != FOLD and not reduced:
                finish(*before)
                if not write_directly:
                    start = y_start + (q - 1) * job.y_inner
                    if job.writes_y:
                        copy_out(before[3], y, start, 1, size, job.past != 0)
                    if job.writes_dy:
                        copy_out(before[4], dy, start, 1, size, job.past != 0)
            before = x_row, v_row, e_row, y_row, dy_row, g, state, row
        if reduced and phase != FOLD:
            if job.rows > 1:
                t, rate = temperature(temperatures, first, True, used, job.rows)
            several = Row(w, 1, used, True, phase, job.unit != 0, True, t, rate, x, 0, y, 0)
            finish(tile, tile, tile, tile, v_tile, g, recall(lanes_memo, 0), several)
            copy_out(tile, y, y_start, 1, used, False)
            if job.writes_dy:
                copy_out(v_tile, dy, y_start, 1, used, False)


@inline
def sweep_columns(fold, finish, x, v, y, dy, tile, memo, temperatures, job, phase, lo, hi):
    """Where rows lie side by side: each lane of a vector is a row of its own."""
    w, given, past = lanes(tile), job.given != 0, job.past != 0
    reads_v = job.reads_v != 0 and job.v_per_row == 0
    v_tile, e_tile = offset(tile, job.room), offset(tile, 2 * job.room * job.reads_v)
    if given:
        e_tile = tile
    states = states_of_unit(job, w)
    t, rate = temperature(temperatures, 0, False, 1, job.rows)
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
        for k in range(size):
            line = offset(tile, k * pitch)
            copy_in(x, x_start + k * job.x_axis, job.x_inner, line, used, -math.inf)
            if reads_v:
                line = offset(v_tile, k * pitch)
                copy_in(v, v_start + k * job.v_axis, job.v_inner, line, used, 0.0)
        for q in range(pitch // w):
            several = min(w, used - q * w)
            if job.rows > 1:
                t, rate = temperature(temperatures, first + q * w, True, several, job.rows)
            if job.v_per_row:
                g = of_rows(v, first + q * w, True, several)
            row = Row(
                pitch,
                size,
                size * pitch,
                True,
                phase,
                job.unit != 0,
                job.writes_y != 0,
                t,
                rate,
                offset(x, ahead + q * w * job.x_inner),
                job.x_axis,
                offset(y, (y_start + q * w * job.y_inner) * job.writes_y),
                job.y_axis * job.prefetches_y,
            )
            x_row, v_row, e_row = offset(tile, q * w), offset(v_tile, q * w), offset(e_tile, q * w)
            block_memo = offset(memo, (unit * states + q) * STATE_VECTORS * w)
            if phase == MAP:
                known = recall(block_memo, -here.block * states)
                like = known.m
            else:
                like = row_max(x_row, row)
            state = fold(x_row, v_row, e_row, like, row, known, given)
            if phase == FOLD:
                remember(block_memo, state)
            else:
                finish(x_row, v_row, e_row, x_row, v_row, g, state, row)
        if phase != FOLD:
            for k in range(1 if job.reduced else size):
                start = y_start + k * job.y_axis
                if job.writes_y:
                    copy_out(offset(tile, k * pitch), y, start, job.y_inner, used, past)
                if job.writes_dy:
                    copy_out(offset(v_tile, k * pitch), dy, start, job.y_inner, used, past)


def softmax(x, v, y, dy, tile, memo, t, job, phase, lo, hi):
    fold, finish = kernels.exponentials, kernels.softmax
    sweep(fold, finish, x, v, y, dy, tile, memo, t, job, phase, lo, hi)


def log_softmax(x, v, y, dy, tile, memo, t, job, phase, lo, hi):
    fold, finish = kernels.pair, kernels.log_softmax
    sweep(fold, finish, x, v, y, dy, tile, memo, t, job, phase, lo, hi)


def logsumexp(x, v, y, dy, tile, memo, t, job, phase, lo, hi):
    fold, finish = kernels.sum_alone, kernels.logsumexp
    sweep(fold, finish, x, v, y, dy, tile, memo, t, job, phase, lo, hi)


def softmax_jvp(x, v, y, dy, tile, memo, t, job, phase, lo, hi):
    fold, finish = kernels.boltzmann, kernels.softmax_jvp
    sweep(fold, finish, x, v, y, dy, tile, memo, t, job, phase, lo, hi)


def log_softmax_jvp(x, v, y, dy, tile, memo, t, job, phase, lo, hi):
    fold, finish = kernels.boltzmann_apart, kernels.log_softmax_jvp
    sweep(fold, finish, x, v, y, dy, tile, memo, t, job, phase, lo, hi)


def logsumexp_jvp(x, v, y, dy, tile, memo, t, job, phase, lo, hi):
    fold, finish = kernels.mean, kernels.logsumexp_jvp
    sweep(fold, finish, x, v, y, dy, tile, memo, t, job, phase, lo, hi)


def log_softmax_vjp(x, v, y, dy, tile, memo, t, job, phase, lo, hi):
    fold, finish = kernels.softmax_and_total, kernels.log_softmax_vjp
    sweep(fold, finish, x, v, y, dy, tile, memo, t, job, phase, lo, hi)


def logsumexp_vjp(x, v, y, dy, tile, memo, t, job, phase, lo, hi):
    fold, finish = kernels.exponentials, kernels.logsumexp_vjp
    sweep(fold, finish, x, v, y, dy, tile, memo, t, job, phase, lo, hi)
