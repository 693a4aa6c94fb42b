"""CuPy arrays cut into segments -> the kernel for rows of any length, and results back."""

from typing import Any, NamedTuple

import cupy
import numpy as np

from ..rows import check_numbers, is_bfloat16, result_dtype
from .arrays import FLOATS, Rows
from .kernels import kernel
from .launch import LAYOUT, number

BATCH = 4  # numbers of a row that a thread keeps in registers
TEAMS = ((32, 8), (1024, 32))  # the longest rows for a team, and its threads
LARGEST_TEAM = 256
BLOCK = 128  # threads, or one team


class Operation(NamedTuple):
    """What the kernel is asked for."""

    operation: str
    results: tuple[bool, bool]
    reduced: bool = False  # they have one number a segment
    per_row: bool = False  # so has v


OPERATIONS = {
    "softmax": Operation("Softmax", (True, False)),
    "softmax_jvp": Operation("SoftmaxJvp", (True, True)),
    "softmax_vjp": Operation("SoftmaxJvp", (False, True)),
    "logsumexp": Operation("LogSumExp", (True, False), reduced=True),
    "logsumexp_jvp": Operation("LogSumExpJvp", (True, True), reduced=True),
    "logsumexp_vjp": Operation("LogSumExpVjp", (True, False), per_row=True),
}


def on_segments(name: str, x: Any, v: Any, offsets: Any, temperature: Any) -> Any:
    """The results of an operation on every segment; None where there is no kernel for them."""
    operation = OPERATIONS[name]
    numbers = [a for a in (x, v) if a is not None]
    for a in numbers:
        check_numbers(a.dtype)
    dtype = result_dtype([a.dtype for a in numbers])
    if not x.size or not (dtype in FLOATS or is_bfloat16(dtype)):
        return None
    one_a_segment = (len(offsets) - 1, *x.shape[1:])
    with x.device:
        if not isinstance(temperature, (int, float)):
            temperature = cupy.broadcast_to(cupy.asarray(temperature), one_a_segment)
        rows = Rows(x.shape, (0,), dtype, temperature, None)
        x = rows.read(x)
        if v is not None:
            v = cupy.ascontiguousarray(v, dtype) if operation.per_row else rows.read(v)
        shape = one_a_segment if operation.reduced else x.shape
        y, dy = (cupy.empty(shape, dtype) if wanted else None for wanted in operation.results)
        _launch(operation, rows, x, v, y, dy, offsets)
    return y if dy is None else dy if y is None else (y, dy)


def _launch(operation: Operation, rows: Rows, x: Any, v: Any, y: Any, dy: Any, cuts: Any) -> None:
    """A launch for the members of each class of lengths."""
    temperatures, t = rows.temperatures()
    x = x.reshape(len(x), -1)
    layout = np.zeros((), LAYOUT)
    layout["x"], layout["y"] = _steps(x), (0, x.shape[1], 1)
    if v is not None:
        v = v.reshape(len(v), -1)
        layout["v"] = _steps(v)
    offsets = cupy.asarray(cuts)
    for team, members in _classes(np.diff(cuts)):
        layout["sizes"] = len(cuts) - 1, len(members), x.shape[1]
        threads = max(team, BLOCK)
        macros = macros_of(operation.operation, number(rows.dtype), team, rows.tempered)
        blocks = -(-len(members) * x.shape[1] // (threads // team))
        arguments = x, v, y, dy, offsets, cupy.asarray(members), temperatures, *t, layout
        kernel("segments", macros, x.device.id, None)((blocks,), (threads,), arguments)


def macros_of(operation: str, number: str, team: int, tempered: bool) -> tuple[Any, ...]:
    """How the kernel is compiled for teams of so many threads."""
    numbers = ("NUMBER", number), ("OPERATION", operation)
    shape = ("BLOCK_THREADS", max(team, BLOCK)), ("TEAM_THREADS", team), ("BATCH", BATCH)
    return (*numbers, *((("TEMPERED", 1),) if tempered else ()), *shape, ("PHASE", "WHOLE"))


def _classes(lengths: Any) -> list[tuple[int, Any]]:
    """The threads of a team, and the segments that are for such teams: by their lengths alone."""
    shorter, found = -1, []
    for longest, team in (*TEAMS, (np.iinfo(np.int64).max, LARGEST_TEAM)):
        found.append((team, np.flatnonzero((lengths > shorter) & (lengths <= longest))))
        shorter = longest
    return [(team, members) for team, members in found if len(members)]


def _steps(a: Any) -> tuple[int, int, int]:
    axis, inner = a.strides
    return 0, axis // a.itemsize, inner // a.itemsize
