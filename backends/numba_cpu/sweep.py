"""What the kernels of `over_rows` and `over_columns` have in common, and the kernel that merges blocks."""

from numba import carray

from . import label_kernels as labels
from .group import Columns
from .job import RATES, set_temperature, states_of_unit
from .memory import fence, offset
from .row import LABEL, MERGE, STATE_VECTORS, WHOLE
from .simd import inline, lanes
from .states import merge

GROUPS_AT_ONCE = 4  # between which labels are seen to


@inline
def sweep(over, operation, arrays, tile, memo, temperatures, job, phase, lo, hi):
    """Fold and finish the rows of the units lo..hi, `over` rows or columns."""
    job = carray(job, 1)[0]
    rates, tile = tile, offset(tile, RATES * lanes(tile))
    set_temperature(rates, temperatures, 0, False, 1, job.rows)
    over(operation, arrays, tile, memo, rates, temperatures, job, phase, lo, hi)
    if job.past:
        fence()


@inline
def sweep_labels(over, operation, arrays, tile, memo, temperatures, job, phase, lo, hi):
    """`sweep`, and what the labels want: of rows that end here soon, while they are in the cache."""
    x, v, y, _, lines = arrays
    step = GROUPS_AT_ONCE if phase == WHOLE else hi - lo
    for first in range(lo, hi, step):
        last = min(hi, first + step)
        if phase != LABEL:
            sweep(over, operation, arrays, tile, memo, temperatures, job, phase, first, last)
        if phase in (LABEL, WHOLE):
            labels.label_rows(x, v, y, lines, temperatures, carray(job, 1)[0], first, last)


def merge_blocks(x, v, y, dy, tile, memo, temperatures, job, lines, phase, lo, hi):
    """Merge the blocks of the rows in the groups lo..hi."""
    job = carray(job, 1)[0]
    w, columns, rates = lanes(memo), job.columns != 0, tile
    states = states_of_unit(job, w)
    set_temperature(rates, temperatures, 0, False, 1, job.rows)
    row = Columns(1, 0, 0, 0, MERGE, job.unit != 0, False, rates, rates)
    for group in range(lo, hi):
        outer, tile = group // job.tiles, group % job.tiles
        for q in range(states):
            if job.rows > 1:
                own = outer * job.inner + tile * job.width + (q * w if columns else q)
                here = min(w, job.inner - tile * job.width - q * w)
                set_temperature(rates, temperatures, own, columns, here, job.rows)
            first = offset(memo, (group * job.blocks * states + q) * STATE_VECTORS * w)
            merge(first, job.blocks, states, row, job.given != 0, job.reads_v != 0)
