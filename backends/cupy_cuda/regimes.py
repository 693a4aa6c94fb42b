"""Which kernel takes rows of a length, and how many threads each row is given.

A function of the rows' shape, their dtype and the chip: never of how many rows there are, so that
a row's bits do not depend on its company.
"""

from typing import NamedTuple

CHUNK = 16  # bytes that a thread reads at once
SHORT_ROW = 32  # numbers in a row for which one thread is enough
NUMBERS = (
    16  # that a thread keeps in registers, or twice as many if that saves the row a second read
)
CHUNKS = 4  # sixteen bytes each; likewise
MOST_THREADS = 512  # of a block
WARP = 32
WIDEST = 4  # columns that a thread reads at once, at most
BATCH = 4  # numbers of a column that a thread keeps in registers
MOST_DEEP = 16  # threads of a column
COLUMN_SLICE = 4096  # numbers of a column for one block
STATE = 6  # numbers in the sums of a row: State in state.cuh


class Regime(NamedTuple):
    """How a kernel is compiled and launched for rows of one kind."""

    kernel: str  # its source
    macros: tuple[tuple[str, int], ...]
    threads: int  # of a block
    rows: int  # of a block
    slice: int  # numbers of a row for one block
    slices: int = 1
    shared: int = 0  # bytes a block


def of_rows(n: int, size: int, *, arrays: int, reduced: bool, most_shared: int) -> Regime:
    """The regime of rows of n numbers of `size` bytes that lie behind each other in memory.

    `arrays` of them are read at once; if `reduced`, nothing is written but one number a row.
    """
    computed = max(size, 4)
    if n <= SHORT_ROW:
        threads = 128 if arrays * computed <= 8 else 64
        shared = arrays * threads * (n | 1) * computed
        return Regime("short_rows", (("BLOCK_THREADS", threads),), threads, threads, n, 1, shared)
    chunks = -(-n * size // CHUNK)
    most = min(CHUNKS, NUMBERS * size // CHUNK) // arrays
    if chunks <= 2 * most * MOST_THREADS:
        return _in_registers(n, chunks, most)
    tile = most * MOST_THREADS * CHUNK
    shared = -(-n * size // tile) * tile * arrays
    if shared <= most_shared and not reduced:
        macros = (("BLOCK_THREADS", MOST_THREADS), ("TILE_CHUNKS", most))
        return Regime("shared_rows", macros, MOST_THREADS, 1, n, 1, shared)
    length = tile // size
    regime = _in_registers(length, most * MOST_THREADS, most)
    return regime._replace(slice=length, slices=-(-n // length))


def _in_registers(n: int, chunks: int, most: int) -> Regime:
    """A team of threads for a row of so many chunks, at most two each while a warp is enough."""
    if chunks <= 2 * WARP:
        most = min(most, 2)
    team = 4
    while team * most < chunks and team < MOST_THREADS:
        team *= 2
    if team * most < chunks:
        most *= 2
    threads = team if team > WARP else 4 * WARP
    macros = (("BLOCK_THREADS", threads), ("TEAM_THREADS", team), ("TILE_CHUNKS", most))
    return Regime("rows", macros, threads, threads // team, n)


class ColumnRegime(NamedTuple):
    """How the kernel for columns is compiled and launched."""

    macros: tuple[tuple[str, int], ...]
    threads: tuple[int, int]  # of a block: along the inner axis, and along the columns
    columns: int  # of a block
    slice: int  # numbers of a column for one block
    slices: int
    shared: int  # bytes a block


def columns_at_once(size: int, arrays: int) -> int:
    """How many columns side by side a thread reads at once, where memory allows."""
    return max(min(WIDEST, CHUNK // size) // arrays, 1)


def of_columns(n: int, columns: int, size: int, *, width: int) -> ColumnRegime:
    """The regime of so many columns of n numbers, `width` of them read at once."""
    deep = 1
    while deep * BATCH < n and deep < MOST_DEEP:
        deep *= 2
    lanes = 1
    while lanes * width < columns and lanes < max(WARP, 4 * WARP // deep):
        lanes *= 2
    macros = (
        ("BLOCK_THREADS", WARP * MOST_DEEP),
        ("COLUMN_WIDTH", width),
        ("COLUMN_BATCH", BATCH),
    )
    shared = lanes * deep * width * STATE * max(size, 4)
    slices = -(-n // COLUMN_SLICE)
    return ColumnRegime(macros, (lanes, deep), lanes * width, min(n, COLUMN_SLICE), slices, shared)
