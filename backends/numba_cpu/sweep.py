"""From memory to tiles and back: the kernel of each operation.

A unit of work is one block of one group; a group is a row, or where the axis is strided as many
neighbouring columns as make a tile, each lane a row of its own.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import carray

from . import kernels
from .folds import (
    FOLD,
    MAP,
    MERGE,
    Row,
    across_max,
    reciprocal,
    row_max,
)
from .memory import copy_in, copy_out, fence, load_first, offset
from .simd import first_lane, inline, lanes, select, splat
from .states import STATE_VECTORS, merge, recall, remember, state_of

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
def sweep(fold, finish, scales, x, v, y, dy, tile, memo, temperatures, job, phase, lo, hi):
    """Fold and finish the rows of the units lo..hi, in the phase MERGE those of the groups lo..hi.

    Where all that is left to do is to scale a row, as `scales` tells, it is done on the way out.
    """
    job = carray(job, 1)[0]
    blocks = job.blocks
    if phase == MERGE:
        lo, hi = lo * blocks, hi * blocks
    w, columns = lanes(tile), job.columns != 0
    given, past = job.given != 0, job.past != 0
    reads_v = job.reads_v != 0 and job.v_per_row == 0
    v_tile, e_tile = offset(tile, job.room), offset(tile, 2 * job.room)
    if columns:  # a line of the tile is one number of each of its rows
        x_line, x_step, x_part = job.x_axis, job.x_inner, w * job.x_inner
        v_line, v_step = job.v_axis, job.v_inner
        y_line, y_step, y_part = job.y_axis, job.y_inner, w * job.y_inner
    else:  # a line is a row
        x_line, x_step, x_part = job.x_inner, job.x_axis, job.x_inner
        v_line, v_step = job.v_inner, job.v_axis
        y_line, y_step, y_part = job.y_inner, job.y_axis, job.y_inner
    target_step = 0
    if job.writes_y and not past and not job.reduced:
        target_step = job.y_axis if columns else w
    states = min(job.width, job.inner)
    if columns:
        states = (states + w - 1) // w
    fill = 0.0 if given else -math.inf
    t, rate = temperature(temperatures, 0, False, 1, job.rows)
    g = splat(tile, 0.0)
    known = state = state_of(g, (g, g), (g, g))
    row = Row(0, 0, columns, phase, job.unit != 0, t, rate, x, 0, y, 0)
    before = tile, v_tile, e_tile, g, state, row
    place = place_of(lo, job)
    for unit in range(lo, hi):
        following = place_after(place, job)
        if place.block > 0 and (phase == MERGE or (phase == MAP and job.reduced)):
            place = following
            continue
        size = min(job.block, job.n - place.block * job.block)
        used = min(job.width, job.inner - place.tile * job.width)
        if columns:
            pitch = (used + w - 1) // w * w
            across, part, step, count = pitch // w, w, pitch, size
        else:
            pitch = (size + w - 1) // w * w
            across, part, step, count = used, pitch, w, pitch // w
        if phase != MERGE:
            x_start = start_of(place, job, job.x_outer, job.x_axis, job.x_inner)
            v_start = start_of(place, job, job.v_outer, job.v_axis, job.v_inner)
            if columns:
                for k in range(size):
                    copy_in(x, x_start + k * x_line, x_step, offset(tile, k * pitch), used, fill)
                if reads_v:
                    for k in range(size):
                        line = offset(v_tile, k * pitch)
                        copy_in(v, v_start + k * v_line, v_step, line, used, 0.0)
        ahead = start_of(following, job, job.x_outer, job.x_axis, job.x_inner)
        target = start_of(place, job, job.y_outer, job.y_axis, job.y_inner)
        at = place.outer * job.inner + place.tile * job.width
        # The map of a row waits until the next row's fold is under way, to hide its latency.
        for q in range(across + 1):
            if q < across:
                here = min(w, used - q * w)
                own = at + (q * w if columns else q)
                if job.rows > 1:
                    t, rate = temperature(temperatures, own, columns, here, job.rows)
                row = Row(
                    step,
                    count,
                    columns,
                    phase,
                    job.unit != 0,
                    t,
                    rate,
                    offset(x, ahead + q * x_part),
                    job.x_axis if columns else w,
                    offset(y, (target + q * y_part) * job.writes_y),
                    target_step,
                )
                if job.v_per_row:
                    g = of_rows(v, own, columns, here)
                x_row, v_row = offset(tile, q * part), offset(v_tile, q * part)
                e_row = offset(e_tile, q * part)
                block_memo = offset(memo, (unit * states + q) * STATE_VECTORS * w)
                row_memo = offset(block_memo, -place.block * states * STATE_VECTORS * w)
                if phase == MERGE:
                    merge(row_memo, blocks, states, row, given)
                else:
                    if columns:
                        m = row_max(x_row, row)
                    else:
                        largest = copy_in(x, x_start + q * x_line, x_step, x_row, size, fill)
                        m = across_max(largest, columns)
                        if reads_v:
                            copy_in(v, v_start + q * v_line, v_step, v_row, size, 0.0)
                    if phase == MAP:
                        known = recall(row_memo, 0)
                        m = known.m
                    state = fold(x_row, v_row, e_row, m, row, known, given)
                    if phase == FOLD:
                        remember(block_memo, state)
            if q > 0 and phase != MERGE and phase != FOLD:
                if columns or not scales:
                    finish(*before)
                if not columns:
                    start, length = target + (q - 1) * y_line, 1 if job.reduced else size
                    scale = reciprocal(before[4].total)
                    if job.writes_y:
                        copy_out(before[0], y, start, y_step, length, past, scale, scales)
                    if job.writes_dy:
                        copy_out(before[1], dy, start, y_step, length, past, scale, False)
            before = x_row, v_row, e_row, g, state, row
        if columns and phase != MERGE and phase != FOLD:
            scale = (g, g)
            for k in range(1 if job.reduced else size):
                start = target + k * y_line
                if job.writes_y:
                    line = offset(tile, k * pitch)
                    copy_out(line, y, start, y_step, used, past, scale, False)
                if job.writes_dy:
                    line = offset(v_tile, k * pitch)
                    copy_out(line, dy, start, y_step, used, past, scale, False)
        place = following
    if past:
        fence()


def softmax(x, v, y, dy, tile, memo, t, job, phase, lo, hi):
    fold, finish = kernels.exponentials, kernels.softmax
    sweep(fold, finish, True, x, v, y, dy, tile, memo, t, job, phase, lo, hi)


def log_softmax(x, v, y, dy, tile, memo, t, job, phase, lo, hi):
    fold, finish = kernels.pair, kernels.log_softmax
    sweep(fold, finish, False, x, v, y, dy, tile, memo, t, job, phase, lo, hi)


def logsumexp(x, v, y, dy, tile, memo, t, job, phase, lo, hi):
    fold, finish = kernels.sum_alone, kernels.logsumexp
    sweep(fold, finish, False, x, v, y, dy, tile, memo, t, job, phase, lo, hi)


def softmax_jvp(x, v, y, dy, tile, memo, t, job, phase, lo, hi):
    fold, finish = kernels.boltzmann, kernels.softmax_jvp
    sweep(fold, finish, False, x, v, y, dy, tile, memo, t, job, phase, lo, hi)


def log_softmax_jvp(x, v, y, dy, tile, memo, t, job, phase, lo, hi):
    fold, finish = kernels.boltzmann_apart, kernels.log_softmax_jvp
    sweep(fold, finish, False, x, v, y, dy, tile, memo, t, job, phase, lo, hi)


def logsumexp_jvp(x, v, y, dy, tile, memo, t, job, phase, lo, hi):
    fold, finish = kernels.mean, kernels.logsumexp_jvp
    sweep(fold, finish, False, x, v, y, dy, tile, memo, t, job, phase, lo, hi)


def log_softmax_vjp(x, v, y, dy, tile, memo, t, job, phase, lo, hi):
    fold, finish = kernels.softmax_and_total, kernels.log_softmax_vjp
    sweep(fold, finish, False, x, v, y, dy, tile, memo, t, job, phase, lo, hi)


def logsumexp_vjp(x, v, y, dy, tile, memo, t, job, phase, lo, hi):
    fold, finish = kernels.exponentials, kernels.logsumexp_vjp
    sweep(fold, finish, False, x, v, y, dy, tile, memo, t, job, phase, lo, hi)
