"""Running log-sum-exp of NumPy arrays: from a call to the phases of its kernel."""

from typing import Any

import numpy as np

from .. import array_api
from ..rows import check_out, check_outs, view
from .arrays import Rows, storage_of, takes
from .launch import aligned
from .objects import data_of
from .row import FOLD, MAP, MERGE
from .scan_parts import FOLD_BACK, JOB, KEPT, MERGE_BACK, PLANES, SEGMENT, kernel
from .sharing import Work
from .sharing import run as run_work
from .simd import ALIGNMENT
from .threads import threads_for

LANES = ALIGNMENT // 8  # of float64
_FOLDS = (("logcumsumexp", FOLD), ("logcumsumexp", MERGE))
_PHASES = {
    "logcumsumexp": (*_FOLDS, ("logcumsumexp", MAP)),
    "logcumsumexp_jvp": tuple(("logcumsumexp_jvp", phase) for phase in (FOLD, MERGE, MAP)),
    "logcumsumexp_vjp": (
        *_FOLDS,
        *(("logcumsumexp_vjp", phase) for phase in (FOLD_BACK, MERGE_BACK, MAP)),
    ),
}


def logcumsumexp(x: Any, axis: Any, temperature: Any, out: Any) -> Any:
    rows = Rows.of(axis, temperature, None, x)
    if rows is None:
        return array_api.logcumsumexp(np.asarray(x), axis, temperature, out)
    check_out(out, rows.shape, rows.dtype)
    x = rows.read(x, 0.0)
    y = _room(x, out)
    _run("logcumsumexp", rows, x, None, y, None)
    return rows.write(y, out, 0.0)


def logcumsumexp_jvp(x: Any, v: Any, axis: Any, temperature: Any, out: Any) -> Any:
    rows = Rows.of(axis, temperature, None, x, v)
    if rows is None:
        return array_api.logcumsumexp_jvp(np.asarray(x), v, axis, temperature, out)
    out = check_outs(out, rows.shape, rows.dtype, np.shares_memory)
    x, v = rows.read(x, 0.0), rows.read(v, 0.0)
    y, dy = _room(x, out[0]), _room(v, out[1])
    _run("logcumsumexp_jvp", rows, x, v, y, dy)
    return rows.write(y, out[0], 0.0), rows.write(dy, out[1], 0.0)


def logcumsumexp_vjp(x: Any, g: Any, axis: Any, temperature: Any, out: Any) -> Any:
    rows = Rows.of(axis, temperature, None, x, g)
    if rows is None:
        return array_api.logcumsumexp_vjp(np.asarray(x), g, axis, temperature, out)
    check_out(out, rows.shape, rows.dtype)
    x, g = rows.read(x, 0.0), rows.read(g, 0.0)
    dx = _room(x, out)
    _run("logcumsumexp_vjp", rows, x, g, None, dx)
    return rows.write(dx, out, 0.0)


def _room(x: Any, out: Any) -> Any:
    """Where the kernel writes: `out` if it can, else a new array."""
    return out if out is not None and takes(out, x, x.shape) else np.empty(x.shape, x.dtype)


def _run(name: str, rows: Rows, *given: Any) -> None:
    """Run the phases of an operation on x, v, y and dy, of which some may be None."""
    none = np.empty((0, 0, 0), rows.dtype)
    views = [none if a is None else np.ascontiguousarray(view(a, rows.axes)) for a in given]
    outer, n, inner = views[0].shape
    rows_of_t = rows.temperatures.astype(np.float64).sum(axis=0)
    count, segments = outer * inner, -(-n // SEGMENT)
    job = np.array([(n, inner, count, segments, rows_of_t.size)], JOB)
    groups, units = -(-count // LANES), -(-count * segments // LANES)
    threads = threads_for(views[0].size)
    tile_bytes = (1 + PLANES * min(n, SEGMENT)) * ALIGNMENT
    tiles = np.empty(tile_bytes * threads + ALIGNMENT, np.uint8)
    memo = np.empty(KEPT * count * segments if segments > 1 else 0)
    own = (memo, rows_of_t, job, rows_of_t)
    pointers = (*map(data_of, views), aligned(tiles), *map(data_of, own))
    for operation, phase in _PHASES[name] if segments > 1 else _PHASES[name][-1:]:
        address = kernel(operation, storage_of(rows.dtype))
        share = groups if phase in (MERGE, MERGE_BACK) else units
        work = Work(address, 0, pointers, 1, False, tile_bytes, threads)
        run_work(work, phase, share, views[0].size)
