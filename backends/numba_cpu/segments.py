"""NumPy arrays cut into segments -> the arrays that kernels run on, and results back."""

from functools import cache
from math import prod
from typing import Any

import numpy as np

from ..rows import result_dtype
from ..segments import OPERATIONS, Operation
from . import segment_launch
from .arrays import ONE, Rows, as_numbers, as_stored, storage_of, temperatures_of
from .layout import ROW_BLOCK
from .threads import threads_for


@cache
def _address(name: str, dtype: np.dtype[Any]) -> int:
    return int(segment_launch.kernel(name, storage_of(dtype)).address)


def on_segments(name: str, x: Any, v: Any, offsets: Any, temperature: Any) -> Any:
    """The results of an operation on every segment; None where there are no kernels for them."""
    operation = OPERATIONS[name]
    dtype = result_dtype([as_numbers(a).dtype for a in (x, v) if a is not None])
    one_a_segment = (len(offsets) - 1, *x.shape[1:])
    temperatures = temperatures_of(temperature, one_a_segment, dtype)
    if x.size == 0 or temperatures is None:
        return None
    rows = Rows(x.shape, (0,), dtype, temperatures, None)
    x = rows.read(x, 0.0)
    lines = np.empty((1, 0), temperatures.dtype)
    if operation.per_row:
        v, lines = None, np.ascontiguousarray(v, temperatures.dtype).reshape(1, -1)
    v = None if v is None else rows.read(v, 0.0)
    shape = one_a_segment if operation.reduced else x.shape
    y, dy = (np.empty(shape if wanted else 0, dtype) for wanted in operation.results)
    arrays = x, x[:0] if v is None else v, y, dy
    columns = prod(x.shape[1:])
    segment_launch.run(
        _address(operation.kernel, dtype),
        tuple(as_stored(a.reshape(-1, columns)) for a in arrays),
        offsets,
        temperatures,
        lines,
        threads_for(x.size),
        reduced=operation.reduced,
        unit=temperatures is ONE.get(temperatures.dtype),
    )
    for k in np.flatnonzero(np.diff(offsets) > ROW_BLOCK):
        _run_alone(operation, rows, k, slice(offsets[k], offsets[k + 1]), (x, v, y, dy), lines)
    results = [a for a, wanted in zip((y, dy), operation.results, strict=True) if wanted]
    return results[0] if len(results) == 1 else tuple(results)


def _run_alone(
    operation: Operation, rows: Rows, k: Any, entries: slice, arrays: Any, lines: Any
) -> None:
    """A segment that is cut into blocks, as a row of its own."""
    x, v, y, dy = arrays
    columns, t = prod(x.shape[1:]), rows.temperatures
    own = slice(k * columns, (k + 1) * columns)
    x, t = x[entries], t[:, own].copy() if t.shape[1] > 1 else t
    results = rows._replace(shape=x.shape, temperatures=t).run(
        operation.kernel,
        x,
        None if v is None else v[entries],
        lines=lines[:, own].copy() if operation.per_row else None,
        reduced=operation.reduced,
        results=operation.results,
    )
    for a, result, wanted in zip((y, dy), results, operation.results, strict=True):
        if wanted and operation.reduced:
            a[k] = result.reshape(a.shape[1:])
        elif wanted:
            a[entries] = result
