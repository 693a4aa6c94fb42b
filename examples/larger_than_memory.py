"""Softmax over rows of a gigabyte, ten of them, by two worker processes with less memory than that.

    python examples/larger_than_memory.py [--gigabytes 10] [--workers 2] [--memory 2GiB]

The rows are cut into blocks, which no worker ever puts together: each block leaves the maximum and the
sum of its part of the row, these merge, and each block becomes probabilities by the sum of its row.
"""

import argparse
import sys
from contextlib import redirect_stdout
from time import perf_counter
from typing import Any

import dask.array as da
import numpy as np
from distributed import Client, LocalCluster, progress

import softkern

ROWS, BLOCKS = 10, 16  # blocks a row


def draw(block_info: Any = None) -> np.ndarray:
    """A block of normal numbers, which depend on its place alone."""
    block = block_info[None]
    random = np.random.default_rng([start for start, _ in block["array-location"]])
    return 3 * random.standard_normal(block["chunk-shape"], dtype=np.float32)


def main() -> None:
    arguments = parser().parse_args()
    columns = int(arguments.gigabytes * 1e9 / 4 / ROWS / BLOCKS)
    meta = np.empty((0, 0), np.float32)
    x = da.map_blocks(draw, chunks=((1,) * ROWS, (columns,) * BLOCKS), dtype=meta.dtype, meta=meta)
    print(f"x: {x.shape} {x.dtype}, {x.nbytes / 1e9:.1f} GB in {x.npartitions} blocks")

    cluster = LocalCluster(
        n_workers=arguments.workers,
        threads_per_worker=1,
        memory_limit=arguments.memory,
        dashboard_address=":0",
    )
    with cluster, Client(cluster) as client:
        y = softkern.softmax(x, axis=1)
        results = y.sum(axis=1), y.max(axis=1), softkern.logsumexp(x, axis=1)
        started = perf_counter()
        futures = client.compute(results)
        with redirect_stdout(sys.stderr):
            progress(futures, notebook=False)
        sums, largest, L = client.gather(futures)
        seconds = perf_counter() - started
    print(f"{arguments.workers} workers of {arguments.memory}: {seconds:.1f} s")
    print(f"sums of probabilities: 1 within {abs(sums - 1).max():.1e}")
    print(f"largest probabilities: {largest.min():.2e} to {largest.max():.2e}")
    print(f"logsumexp: {L.min():.4f} to {L.max():.4f}")


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=10)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--memory", default="2GiB", help="of a worker (default: %(default)s)")
    return parser


if __name__ == "__main__":
    main()
