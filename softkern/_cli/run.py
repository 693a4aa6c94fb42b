"""``softkern run``: an operation on a .npy file."""

import json
import math
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

from . import InputError, stream


def run(arguments: Namespace) -> int:
    target: Path = arguments.output.resolve()
    if not target.parent.is_dir():
        raise InputError(f"{target.parent}: no such folder")
    if target.exists() and not target.is_file():
        raise InputError(f"{target} is not a file, and would be replaced by one")
    if arguments.scheduler and arguments.engine != "dask":
        raise InputError("--scheduler is for --engine dask")
    if arguments.resume and arguments.engine != "here":
        raise InputError("--resume is for --engine here")
    job = stream.plan(arguments.input, arguments.op, arguments.axis, arguments.temperature)

    started, share = perf_counter(), 1.0
    if arguments.engine == "dask":
        from . import cluster

        cluster.execute(job, target, arguments.scheduler)
    else:
        work, size = stream.work(job), job.dtype.itemsize
        with _progress(work * size) as advance:
            before = stream.execute(job, target, lambda n: advance(n * size), arguments.resume)
        share -= before / max(work, 1)
    _report(job, target, perf_counter() - started, share, arguments.json)
    return 0


def _report(job: stream.Job, target: Path, seconds: float, share: float, as_json: bool) -> None:
    read = math.prod(job.shape) * job.dtype.itemsize
    written = math.prod(job.result_shape) * job.result_dtype.itemsize
    speed = share * (read + written) / seconds / 1e9  # of what was left to do
    if as_json:
        summary = {
            "op": job.op,
            "axes": job.axes,
            "temperature": job.temperature,
            "shape": job.shape,
            "dtype": str(job.dtype),
            "output": str(target),
            "output_shape": job.result_shape,
            "output_dtype": str(job.result_dtype),
            "bytes": read + written,
            "seconds": seconds,
            "GB/s": speed,
        }
        print(json.dumps(summary, indent=2))
        return
    print(
        f"{job.op} of {job.shape} {job.dtype} over axes {job.axes}: "
        f"{(read + written) / 1e6:.1f} MB in {seconds:.2f} s, {speed:.2f} GB/s -> {target}"
    )


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], object]]:
    """Give a function to call with the bytes worked on; it draws on a terminal alone."""
    try:
        from tqdm import tqdm
    except ImportError:
        yield _percentage(total)
        return
    with tqdm(total=total, unit="B", unit_scale=True, disable=None) as bar:
        yield bar.update


def _percentage(total: int) -> Callable[[int], None]:
    done = 0

    def advance(n: int) -> None:
        nonlocal done
        done += n
        if sys.stderr.isatty():
            end = "\n" if done == total else ""
            print(f"\r{done / max(total, 1):4.0%}", end=end, file=sys.stderr, flush=True)

    return advance
