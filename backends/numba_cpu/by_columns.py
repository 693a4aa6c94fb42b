"""Rows that lie side by side: each lane of a vector is a row of its own."""

from .copies import (
    columns_in,
    columns_out,
    copy_in,
    copy_out,
    fetch,
    fetch_ends,
    fetch_to_write,
    transpose_in,
    transpose_out,
)
from .folds import row_max
from .group import Columns
from .job import place_after, place_of, set_temperature, start_of, states_of_unit
from .means import SOON_PIVOTED
from .memory import offset, prefetch, same_as
from .one_by_one import completed
from .own import own_of
from .row import FOLD, MAP, ROOM, STATE_VECTORS, WHOLE
from .simd import apart, inline, lanes, loop, splat
from .states import recall, remember, state_of

FETCHED = 1024  # vectors of the following unit, at most; of longer columns so many lines ahead:
LINES_AHEAD = 16
VECTORS_AHEAD = 4  # where columns are read where they lie


@inline
def rows_in(x, start, axis, inner, tile, pitch, used, size, fill, ahead):
    """Copy `used` rows that lie side by side to the tile."""
    if axis == 1 and size > 1:
        transpose_in(x, start, inner, used, size, tile, pitch, fill)
    elif inner == 1:
        columns_in(x, start, axis, used, size, tile, pitch, fill, ahead)
    else:
        for k in range(size):
            copy_in(x, start + k * axis, inner, offset(tile, k * pitch), used, fill)


@inline
def rows_out(tile, pitch, used, size, y, start, axis, inner, past, ahead):
    """Copy them back."""
    if axis == 1 and size > 1:
        transpose_out(tile, pitch, used, size, y, start, inner)
    elif inner == 1 and not past:
        columns_out(tile, pitch, used, size, y, start, axis, ahead)
    else:
        for k in range(size):
            copy_out(offset(tile, k * pitch), y, start + k * axis, inner, used, past)


@inline
def fetch_rows(arrays, job, here, following, first, size):
    """Where rows lie behind each other, fetch some from the unit's row `first` on.

    Those to write are the unit's own, those to read the following one's.
    """
    x, v, y, dy, _ = arrays
    if job.x_axis == 1:
        start = start_of(following, job, job.x_outer, job.x_axis, job.x_inner)
        fetch(x, start + first * job.x_inner, size)
    if job.reads_v and job.v_axis == 1:
        start = start_of(following, job, job.v_outer, job.v_axis, job.v_inner)
        fetch(v, start + first * job.v_inner, size)
    if job.y_axis == 1 and not job.reduced:
        start = start_of(here, job, job.y_outer, job.y_axis, job.y_inner) + first * job.y_inner
        if job.writes_y:
            fetch_to_write(y, start, size)
        if job.writes_dy:
            fetch_to_write(dy, start, size)


@inline
def fetch_lines(x, start, step, size):
    """Ask for the columns that are read soon."""
    for k in range(size):
        prefetch(x, start + k * step + VECTORS_AHEAD * lanes(x))


@loop
def sweep_columns(operation, arrays, tile, memo, rates, temperatures, job, phase, lo, hi):
    """Where rows lie side by side: each lane of a vector is a row of its own."""
    apart()
    x, v, y, dy, lines = arrays
    w, given, past = lanes(tile), job.given != 0, job.past != 0
    with_v = job.reads_v != 0
    v_tile, e_tile = offset(tile, job.room), offset(tile, job.e_part)
    room = offset(tile, job.room - ROOM * w)
    if given:
        e_tile = tile
    states = states_of_unit(job, w)
    zero = splat(tile, 0.0)
    place = place_of(lo, job)
    for unit in range(lo, hi):
        here, place = place, place_after(place, job)
        if here.block > 0 and phase == MAP and job.reduced:
            continue
        size = min(job.block, job.n - here.block * job.block)
        used = min(job.width, job.inner - here.tile * job.width)
        # Whole vectors of columns may be read and written where they lie; `rest` goes by the tile.
        direct = used - used % w if job.read_directly else 0
        rest = used - direct
        pitch = (rest + w - 1) // w * w
        x_start = start_of(here, job, job.x_outer, job.x_axis, job.x_inner)
        v_start = start_of(here, job, job.v_outer, job.v_axis, job.v_inner)
        y_start = start_of(here, job, job.y_outer, job.y_axis, job.y_inner)
        x_ahead = start_of(place, job, job.x_outer, job.x_axis, job.x_inner) - x_start
        v_ahead = start_of(place, job, job.v_outer, job.v_axis, job.v_inner) - v_start
        y_ahead = start_of(place, job, job.y_outer, job.y_axis, job.y_inner) - y_start
        if size * pitch > FETCHED * w:
            x_ahead, v_ahead = LINES_AHEAD * job.x_axis, LINES_AHEAD * job.v_axis
            y_ahead = LINES_AHEAD * job.y_axis
        first = here.outer * job.inner + here.tile * job.width
        if rest > 0:
            # Lanes without a column take zeros, which no operation looks at again.
            start = x_start + direct
            rows_in(x, start, job.x_axis, job.x_inner, tile, pitch, rest, size, 0.0, x_ahead)
            if with_v:
                start = v_start + direct
                rows_in(v, start, job.v_axis, job.v_inner, v_tile, pitch, rest, size, 0.0, v_ahead)
        if past and job.y_inner == 1 and not job.reduced and phase != FOLD:
            if job.writes_y:
                fetch_ends(y, y_start, job.y_axis, size, used)
            if job.writes_dy:
                fetch_ends(dy, y_start, job.y_axis, size, used)
        like = zero
        # `product` sees to few numbers so fast that it takes all vectors that lie side by side at once.
        together = given and phase == WHOLE and size <= SOON_PIVOTED and job.rows == 1
        at = 0
        while at < used:
            end = min(used, at + w)
            if together:
                end = direct if at < direct else used
            several = min(w, used - at)
            if job.rows > 1:
                set_temperature(rates, temperatures, first + at, True, several, job.rows)
            step, x_row, v_row, e_row = (
                pitch,
                offset(tile, at - direct),
                offset(v_tile, at - direct),
                offset(e_tile, at - direct),
            )
            y_row, dy_row = x_row, v_row
            if at < direct:
                step, x_row = job.x_axis, same_as(offset(x, x_start + at), tile)
                if with_v:
                    v_row = same_as(offset(v, v_start + at), tile)
                if not together:
                    fetch_lines(x, x_start + at, step, size)
                    if with_v:
                        fetch_lines(v, v_start + at, step, size)
                if job.writes_y:
                    y_row = e_row = same_as(offset(y, y_start + at), tile)
                if job.writes_dy:
                    dy_row = same_as(offset(dy, y_start + at), tile)
                if given:
                    e_row = x_row
            row = Columns(
                (end - at + w - 1) // w,
                step,
                size,
                size,
                phase,
                job.unit != 0,
                job.writes_y != 0,
                rates,
                room,
            )
            for q in range(at, end, w):
                fetch_rows(arrays, job, here, place, q, size)
            block_memo = offset(memo, (unit * states + at // w) * STATE_VECTORS * w)
            known = state_of(zero, (zero, zero), (zero, zero))
            if phase == MAP:
                first_memo = offset(block_memo, -here.block * states * STATE_VECTORS * w)
                known = recall(first_memo)
                like = known.m
            elif not given:
                like = row_max(x_row, row)  # exponentials may take the place of x
            state = operation.fold(x_row, v_row, e_row, like, row, known)
            state = completed(operation, x_row, v_row, e_row, state, row)
            if phase == FOLD:
                remember(block_memo, state)
            else:
                own = own_of(lines, first + at, job.all, True, several)
                operation.finish(x_row, v_row, e_row, y_row, dy_row, own, state, row)
            at = end
        if phase != FOLD and rest > 0:
            height, start = 1 if job.reduced else size, y_start + direct
            if job.writes_y:
                rows_out(
                    tile, pitch, rest, height, y, start, job.y_axis, job.y_inner, past, y_ahead
                )
            if job.writes_dy:
                rows_out(
                    v_tile, pitch, rest, height, dy, start, job.y_axis, job.y_inner, past, y_ahead
                )
