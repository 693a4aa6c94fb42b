"""A row's vectors by four, which keeps more of a core busy than one after the other."""

from numba.extending import overload

from .group import Columns, step_of
from .memory import load, store
from .part import PART
from .row import read, write
from .simd import inline, splat


def fours(row):
    """How many vectors are read by four: a row's last three, too; chosen by type, see below."""


def read_four(x, k, row, fill):
    """Vectors k to k + 3 of a row, `fill` beyond its end; chosen by type, see below."""


def write_four(y, k, row, values):
    """Write them, as far as the row goes; chosen by type, see below."""


@overload(fours, jit_options={"forceinline": True, **PART})
def _fours(row):
    if row.instance_class is Columns:
        return lambda row: row.count - row.count % 4
    return lambda row: row.count if row.count % 4 == 3 else row.count - row.count % 4


@overload(read_four, jit_options={"forceinline": True, **PART})
def _read_four(x, k, row, fill):
    if row.instance_class is Columns:
        return lambda x, k, row, fill: _load_four(x, k, row)
    return _read_four_of_row


def _read_four_of_row(x, k, row, fill):
    if k + 4 <= row.whole:
        return _load_four(x, k, row)
    return (
        _read_any(x, k, row, fill),
        _read_any(x, k + 1, row, fill),
        _read_any(x, k + 2, row, fill),
        _read_any(x, k + 3, row, fill),
    )


@inline
def _load_four(x, k, row):
    step = step_of(row, x)
    i = k * step
    return load(x, i), load(x, i + step), load(x, i + 2 * step), load(x, i + 3 * step)


@inline
def _read_any(x, k, row, fill):
    return read(x, k, row, fill) if k < row.count else splat(x, fill)


@overload(write_four, jit_options={"forceinline": True, **PART})
def _write_four(y, k, row, values):
    if row.instance_class is Columns:
        return lambda y, k, row, values: _store_four(y, k, row, values)
    return _write_four_of_row


def _write_four_of_row(y, k, row, values):
    if k + 4 <= row.whole:
        _store_four(y, k, row, values)
        return
    a, b, c, d = values
    write(y, k, row, a)
    if k + 1 < row.count:
        write(y, k + 1, row, b)
    if k + 2 < row.count:
        write(y, k + 2, row, c)
    if k + 3 < row.count:
        write(y, k + 3, row, d)


@inline
def _store_four(y, k, row, values):
    a, b, c, d = values
    step = step_of(row, y)
    i = k * step
    store(y, i, a)
    store(y, i + step, b)
    store(y, i + 2 * step, c)
    store(y, i + 3 * step, d)
