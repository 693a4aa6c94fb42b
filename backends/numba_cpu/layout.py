"""How arrays are cut into units of work: for Python, and for compiled code that calls kernels."""

from numba.extending import register_jitable

from .job import RATES
from .part import PART
from .row import ROOM, STATE_VECTORS
from .simd import ALIGNMENT
from .slices import AT_ONCE

PAGE = 4096
ROW_BLOCK = 1 << 15  # numbers of a row in a tile; fixed, for it orders the sums
ROWS_AT_ONCE = 256  # vectors of the whole rows that make up a unit of work
ROWS_GIVEN_AT_ONCE = 512  # of those done with one by one, which need not share the first cache
MOST_KEPT = 15500  # vectors of rows that a tile keeps, which then takes less than 1 MB
# Rows up to here, whole vectors, are transposed: their own lanes would stay half empty. With a tangent, which
# would be transposed, too, only up to so many bytes; fewer yet where y is given and little is done to them.
SHORT_ROW, SHORT_WITH_V, SHORT_GIVEN = 48, 256, 40
LONG_ROW = 512  # from here on room in the cache counts more than what each row costs
COLUMN_BLOCK = 1024  # numbers of a column in a tile; fixed likewise
SHORT_VECTORS = 4  # vectors side by side in a tile of transposed rows
COLUMN_VECTORS = 12  # vectors side by side in a tile, at most where columns are long
PARTS_VECTORS = 15  # in all parts of a tile, which then take less than 1 MB
FEWEST_VECTORS, TILES = 4, 16  # but so few that there are as many tiles for threads to share
# How many vectors ahead rows are fetched, of arrays that stay in the cache and of others; fewer where there
# are more arrays to fetch of.
FETCHED, FETCHED_WITH_V = (64, 256), (32, 64)
STAYS_IN_CACHE = 1 << 24  # bytes of all arrays
SETS, LINES_IN_SET = 64, 24  # of the first cache, and what columns may take, twice its lines
TILE_VECTORS = 512  # in a part, where columns are short

both = register_jitable(forceinline=True, **PART)


@both
def parts(whole, size):
    """How many parts of a size make up the whole; most often one, found without a division."""
    return 1 if whole <= size else (whole + size - 1) // size


@both
def are_short(n, size, reads_v, given):
    """Whether rows of n numbers are transposed."""
    if given and size > 2:  # those of 16 bits would have to be copied anyway
        return n * size <= SHORT_GIVEN
    return n <= SHORT_ROW and (not reads_v or n * size <= SHORT_WITH_V)


@both
def lay_out(job, n, inner, columns, vectors, vector):
    """Cut `inner` rows of n numbers, side by side, into tiles of so many vectors and into blocks."""
    job.n, job.inner, job.columns = n, inner, columns
    if columns:
        vectors = min(vectors, parts(inner, vector))
        job.width = vectors * vector
        job.block = min(n, COLUMN_BLOCK)
        job.room = (job.block * vectors + ROOM) * vector
    else:
        at_once = ROWS_AT_ONCE // 2 if job.reads_v else ROWS_AT_ONCE
        if job.given:
            at_once = ROWS_GIVEN_AT_ONCE
        job.width = min(vector, max(1, at_once * vector // n))
        if job.reduced and n <= ROWS_AT_ONCE * vector:
            job.width = vector  # so that one vector holds their results
        job.width = min(job.width, inner)
        job.block = min(n, ROW_BLOCK)
        job.room = (job.width * parts(job.block, vector) + ROOM) * vector
    job.tiles, job.blocks = parts(inner, job.width), parts(n, job.block)


@both
def _stay_in_cache(job, n, size, vector):
    """Whether columns can be read twice, and written, where they lie: few lines, not all in one set."""
    step = job.x_axis
    in_step = (job.reduced or job.y_axis == step) and (not job.reads_v or job.v_axis == step)
    side_by_side = job.x_inner == 1 and (not job.reads_v or job.v_inner == 1)
    needs_room = (job.reads_v and not job.given) or job.labelled or (job.past and not job.reduced)
    if step < vector or needs_room or not (in_step and side_by_side):
        return False
    lines = n * (1 + job.reads_v + (not job.reduced))
    between = step * size
    return lines <= max(1, min(SETS, SETS * 64 // (between & -between))) * LINES_IN_SET


@both
def _vectors_ahead(job, n, size):
    """How many vectors ahead rows are fetched: memory takes longer, the first cache has room for few."""
    arrays = 1 + job.reads_v + (0 if job.reduced else job.writes_y + job.writes_dy)
    near, far = FETCHED_WITH_V if job.reads_v else FETCHED
    return near if arrays * job.all * n * size <= STAYS_IN_CACHE else far


@both
def _tile_can_keep(job, vectors):
    """Whether a tile has room for all blocks of long rows that a thread takes in one phase and in the next."""
    at_once = job.all >= job.threads or job.all * job.n <= AT_ONCE
    return at_once and job.blocks > 1 and not job.reduced and vectors <= MOST_KEPT


@both
def arrange(job, outer, n, inner, size):
    """Fill in how a job is done whose arrays are known.

    Return its groups, the bytes of a tile, and those of the room for the states of blocks.
    """
    job.all = outer * inner
    compute_size = max(4, size)
    vector = ALIGNMENT // compute_size
    # Of x, of v where dy takes its place, of exponentials where they are not given.
    parts_of_tile = 3 - job.given if job.reads_v or job.labelled else 2 if job.writes_dy else 1
    shared = max(FEWEST_VECTORS, outer * parts(inner, vector) // TILES)
    most = min(COLUMN_VECTORS, PARTS_VECTORS // parts_of_tile, shared)
    columns, vectors = True, max(most, TILE_VECTORS // n)
    if inner == 1:
        # Rows lie behind each other; short ones are transposed into a tile of columns.
        outer, inner, vectors = 1, outer, SHORT_VECTORS
        columns = are_short(n, size, job.reads_v, job.given)
        job.x_inner, job.v_inner, job.y_inner = job.x_outer, job.v_outer, job.y_outer
    lay_out(job, n, inner, columns, vectors, vector)
    computed = size == compute_size
    v_apart = not job.reads_v or job.v_axis == 1
    job.read_directly = computed and (
        _stay_in_cache(job, n, size, vector) if columns else job.x_axis == 1 and v_apart
    )
    job.write_directly = computed and not job.reduced and not job.past
    job.ahead = _vectors_ahead(job, n, size)
    job.fetches_results = not (job.reduced or job.past)
    alone = not job.reads_v and not job.labelled
    # The masked end of a short row would be read too soon after it is written.
    whole = n % vector == 0 or n > LONG_ROW
    taken = job.blocks if job.all >= job.threads else parts(job.all * job.blocks, job.threads)
    room = taken * parts(job.block, vector) + ROOM
    in_tile = _tile_can_keep(job, room * parts_of_tile)
    job.keeps = alone and not columns and (job.keeps and whole if job.write_directly else in_tile)
    if job.keeps and not job.write_directly:
        job.room = room * vector
    job.e_part = (parts_of_tile - 1) * job.room
    tile_bytes = parts((job.room * parts_of_tile + RATES * vector) * compute_size, PAGE) * PAGE
    groups, states = outer * job.tiles, parts(job.width, vector) if columns else 1
    memo = 0 if job.blocks == 1 else groups * job.blocks * states * STATE_VECTORS * ALIGNMENT
    return groups, tile_bytes, memo
