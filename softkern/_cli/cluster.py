"""An operation on an array in a file, by the workers of a Dask cluster, who all see that file."""

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap

import softkern

from . import InputError
from .npy import Array, mapped
from .stream import BLOCK, Job, create
from .unfinished import replacing

try:
    import dask.array as da
    from distributed import Client, progress
except ImportError as error:
    raise InputError('--engine dask needs Dask: pip install "softkern[dask]"') from error


def execute(job: Job, target: Path, scheduler: str | None) -> None:
    """Write the result to `target`, on the cluster at this address or on one of this machine's."""
    with _client(scheduler) as client, replacing(target) as part:
        create(part, job)
        y = getattr(softkern, job.op)(_read(job), axis=job.axes, temperature=job.temperature)
        future = client.compute(_write(y, part).sum())
        if sys.stderr.isatty():
            with redirect_stdout(sys.stderr):  # where Dask's bar would go
                progress(future, notebook=False)
        future.result()


def _read(job: Job) -> Any:
    """The array of the file, in blocks with whole rows if those are not too long."""
    ndim = len(job.shape)
    row = math.prod(job.shape[k] for k in job.axes if k < ndim)
    free = [k for k in range(ndim) if row > BLOCK or k not in job.axes]
    chunks = da.core.normalize_chunks(
        tuple("auto" if k in free and 0 not in job.shape else -1 for k in range(ndim)),
        shape=job.shape,
        limit=BLOCK * job.dtype.itemsize,
        dtype=job.dtype,
    )
    meta = np.empty((0,) * ndim, job.dtype)
    return da.map_blocks(_block, job.source.resolve(), chunks=chunks, dtype=job.dtype, meta=meta)


def _block(source: Path, block_info: Any) -> Array:
    return np.asarray(mapped(source)[_box(block_info[None])])


def _write(y: Any, part: Path) -> Any:
    """An array of one zero a block, which writes that block where it is computed."""
    chunks = tuple((1,) * len(sizes) for sizes in y.chunks)
    return da.map_blocks(_write_block, y, part, chunks=chunks, dtype=int, meta=np.empty((0,), int))


def _write_block(y: Array, part: Path, block_info: Any) -> Array:
    open_memmap(part, mode="r+")[_box(block_info[0])] = y
    return np.zeros((1,) * np.ndim(y), int)


def _box(info: Any) -> tuple[slice, ...]:
    return tuple(slice(start, stop) for start, stop in info["array-location"])


@contextmanager
def _client(scheduler: str | None) -> Iterator[Any]:
    """A client of the cluster, or of one started here for as long as it is used."""
    options: Any = {"address": scheduler} if scheduler else {"dashboard_address": ":0"}
    try:
        # Not as Dask's default, which a client stays even if it is never connected.
        client = Client(**options, set_as_default=False)
    except ValueError as error:  # an address that is none
        raise InputError(f"--scheduler {scheduler}: {error}") from error
    with client:
        yield client
