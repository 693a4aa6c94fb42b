"""The kernels of running log-sum-exp: rows cut into segments, one in each lane of a vector.

The segments of a long row are first folded each for itself; what comes before a segment (or after it,
for a cotangent) is merged from these folds, and from there it is mapped.
"""

import math
from functools import cache

import numpy as np
from numba import carray, from_dtype, types

from .caching import cfunc
from .elementary import add_pairs, multiply_pairs
from .folds import reciprocal
from .memory import load, load_first, load_one, offset, store_first, store_one
from .row import FOLD, MAP, MERGE
from .scan import LOWEST, State, nothing, scan, scan_back, weighted, weights
from .simd import apart, inline, lanes, loop, splat

SEGMENT = 1024  # numbers; fixed, for it orders the sums
STRIP = 32  # numbers of a segment that are copied before its neighbour's
PLANES = 4  # of a tile, each with a number of every lane's segment
KEPT = 7  # numbers that the memo keeps of a segment: m, s, p and r
FOLD_BACK, MERGE_BACK = 4, 5  # further phases

JOB = np.dtype(
    [
        (name, np.intp)
        for name in (
            "n",  # numbers in a row
            "inner",  # rows side by side
            "rows",
            "segments",  # of a row
            "temperatures",  # one a row, or 1 for all
        )
    ]
)


@inline
def place_of(number, job):
    """Where the segment of this number begins, and how many numbers it has.

    Segments are numbered across the rows: neighbours lie at the same depth of neighbouring rows.
    """
    depth, row = number // job.rows, number % job.rows
    first = depth * SEGMENT
    outer, column = row // job.inner, row % job.inner
    length = min(SEGMENT, job.n - first) if depth < job.segments else 0
    return (outer * job.n + first) * job.inner + column, length


@loop
def read_segments(x, tile, unit, count, fill, job):
    """Copy a unit's segments to the lanes of a tile, with `fill` behind the short ones."""
    apart()
    w = lanes(tile)
    for strip in range(0, count, STRIP):
        for lane in range(w):
            start, length = place_of(unit * w + lane, job)
            end = min(strip + STRIP, count)
            for j in range(strip, min(end, length)):
                store_one(tile, j * w + lane, load_one(x, start + j * job.inner))
            for j in range(max(strip, length), end):
                store_one(tile, j * w + lane, fill)


@loop
def write_segments(y, tile, unit, count, job):
    apart()
    w = lanes(tile)
    for strip in range(0, count, STRIP):
        for lane in range(w):
            start, length = place_of(unit * w + lane, job)
            for j in range(strip, min(strip + STRIP, length)):
                store_one(y, start + j * job.inner, load_one(tile, j * w + lane))


@inline
def rates_of(lane_temperatures, temperatures, first, job):
    """t and 1/t, a pair, of as many rows as there are lanes, from the row `first` on."""
    for lane in range(lanes(lane_temperatures)):
        row = (first + lane) % job.rows if job.temperatures > 1 else 0
        store_one(lane_temperatures, lane, load_one(temperatures, row))
    t = load(lane_temperatures, 0)
    return t, reciprocal((t, splat(t, 0.0)))


@inline
def recall(memo, k, at, count, job):
    """The lanes of the memo's plane k from the segment `at` on."""
    start = k * job.rows * job.segments + at
    return load_first(memo, start, count, splat(memo, 0.0))


@inline
def recall_pair(memo, k, at, count, job):
    return recall(memo, k, at, count, job), recall(memo, k + 1, at, count, job)


@inline
def remember_pair(memo, k, at, count, pair, job):
    plane = job.rows * job.segments
    store_first(memo, k * plane + at, count, pair[0])
    store_first(memo, (k + 1) * plane + at, count, pair[1])


@inline
def recall_state(memo, at, count, job):
    s, p = recall_pair(memo, 1, at, count, job), recall_pair(memo, 3, at, count, job)
    return State(recall(memo, 0, at, count, job), s, p)


@inline
def remember_state(memo, at, count, state, job):
    store_first(memo, at, count, state.m)
    remember_pair(memo, 1, at, count, state.s, job)
    remember_pair(memo, 3, at, count, state.p, job)


@loop
def merge(memo, first, count, rate, job):
    """Put what comes before each segment in the place of what the segment leaves."""
    apart()
    before = nothing(rate[0])
    for at in range(first, first + job.segments * job.rows, job.rows):
        own = recall_state(memo, at, count, job)
        remember_state(memo, at, count, before, job)
        m, a, b = weights(before.m, own.m, rate)
        before = State(m, weighted(before.s, a, own.s, b), weighted(before.p, a, own.p, b))


@loop
def merge_back(memo, first, count, rate, job):
    """Put the r that comes after each segment in the place of what it would be from zero."""
    apart()
    after, m_after = nothing(rate[0]).s, splat(rate[0], LOWEST)
    for at in range(first + (job.segments - 1) * job.rows, first - 1, -job.rows):
        own, m = recall_pair(memo, 5, at, count, job), recall(memo, 0, at, count, job)
        remember_pair(memo, 5, at, count, after, job)
        _, share, _ = weights(m, m_after, rate)
        after, m_after = add_pairs(own, multiply_pairs(after, share)), m


@inline
def merge_rows(memo, tile, temperatures, job, phase, lo, hi):
    for unit in range(lo, hi):
        first = unit * lanes(tile)
        _, rate = rates_of(tile, temperatures, first, job)
        count = min(lanes(tile), job.rows - first)
        if phase == MERGE:
            merge(memo, first, count, rate, job)
        else:
            merge_back(memo, first, count, rate, job)


@inline
def sweep(x, v, y, dy, tile, memo, temperatures, job, phase, lo, hi, tangents):
    """Values, and tangents if there are any: of the units lo..hi in this phase."""
    job = carray(job, 1)[0]
    w = lanes(tile)
    count = min(job.n, SEGMENT)
    rows, tangent_rows = offset(tile, w), offset(tile, w + count * w)
    if phase == MERGE:
        merge_rows(memo, tile, temperatures, job, phase, lo, hi)
        return
    for unit in range(lo, hi):
        first = unit * w
        rates = rates_of(tile, temperatures, first, job)
        here = min(w, job.rows * job.segments - first)
        read_segments(x, rows, unit, count, -math.inf, job)
        if tangents:
            read_segments(v, tangent_rows, unit, count, 0.0, job)
        state = nothing(rates[0])
        if phase == MAP and job.segments > 1:
            state = recall_state(memo, first, here, job)
        state = scan(rows, tangent_rows, count, state, rates, tangents, phase == MAP)
        if phase == FOLD:
            remember_state(memo, first, here, state, job)
        else:
            write_segments(y, rows, unit, count, job)
            if tangents:
                write_segments(dy, tangent_rows, unit, count, job)


def logcumsumexp(x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi):
    sweep(x, v, y, dy, tile, memo, t, job, phase, lo, hi, False)


def logcumsumexp_jvp(x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi):
    sweep(x, v, y, dy, tile, memo, t, job, phase, lo, hi, True)


def logcumsumexp_vjp(x, g, y, dx, tile, memo, t, job, lines, phase, lo, hi):
    """Its cotangents; the folds before it are those of `logcumsumexp`."""
    job = carray(job, 1)[0]
    w = lanes(tile)
    count = min(job.n, SEGMENT)
    rows, plane = offset(tile, w), count * w
    g_rows, a_error, b = offset(rows, plane), offset(rows, 2 * plane), offset(rows, 3 * plane)
    if phase == MERGE_BACK:
        merge_rows(memo, tile, t, job, phase, lo, hi)
        return
    for unit in range(lo, hi):
        first = unit * w
        rates = rates_of(tile, t, first, job)
        here = min(w, job.rows * job.segments - first)
        read_segments(x, rows, unit, count, -math.inf, job)
        read_segments(g, g_rows, unit, count, 0.0, job)
        state = nothing(rates[0])
        r = state.s
        if job.segments > 1:
            state = recall_state(memo, first, here, job)
        if phase == MAP and job.segments > 1:
            r = recall_pair(memo, 5, first, here, job)
        r = scan_back(rows, g_rows, a_error, b, count, state, r, rates)
        if phase == FOLD_BACK:
            remember_pair(memo, 5, first, here, r, job)
        else:
            write_segments(dx, g_rows, unit, count, job)


KERNELS = {f.__name__: f for f in (logcumsumexp, logcumsumexp_jvp, logcumsumexp_vjp)}


@cache
def kernel(name: str, storage: types.Type) -> int:
    """The address of the compiled kernel of an operation for one kind of number."""
    numbers, computed = types.CPointer(storage), types.CPointer(types.float64)
    job = types.CPointer(from_dtype(JOB))
    signature = types.void(
        *(numbers,) * 4, *(computed,) * 3, job, computed, types.intp, types.intp, types.intp
    )
    return cfunc(signature, error_model="numpy")(KERNELS[name]).address
