"""An operation on an array in a file, block by block, in bounded memory.

The array is cut into tiles along the axes that are kept; a tile is read, worked on and written in
one go. A tile still too large has long rows: it is cut along them as well, into pieces, and read
twice. The pieces of a row are themselves a row. Let piece k have the maximum m[k] and the sum
s[k] = sum exp((x - m[k])/t), and let M be the largest m[k]; then with

    c[k] = (m[k] - M)/t + log s[k]

logsumexp is M + t logsumexp(c), and softmax(c)[k] is what the softmax of piece k alone has to be
multiplied by to become the softmax of the row. To log_softmax, log_softmax(c)[k] is added.
"""

import errno
import math
import os
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple
from numpy.lib.format import open_memmap

import softkern

from . import InputError
from .npy import Array, mapped
from .unfinished import Journal, Progress, replacing

BLOCK = 2**23  # elements: 64 MiB of float64
PAGE = 4096  # bytes

Box = tuple[slice, ...]
T = TypeVar("T")


class Job(NamedTuple):
    """An operation on a file, its arguments checked, and what will come of it."""

    source: Path
    op: str
    axes: tuple[int, ...]
    temperature: float
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran_order: bool
    result_dtype: np.dtype[Any]
    result_shape: tuple[int, ...]


def plan(source: Path, op: str, axis: int | tuple[int, ...] | None, temperature: float) -> Job:
    """Look at `source` and check the arguments; raise InputError where they cannot be used."""
    if not source.is_file():
        raise InputError(f"{source}: no such file")
    x = mapped(source)
    if x.dtype.kind not in "biuf":
        raise InputError(f"{source} holds {x.dtype}: convert it to floats or integers first")
    sample = np.zeros((1,) * x.ndim, x.dtype)
    try:
        y = getattr(softkern, op)(sample, axis=axis, temperature=temperature)
    except (TypeError, ValueError) as error:
        raise InputError(str(error)) from error
    ndim = max(x.ndim, 1)  # a 0-d array is a row of one number
    axes = tuple(range(ndim)) if axis is None else normalize_axis_tuple(axis, ndim)
    shape = _kept(x.shape, axes) if op == "logsumexp" else x.shape
    return Job(source, op, axes, temperature, x.dtype, x.shape, np.isfortran(x), y.dtype, shape)


def work(job: Job) -> int:
    """Return how many elements are to be worked on, those read twice counted twice."""
    return sum(_worth(job, pieces) for pieces in _tiles(job))


def execute(job: Job, target: Path, advance: Callable[[int], object], resume: bool) -> int:
    """Write the result to `target`; tell `advance` of every element worked on.

    With `resume` go on where a run was interrupted that had it too; return how many elements that one
    had worked on.
    """
    with np.errstate(all="ignore"), replacing(target, keep=resume) as part:
        journal = Journal(part, _identity(job))
        begun = journal.read() if resume else None
        if begun is None or not _is_begun(part, job):
            journal.delete()
            create(part, job)
            begun = Progress()
        done, before = begun, _worked(job, begun)
        advance(before)
        try:
            for done, size in _steps(job, part, begun):
                advance(size)
                if resume:
                    journal.record(done)
        except BaseException:
            if resume:
                journal.write(done)
            raise
        journal.delete()
    return before


def _identity(job: Job) -> dict[str, str]:
    """What makes the result of a job, and the steps to it."""
    source = job.source.stat()
    file = source.st_ino, source.st_size, source.st_mtime_ns, source.st_ctime_ns
    options = {name: str(value) for name, value in job._asdict().items() if name != "source"}
    steps = f"{BLOCK} {PAGE} {np.dtype(np.longdouble).str}"
    return {"input": str(file), "version": softkern.__version__, "step": steps, **options}


def _is_begun(part: Path, job: Job) -> bool:
    """Whether there is room for the whole result, as `create` makes it."""
    try:
        y = open_memmap(part, mode="r")
    except (OSError, ValueError):
        return False
    return y.shape == job.result_shape and y.dtype == job.result_dtype


def _worked(job: Job, done: Progress) -> int:
    """How many elements have been worked on."""
    tiles = list(islice(_tiles(job), done.tiles + 1))
    begun = tiles[done.tiles] if done.folds else []
    pieces = begun[: len(done.folds)] + begun[: done.mapped]
    return sum(_worth(job, tile) for tile in tiles[: done.tiles]) + sum(map(_size, pieces))


def _worth(job: Job, pieces: list[Box]) -> int:
    """How many elements of a tile are to be worked on."""
    passes = 2 if len(pieces) > 1 and job.op != "logsumexp" else 1
    return passes * sum(map(_size, pieces))


def _steps(job: Job, part: Path, done: Progress) -> Iterator[tuple[Progress, int]]:
    """Do what is not done; after each step yield what is, and the elements worked on in the step."""
    for pieces in islice(_tiles(job), done.tiles, None):
        first, *others = pieces
        if not others:
            _write(part, job, first, _apply(job.op, job, _read(job, first)))
            done = Progress(done.tiles + 1)
            yield done, _size(first)
            continue
        for piece in pieces[len(done.folds) :]:
            done = done._replace(folds=(*done.folds, _fold(job, piece)))
            yield done, _size(piece)
        M, c = _merge(job, done.folds)
        if job.op == "logsumexp":
            _write(part, job, first, _logsumexp(job, M, c))
        else:
            shares = getattr(softkern, job.op)(c, axis=0)
            for piece, share in list(zip(pieces, shares, strict=True))[done.mapped :]:
                _map(job, piece, share, part)
                done = done._replace(mapped=done.mapped + 1)
                yield done, _size(piece)
        done = Progress(done.tiles + 1)
        yield done, 0


def _fold(job: Job, piece: Box) -> Array:
    """Return m and log s of a piece, in extended precision where there is one."""
    x = _read_wide(job, piece)
    m = x.max(axis=job.axes, keepdims=True).astype(np.longdouble)
    # Where x is largest, softmax is 1/s and log_softmax -log s; each is accurate for its own.
    y = _apply("softmax" if job.op == "softmax" else "log_softmax", job, x)
    y = y.max(axis=job.axes, keepdims=True).astype(np.longdouble)
    return np.stack([m, -np.log(y) if job.op == "softmax" else -y])


def _merge(job: Job, folds: Sequence[Array]) -> tuple[Array, Array]:
    """Return M, and c stacked along axis 0."""
    m, log_s = np.stack(folds, axis=1)
    M = m.max(axis=0)
    d = np.where(m == M, 0, (m - M) / job.temperature)
    return M, np.where(m == -np.inf, m, d + log_s)


def _logsumexp(job: Job, M: Array, c: Array) -> Array:
    log_s = softkern.logsumexp(c, axis=0)
    L = M + np.where(log_s == 0, 0, job.temperature * log_s)
    return np.where(np.isinf(M), M, L).squeeze(axis=job.axes)


def _map(job: Job, piece: Box, share: Array, part: Path) -> None:
    nothing, join = (0, np.multiply) if job.op == "softmax" else (-np.inf, np.add)
    y = _apply(job.op, job, _read_wide(job, piece))
    # A piece all of -inf is NaN by itself, but has no share in a row that goes on.
    y = np.where(share == nothing, nothing, join(y, share.astype(y.dtype)))
    _write(part, job, piece, y)


def _apply(op: str, job: Job, x: Array) -> Array:
    return np.asarray(getattr(softkern, op)(x, axis=job.axes, temperature=job.temperature))


def _tiles(job: Job) -> Iterator[list[Box]]:
    """Yield the tiles, each as the list of its pieces: one piece, unless its rows are long."""
    if 0 in job.result_shape:
        return
    order = range(len(job.shape))[:: -1 if job.fortran_order else 1]
    kept = [k for k in order if k not in job.axes]
    reduced = [k for k in order if k in job.axes]
    # Tiles narrower than a page along the fastest axis would each read the whole file.
    least = dict.fromkeys(order[-1:], PAGE // job.dtype.itemsize)
    whole = tuple(slice(0, n) for n in job.shape)
    for tile in _cut(job, whole, kept, least):
        yield list(_cut(job, tile, reduced, least))


def _cut(job: Job, box: Box, axes: Sequence[int], least: dict[int, int]) -> Iterator[Box]:
    """Cut `box` along the first of `axes`, then the next, until the parts are of BLOCK elements."""
    size = max(_size(box), _size(_result_box(job, box)))  # rows without numbers have results
    if size <= BLOCK or not axes:
        yield box
        return
    k, *others = axes
    n = box[k].stop - box[k].start
    step = max(BLOCK * n // size, least.get(k, 1))
    for start in range(box[k].start, box[k].stop, step):
        cut = slice(start, min(start + step, box[k].stop))
        yield from _cut(job, (*box[:k], cut, *box[k + 1 :]), others, least)


def _kept(items: tuple[T, ...], axes: tuple[int, ...]) -> tuple[T, ...]:
    return tuple(item for k, item in enumerate(items) if k not in axes)


def _result_box(job: Job, box: Box) -> Box:
    return _kept(box, job.axes) if job.op == "logsumexp" else box


def _size(box: Box) -> int:
    return math.prod(cut.stop - cut.start for cut in box)


def _read(job: Job, box: Box) -> Array:
    # Mapped anew for each block: pages of a mapping stay in memory for as long as it lives.
    return np.asarray(mapped(job.source)[box])


def _read_wide(job: Job, box: Box) -> Array:
    return _read(job, box).astype(np.result_type(job.dtype, np.float64))


def create(part: Path, job: Job) -> None:
    open_memmap(part, "w+", job.result_dtype, job.result_shape, job.fortran_order)
    if not hasattr(os, "posix_fallocate"):
        return
    # A full disk is an error here; met later, on writing to a mapped page, it kills the process.
    with part.open("r+b") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, part.stat().st_size)
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
                raise


def _write(part: Path, job: Job, box: Box, y: Array) -> None:
    open_memmap(part, mode="r+")[_result_box(job, box)] = y
