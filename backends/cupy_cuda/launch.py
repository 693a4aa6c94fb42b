"""From views of arrays to kernels: what is launched is planned once for arrays of one kind."""

from functools import cache, lru_cache
from threading import get_ident
from typing import Any, NamedTuple

import cupy
import numpy as np

from ..rows import is_bfloat16
from .kernels import kernel
from .regimes import STATE, columns_at_once, of_columns, of_rows

LAYOUT = np.dtype(  # Layout in kernel.cuh
    [("sizes", "i8", 3), ("slices", "i8", 2), ("unit", "i8")]
    + [(array, "i8", 3) for array in ("x", "v", "y", "mask")]
)
_USUAL_SHARED = 48 << 10  # bytes a block
_STATIC_SHARED = 2 << 10  # bytes that a kernel takes for itself, at most

Steps = tuple[int, int, int]  # from number to number along the three axes
NOWHERE: Steps = (0, 0, 0)

_workspaces: dict[tuple[int, int, int], list[Any]] = {}


class Job(NamedTuple):
    """One call of an operation: (outer, n, inner) views; results in C order or None."""

    operation: str
    x: Any
    v: Any  # like x, or with one number a row, or None
    y: Any
    dy: Any
    mask: Any
    classes: Any  # one a row, or None
    lines: Any  # numbers that rows have of their own, or None
    temperatures: Any  # t and its rounding error for each row, or None
    t: tuple[Any, Any]  # for all rows
    tempered: bool
    reduced: bool
    per_row: bool  # v has one number a row
    unit: bool  # t is for the results alone


class Kind(NamedTuple):
    """All that the plan of a job depends on."""

    operation: str
    dtype: np.dtype[Any]
    device: int
    sizes: tuple[int, int, int]
    arrays: int  # that are read entry by entry
    x: Steps
    v: Steps
    mask: Steps | None
    misalignment: int  # the low bits of the addresses of entries
    tempered: bool
    reduced: bool
    unit: bool


class Launch(NamedTuple):
    kernel: Any
    blocks: int
    block: tuple[int, ...]  # threads
    shared: int  # bytes a block


class Plan(NamedTuple):
    launches: tuple[Launch, ...]
    layout: Any
    workspace: int  # bytes


def launch(job: Job) -> None:
    """Run the kernels that the job takes, on the current device and stream."""
    x, v = job.x, job.v
    entries = [x] if v is None or job.per_row else [x, v]
    arrays = len(entries)
    if not job.reduced:
        entries += [a for a in (job.y, job.dy) if a is not None]
    v_steps = NOWHERE if v is None else _steps(v)
    if job.per_row:
        v_steps = v_steps[0], 0, v_steps[2]
    addresses = 0
    for a in entries:
        addresses |= a.data.ptr
    plan = _plan(
        Kind(
            job.operation,
            x.dtype,
            x.device.id,
            x.shape,
            arrays,
            _steps(x),
            v_steps,
            None if job.mask is None else _steps(job.mask),
            addresses & 15,
            job.tempered,
            job.reduced,
            job.unit,
        )
    )
    states = _workspace(plan.workspace) if plan.workspace else None
    arguments = (*job[1:8], job.temperatures, *job.t, states, plan.layout)
    for found, blocks, block, shared in plan.launches:
        found((blocks,), block, arguments, shared_mem=shared)


@lru_cache(1024)
def _plan(kind: Kind) -> Plan:
    outer, n, inner = kind.sizes
    y = (n * inner, inner, 1)
    side_by_side = inner == 1 and abs(kind.x[1]) > abs(kind.x[0])
    if side_by_side:  # in memory, as the rows of a transposed array are: they are columns
        mask = kind.mask and _turned(kind.mask)
        kind = kind._replace(x=_turned(kind.x), v=_turned(kind.v), mask=mask, sizes=(1, n, outer))
        y = (0, 1, n)
    layout = np.zeros((), LAYOUT)
    layout["sizes"], layout["unit"] = kind.sizes, kind.unit
    layout["y"] = NOWHERE if kind.reduced else y
    layout["x"], layout["v"], layout["mask"] = kind.x, kind.v, kind.mask or NOWHERE
    return (_plan_columns if side_by_side or inner > 1 else _plan_rows)(kind, layout)


def _turned(steps: Steps) -> Steps:
    return 0, steps[1], steps[0]


def _plan_rows(kind: Kind, layout: Any) -> Plan:
    outer, n, _ = kind.sizes
    regime = of_rows(
        n,
        kind.dtype.itemsize,
        arrays=kind.arrays,
        reduced=kind.reduced,
        most_shared=_most_shared(kind.device),
    )
    layout["slices"] = regime.slices, regime.slice
    blocks = -(-outer // regime.rows)
    usual = Launch(None, blocks, (regime.threads,), regime.shared)
    return _phases(kind, layout, regime.kernel, regime.macros, usual, outer)


def _plan_columns(kind: Kind, layout: Any) -> Plan:
    outer, n, inner = kind.sizes
    columns = outer * inner
    regime = of_columns(n, columns, kind.dtype.itemsize, width=_width(kind, layout))
    layout["slices"] = regime.slices, regime.slice
    blocks = -(-columns // regime.columns)
    usual = Launch(None, blocks, regime.threads, regime.shared)
    return _phases(kind, layout, "columns", regime.macros, usual, columns)


def _phases(
    kind: Kind,
    layout: Any,
    name: str,
    macros: tuple[tuple[str, int], ...],
    usual: Launch,
    rows: int,
) -> Plan:
    """One launch, or two where rows are cut into slices: the first leaves the sums of each."""
    slices = int(layout["slices"][0])
    more = usual.shared if usual.shared > _USUAL_SHARED else None

    def phase(which: str, blocks: int) -> Launch:
        own = (*_macros(kind), *macros, ("PHASE", which))
        return usual._replace(kernel=kernel(name, own, kind.device, more), blocks=blocks)

    if slices == 1:
        return Plan((phase("WHOLE", usual.blocks),), layout, 0)
    fold = phase("FOLD", usual.blocks * slices)
    finish = phase("MAP", usual.blocks if kind.reduced else usual.blocks * slices)
    return Plan((fold, finish), layout, rows * slices * STATE * max(kind.dtype.itemsize, 4))


def _macros(kind: Kind) -> tuple[tuple[str, Any], ...]:
    options = (("TEMPERED", kind.tempered), ("HIDING", kind.mask is not None))
    chosen = ((option, 1) for option, wanted in options if wanted)
    return (("NUMBER", number(kind.dtype)), ("OPERATION", kind.operation), *chosen)


def number(dtype: np.dtype[Any]) -> str:
    if is_bfloat16(dtype):
        return "softkern::bfloat16"
    return {"float16": "__half", "float32": "float", "float64": "double"}[dtype.name]


def _steps(a: Any) -> Steps:
    size = a.itemsize
    outer, axis, inner = a.strides
    return outer // size, axis // size, inner // size


def _width(kind: Kind, layout: Any) -> int:
    """How many columns side by side every array can be read and written at."""
    if kind.tempered or kind.mask is not None:
        return 1  # for want of registers
    size = kind.dtype.itemsize
    width = columns_at_once(size, kind.arrays)
    for name in ("x", "v")[: kind.arrays] + (() if kind.reduced else ("y",)):
        outer, axis, beside = (int(step) for step in layout[name])
        if beside != 1 or outer % width or axis % width:
            return 1
    return 1 if kind.sizes[2] % width or kind.misalignment % (width * size) else width


@cache
def _most_shared(device: int) -> int:
    """Bytes of shared memory that a block may have for its row on this device."""
    attributes = cupy.cuda.Device(device).attributes
    return int(attributes["MaxSharedMemoryPerBlockOptin"]) - _STATIC_SHARED


def _workspace(size: int) -> Any:
    """Memory for the sums of slices, one for each device, stream and thread.

    Two threads may launch on one stream by turns, between the two launches of a call. It is never
    given back, for a captured graph may hold on to it.
    """
    key = cupy.cuda.runtime.getDevice(), cupy.cuda.get_current_stream().ptr, get_ident()
    kept = _workspaces.setdefault(key, [])
    if not kept or kept[-1].nbytes < size:
        kept.append(cupy.empty(1 << (size - 1).bit_length(), np.uint8))
    return kept[-1]
