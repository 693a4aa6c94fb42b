"""The kernel of each operation: its fold, what completes it, and its map, over units of work."""

from numba import carray

from . import label_kernels as labels
from . import operations
from .by_columns import sweep_columns
from .by_rows import sweep_rows
from .job import RATES, set_temperature, states_of_unit
from .memory import fence, offset
from .row import LABEL, MERGE, WHOLE, Row
from .simd import inline, lanes
from .states import STATE_VECTORS, merge

GROUPS_AT_ONCE = 4  # between which labels are seen to


@inline
def sweep(operation, x, v, y, dy, tile, memo, temperatures, job, lines, phase, lo, hi):
    """Fold and finish the rows of the units lo..hi, in the phase MERGE those of the groups lo..hi."""
    job = carray(job, 1)[0]
    arrays = x, v, y, dy, lines
    rates, tile = tile, offset(tile, RATES * lanes(tile))
    set_temperature(rates, temperatures, 0, False, 1, job.rows)
    if phase == MERGE:
        merge_blocks(memo, rates, temperatures, job, lo, hi)
    elif job.columns:
        sweep_columns(operation, arrays, tile, memo, rates, temperatures, job, phase, lo, hi)
    else:
        sweep_rows(operation, arrays, tile, memo, rates, temperatures, job, phase, lo, hi)
    if job.past:
        fence()


@inline
def sweep_labels(operation, x, v, y, dy, tile, memo, temperatures, job, lines, phase, lo, hi):
    """`sweep`, and what the labels want: of rows that end here soon, while they are in the cache."""
    step = GROUPS_AT_ONCE if phase == WHOLE else hi - lo
    for first in range(lo, hi, step):
        last = min(hi, first + step)
        if phase != LABEL:
            sweep(operation, x, v, y, dy, tile, memo, temperatures, job, lines, phase, first, last)
        if phase in (LABEL, WHOLE):
            labels.label_rows(x, v, y, lines, temperatures, carray(job, 1)[0], first, last)


@inline
def merge_blocks(memo, rates, temperatures, job, lo, hi):
    """Merge the blocks of the rows in the groups lo..hi."""
    w, columns = lanes(memo), job.columns != 0
    states = states_of_unit(job, w)
    row = Row(0, 0, 0, 0, columns, MERGE, job.unit != 0, False, rates, 0, 0)
    for group in range(lo, hi):
        outer, tile = group // job.tiles, group % job.tiles
        for q in range(states):
            if job.rows > 1:
                own = outer * job.inner + tile * job.width + (q * w if columns else q)
                here = min(w, job.inner - tile * job.width - q * w)
                set_temperature(rates, temperatures, own, columns, here, job.rows)
            first = offset(memo, (group * job.blocks * states + q) * STATE_VECTORS * w)
            merge(first, job.blocks, states, row, job.given != 0, job.reads_v != 0)


def softmax(x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi):
    sweep(operations.softmax(), x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi)


def log_softmax(x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi):
    sweep(operations.log_softmax(), x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi)


def logsumexp(x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi):
    sweep(operations.logsumexp(), x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi)


def partial_logsumexp(x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi):
    sweep(operations.partial_logsumexp(), x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi)


def softmax_jvp(x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi):
    sweep(operations.softmax_jvp(), x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi)


def log_softmax_jvp(x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi):
    sweep(operations.log_softmax_jvp(), x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi)


def logsumexp_jvp(x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi):
    sweep(operations.logsumexp_jvp(), x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi)


def log_softmax_vjp(x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi):
    sweep(operations.log_softmax_vjp(), x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi)


def logsumexp_vjp(x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi):
    sweep(operations.logsumexp_vjp(), x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi)


def cross_entropy_of_class(x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi):
    sweep_labels(
        operations.cross_entropy_of_class(), x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi
    )


def cross_entropy_of_all(x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi):
    sweep_labels(
        operations.cross_entropy_of_all(), x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi
    )
