"""Segments: rows of any length, one behind the other along the first axis, in one or more columns.

Short rows are gathered into the lanes of a vector, in order, whatever lies between them; a long one
has all lanes to itself. Rows beyond ROW_BLOCK are left to the sweeps that cut rows into blocks.
"""

import math

from numba import carray

from . import operations
from .across import max_of_lanes
from .copies import copy_in, copy_out, transpose_in, transpose_out
from .folds import row_max
from .group import Columns, Row
from .job import RATES, set_temperature
from .layout import ROW_BLOCK
from .layout import SHORT_ROW as SHORT
from .memory import load, load_first, load_one, offset, same_as, store, store_one
from .one_by_one import completed
from .own import COTANGENT, own_of
from .row import WHOLE
from .simd import apart, inline, lanes, loop, splat
from .states import state_of


@inline
def sweep(operation, x, v, y, dy, tile, offsets, temperatures, job, lines, lo, hi):
    """Fold and finish the rows of the segments lo..hi."""
    job = carray(job, 1)[0]
    arrays = x, v, y, dy, lines
    rates, tile = tile, offset(tile, RATES * lanes(tile))
    set_temperature(rates, temperatures, 0, False, 1, job.rows)
    sweep_short(operation, arrays, tile, offsets, rates, temperatures, job, lo, hi)
    sweep_long(operation, arrays, tile, offsets, rates, temperatures, job, lo, hi)


@loop
def sweep_short(operation, arrays, tile, offsets, rates, temperatures, job, lo, hi):
    """Each lane of a vector is a row of its own."""
    apart()
    _, _, y, dy, _ = arrays
    w, part = lanes(tile), job.room
    v_tile, e_tile = offset(tile, part), offset(tile, 2 * part)
    x_lines, v_lines = offset(tile, 3 * part), offset(tile, 3 * part + SHORT * w)
    own_t = offset(v_lines, SHORT * w)
    own_g = offset(own_t, 2 * w)
    room = offset(own_g, w)
    reads_v = job.reads_v != 0
    unit, writes_y, writes_dy = job.unit != 0, job.writes_y != 0, job.writes_dy != 0
    zero = splat(tile, 0.0)
    known = state_of(zero, (zero, zero), (zero, zero))
    here = next_short(offsets, lo, 0, hi)
    while here[0] < hi:
        begin = here
        longest, used, here = gather(
            arrays, offsets, temperatures, job, here, hi, x_lines, v_lines, own_t, own_g
        )
        # Whole fours, as a fold takes vectors: so no row's sums depend on the longest one.
        size = (longest + 3) // 4 * 4
        transpose_in(x_lines, 0, SHORT, w, size, tile, w, -math.inf)
        if reads_v:
            transpose_in(v_lines, 0, SHORT, w, size, v_tile, w, 0.0)
        if job.rows > 1:
            set_temperature(rates, own_t, 0, True, used, w)
        row = Columns(1, w, size, size, WHOLE, unit, writes_y, rates, room)
        state = operation.fold(tile, v_tile, e_tile, row_max(tile, row), row, known)
        state = completed(operation, tile, v_tile, e_tile, state, row)
        own = own_of(own_g, 0, w, True, used)
        operation.finish(tile, v_tile, e_tile, tile, v_tile, own, state, row)
        if writes_y:
            scatter(tile, x_lines, size, y, offsets, job, begin, used, hi)
        if writes_dy:
            scatter(v_tile, v_lines, size, dy, offsets, job, begin, used, hi)


@inline
def next_short(offsets, segment, column, hi):
    """The first short row from this one on."""
    while segment < hi and offsets[segment + 1] - offsets[segment] > SHORT:
        segment += 1
    return segment, column


@inline
def short_after(offsets, here, columns, hi):
    segment, column = here
    if column + 1 < columns:
        return segment, column + 1
    return next_short(offsets, segment + 1, 0, hi)


@loop
def gather(arrays, offsets, temperatures, job, here, hi, x_lines, v_lines, own_t, own_g):
    """Copy as many short rows as there are lanes; the longest, how many, and the row after them."""
    apart()
    x, v, _, _, lines = arrays
    w, used, longest = lanes(x_lines), 0, 0
    while used < w and here[0] < hi:
        segment, column = here
        start = offsets[segment]
        size = offsets[segment + 1] - start
        own = segment * job.inner + column
        at = start * job.x_axis + column * job.x_inner
        line_in(x, at, job.x_axis, size, offset(x_lines, used * SHORT), -math.inf)
        if job.all > 0:
            store_one(own_g, used, load_one(lines, COTANGENT * job.all + own))
        if job.reads_v:
            at = start * job.v_axis + column * job.v_inner
            line_in(v, at, job.v_axis, size, offset(v_lines, used * SHORT), 0.0)
        if job.rows > 1:
            store_one(own_t, used, load_one(temperatures, own))
            store_one(own_t, w + used, load_one(temperatures, own + job.rows))
        longest = max(longest, size)
        used += 1
        here = short_after(offsets, here, job.inner, hi)
    return longest, used, here


@inline
def line_in(source, start, stride, length, line, fill):
    """Copy a short row, padded."""
    padding = splat(line, fill)
    for k in range(0, SHORT, lanes(line)):
        if stride == 1:
            store(line, k, load_first(source, start + k, max(length - k, 0), padding))
        else:
            store(line, k, padding)
    if stride != 1:
        for k in range(length):
            store_one(line, k, load_one(source, start + k * stride))


@loop
def scatter(tile, lines, size, out, offsets, job, here, used, hi):
    """The rows' results, from the lanes of the tile to where they belong."""
    apart()
    w, stride = lanes(tile), job.y_axis
    if not job.reduced:
        transpose_out(tile, w, used, size, lines, 0, SHORT)
    for lane in range(used):
        segment, column = here
        if job.reduced:
            store_one(out, segment * job.inner + column, load_one(tile, lane))
        else:
            start = offsets[segment]
            length = offsets[segment + 1] - start
            at = start * stride + column
            copy_out(offset(lines, lane * SHORT), out, at, stride, length, False)
        here = short_after(offsets, here, job.inner, hi)


@loop
def sweep_long(operation, arrays, tile, offsets, rates, temperatures, job, lo, hi):
    """All lanes of a vector belong to one row."""
    apart()
    x, v, y, dy, lines = arrays
    w, part = lanes(tile), job.room
    v_tile, e_tile = offset(tile, part), offset(tile, 2 * part)
    room = offset(tile, 3 * part)
    reads_v = job.reads_v != 0
    unit, writes_y, writes_dy = job.unit != 0, job.writes_y != 0, job.writes_dy != 0
    zero = splat(tile, 0.0)
    known = state_of(zero, (zero, zero), (zero, zero))
    for own in range(lo * job.inner, hi * job.inner):
        segment, column = own, 0
        if job.inner > 1:
            segment, column = own // job.inner, own % job.inner
        start = offsets[segment]
        size = offsets[segment + 1] - start
        if size <= SHORT or size > ROW_BLOCK:
            continue
        x_row, v_row, y_row, dy_row = tile, v_tile, tile, v_tile
        x_start = start * job.x_axis + column * job.x_inner
        v_start = start * job.v_axis + column * job.v_inner
        if job.read_directly:
            x_row = same_as(offset(x, x_start), tile)
            if reads_v:
                v_row = same_as(offset(v, v_start), tile)
        else:
            copy_in(x, x_start, job.x_axis, tile, size, -math.inf)
            if reads_v:
                copy_in(v, v_start, job.v_axis, v_tile, size, 0.0)
        if job.write_directly:
            if writes_y:
                y_row = same_as(offset(y, start), tile)
            if writes_dy:
                dy_row = same_as(offset(dy, start), tile)
        if job.rows > 1:
            set_temperature(rates, temperatures, own, False, 1, job.rows)
        count = (size + w - 1) // w
        whole = size // w
        row = Row(
            0, 1, 0, 0, 0, 0, 0, count, whole, size, WHOLE, unit, writes_y, rates, room, 0, 0, 0
        )
        like = max_of_lanes(load(x_row, 0))
        state = operation.fold(x_row, v_row, e_tile, like, row, known)
        state = completed(operation, x_row, v_row, e_tile, state, row)
        numbers = own_of(lines, own, job.all, False, 1)
        operation.finish(x_row, v_row, e_tile, y_row, dy_row, numbers, state, row)
        if job.reduced:
            if writes_y:
                store_one(y, own, load_one(tile, 0))
            if writes_dy:
                store_one(dy, own, load_one(v_tile, 0))
        elif not job.write_directly:
            at = start * job.y_axis + column
            if writes_y:
                copy_out(y_row, y, at, job.y_axis, size, False)
            if writes_dy:
                copy_out(dy_row, dy, at, job.y_axis, size, False)


def softmax(x, v, y, dy, tile, offsets, t, job, lines, phase, lo, hi):
    sweep(operations.softmax(), x, v, y, dy, tile, offsets, t, job, lines, lo, hi)


def logsumexp(x, v, y, dy, tile, offsets, t, job, lines, phase, lo, hi):
    sweep(operations.logsumexp(), x, v, y, dy, tile, offsets, t, job, lines, lo, hi)


def softmax_jvp(x, v, y, dy, tile, offsets, t, job, lines, phase, lo, hi):
    sweep(operations.softmax_jvp(), x, v, y, dy, tile, offsets, t, job, lines, lo, hi)


def logsumexp_jvp(x, v, y, dy, tile, offsets, t, job, lines, phase, lo, hi):
    sweep(operations.logsumexp_jvp(), x, v, y, dy, tile, offsets, t, job, lines, lo, hi)


def logsumexp_vjp(x, v, y, dy, tile, offsets, t, job, lines, phase, lo, hi):
    sweep(operations.logsumexp_vjp(), x, v, y, dy, tile, offsets, t, job, lines, lo, hi)
