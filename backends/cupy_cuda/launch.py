"""From views of arrays to kernels: regime, layout, arguments, launches."""

from functools import cache
from typing import Any, NamedTuple

import cupy
import numpy as np

from ..rows import is_bfloat16
from .kernels import kernel
from .regimes import STATE, of_columns, of_rows

LAYOUT = np.dtype(  # Layout in kernel.cuh
    [("sizes", "i8", 3), ("slices", "i8", 2), ("unit", "i8")]
    + [(array, "i8", 3) for array in ("x", "v", "y", "mask")]
)
NONE = (0, 0, 0)
_USUAL_SHARED = 48 << 10  # bytes a block
_STATIC_SHARED = 2 << 10  # bytes that a kernel takes for itself, at most
MOST_WIDTH = 4  # numbers side by side that a thread for columns reads at once

_workspaces: dict[tuple[int, int], list[Any]] = {}


class Job(NamedTuple):
    """One call of an operation: (outer, n, inner) views; results in C order or None."""

    operation: str
    x: Any
    v: Any  # like x, or one number a row, or None
    y: Any
    dy: Any
    mask: Any
    temperatures: Any  # t and its rounding error for each row, or None
    t: tuple[Any, Any]  # for all rows
    tempered: bool
    reduced: bool
    unit: bool  # t is for the results alone

    @property
    def reads_v(self) -> bool:
        return self.v is not None and self.v.ndim == 3


def launch(job: Job) -> None:
    """Run the kernels that the job takes, on the current device and stream."""
    steps = {name: _steps(getattr(job, name)) for name in ("x", "v", "mask")}
    outer, n, inner = job.x.shape
    y_steps = NONE if job.reduced else (n * inner, inner, 1)
    if inner == 1 and outer > 1 and abs(steps["x"][1]) > abs(steps["x"][0]):
        # Rows side by side in memory, such as those of a transposed array, are columns.
        outer, inner = 1, outer
        steps = {name: (0, axis, beside) for name, (beside, axis, _) in steps.items()}
        y_steps = NONE if job.reduced else (0, 1, n)
    layout = np.zeros((), LAYOUT)
    layout["sizes"], layout["unit"] = (outer, n, inner), job.unit
    layout["y"] = y_steps
    for name, step in steps.items():
        layout[name] = step
    if inner == 1:
        _launch_rows(job, layout, outer, n)
    else:
        _launch_columns(job, layout, outer, n, inner)


def _launch_rows(job: Job, layout: Any, outer: int, n: int) -> None:
    regime = of_rows(
        n,
        job.x.itemsize,
        arrays=1 + job.reads_v,
        reduced=job.reduced,
        most_shared=_most_shared(job.x.device.id),
    )
    layout["slices"] = regime.slices, regime.slice
    _phases(
        job,
        layout,
        regime.kernel,
        regime.macros,
        block=(regime.threads,),
        blocks=-(-outer // regime.rows),
        rows=outer,
        shared=regime.shared,
    )


def _launch_columns(job: Job, layout: Any, outer: int, n: int, inner: int) -> None:
    width = _width(job, layout, inner)
    regime = of_columns(n, inner, job.x.itemsize, width=width)
    layout["slices"] = regime.slices, regime.slice
    _phases(
        job,
        layout,
        "columns",
        regime.macros,
        block=regime.threads,
        blocks=outer * -(-inner // regime.columns),
        rows=outer * inner,
        shared=regime.shared,
    )


def _phases(
    job: Job,
    layout: Any,
    name: str,
    macros: tuple[tuple[str, int], ...],
    *,
    block: tuple[int, ...],
    blocks: int,
    rows: int,
    shared: int,
) -> None:
    """One launch, or two where rows are cut into slices: the first leaves the sums of each."""
    slices = int(layout["slices"][0])
    states = None if slices == 1 else _workspace(rows * slices * STATE * job.t[0].dtype.itemsize)
    arguments = (job.x, job.v, job.y, job.dy, job.mask, job.temperatures, *job.t, states, layout)
    for phase in ("WHOLE",) if slices == 1 else ("FOLD", "MAP"):
        merged = slices > 1 and phase == "MAP" and job.reduced
        more = shared if shared > _USUAL_SHARED else None
        found = kernel(name, (*_macros(job), *macros, ("PHASE", phase)), job.x.device.id, more)
        found((blocks * (1 if merged else slices),), block, arguments, shared_mem=shared)


def _macros(job: Job) -> tuple[tuple[str, Any], ...]:
    number = _number(job.x.dtype)
    options = (("TEMPERED", job.tempered), ("HIDING", job.mask is not None))
    chosen = ((option, 1) for option, wanted in options if wanted)
    return (("NUMBER", number), ("OPERATION", job.operation), *chosen)


@cache
def _number(dtype: np.dtype[Any]) -> str:
    if is_bfloat16(dtype):
        return "softkern::bfloat16"
    return {"float16": "__half", "float32": "float", "float64": "double"}[dtype.name]


def _steps(a: Any) -> tuple[int, ...]:
    """The strides of a 3-d array, in numbers."""
    if a is None or a.ndim != 3:
        return NONE
    return tuple(stride // a.itemsize for stride in a.strides)


def _width(job: Job, layout: Any, inner: int) -> int:
    """How many columns side by side every array can be read and written at."""
    if job.tempered or job.mask is not None:
        return 1  # for want of registers
    width = max(min(MOST_WIDTH, 16 // job.x.itemsize) // (1 + job.reads_v), 1)
    arrays = [("x", job.x)]
    if job.reads_v:
        arrays.append(("v", job.v))
    if not job.reduced:
        arrays += [("y", a) for a in (job.y, job.dy) if a is not None]
    for name, a in arrays:
        outer, axis, beside = (int(step) for step in layout[name])
        fits = beside == 1 and outer % width == 0 and axis % width == 0 and inner % width == 0
        if not fits or a.data.ptr % (width * a.itemsize):
            return 1
    return width


@cache
def _most_shared(device: int) -> int:
    """Bytes of shared memory that a block may have for its row on this device."""
    attributes = cupy.cuda.Device(device).attributes
    return int(attributes["MaxSharedMemoryPerBlockOptin"]) - _STATIC_SHARED


def _workspace(size: int) -> Any:
    """Memory for the sums of slices, one for each device and stream.

    It is never given back, for a captured graph may hold on to it.
    """
    key = cupy.cuda.runtime.getDevice(), cupy.cuda.get_current_stream().ptr
    kept = _workspaces.setdefault(key, [])
    if not kept or kept[-1].nbytes < size:
        kept.append(cupy.empty(1 << (size - 1).bit_length(), np.uint8))
    return kept[-1]
