"""CuPy arrays cut into segments -> the kernel for rows of any length, and results back."""

from typing import Any

import cupy
import numpy as np

from ..rows import check_numbers, is_bfloat16, result_dtype
from ..segments import OPERATIONS, Operation
from .arrays import FLOATS, Rows
from .kernels import kernel
from .launch import LAYOUT, number

BATCH = 4  # numbers of a row that a thread keeps in registers
TEAMS = ((32, 8), (1024, 32))  # the longest rows for a team, and its threads
LARGEST_TEAM = 256
BLOCK = 128  # threads, or one team
KERNELS = {
    "softmax": "Softmax",
    "softmax_jvp": "SoftmaxJvp",
    "logsumexp": "LogSumExp",
    "logsumexp_jvp": "LogSumExpJvp",
    "logsumexp_vjp": "LogSumExpVjp",
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
        macros = macros_of(KERNELS[operation.kernel], number(rows.dtype), team, rows.tempered)
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
