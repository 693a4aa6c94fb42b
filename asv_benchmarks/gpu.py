"""Print and plot how much of a GPU's memory bandwidth softkern and its peers use, by row length.

Bandwidth is that of the arrays which an operation must read and write once; `copy` is of as many
bytes. Every call works on another buffer than the one before, so that none finds its input in
the L2 cache; times are medians, by events on the device.

    python asv_benchmarks/gpu.py [--operations softmax ...] [--dtypes float32 ...] [--plot FILE]
"""

import argparse
import statistics
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle, product
from typing import Any

import cupy
import numpy as np
import peers_on_gpu as peers
from rich.console import Console
from rich.table import Table

ARRAYS = {  # read and written
    "softmax": 2,
    "log_softmax": 2,
    "logsumexp": 1,
    "softmax_vjp": 3,
    "softmax_jvp": 4,
}
LENGTHS = (8, 32, 100, 256, 1000, 1024, 4096, 8192, 10_000, 32_768, 131_072, 10**6)
MOST_BUFFERS = 50
Call = Callable[[], Any]


def calls(
    make: Callable[..., Call], operation: str, shape: tuple[int, int], dtype: str
) -> Iterator[Call]:
    """The call on one buffer after another, for ever; together they are larger than the cache."""
    cache = cupy.cuda.runtime.getDeviceProperties(0)["l2CacheSize"]
    some = cupy.asarray(np.random.default_rng(0).standard_normal(1 << 16).astype(dtype))
    x = cupy.resize(some, shape)
    buffers = min(2 + 2 * cache // x.nbytes, MOST_BUFFERS)
    return cycle([make(operation, x.copy(), x.copy()) for _ in range(buffers)])


def seconds(following: Iterator[Call], rounds: int) -> float:
    """The median time of a call on the device."""
    for _ in range(3):
        next(following)()
    start, end = cupy.cuda.Event(), cupy.cuda.Event()
    found = []
    for _ in range(rounds):
        call = next(following)
        start.record()
        call()
        end.record()
        end.synchronize()
        found.append(cupy.cuda.get_elapsed_time(start, end) / 1e3)
    return statistics.median(found)


def bandwidths(
    operation: str, dtype: str, lengths: list[int], numbers: int, rounds: int
) -> dict[str, list[float]]:
    """Library -> GB/s for each length, NaN where it cannot do that."""
    makers = {"copy": partial(peers.copy, ARRAYS[operation]), **peers.installed()}
    found: dict[str, list[float]] = {name: [] for name in makers}
    for (name, make), n in product(makers.items(), lengths):
        shape = (max(numbers // n, 1), n)
        moved = ARRAYS[operation] * shape[0] * n * cupy.dtype(dtype).itemsize
        try:
            time = seconds(calls(make, operation, shape, dtype), rounds)
        except peers.Unable:
            time = float("nan")
        found[name].append(moved / time / 1e9)
    return found


def show(title: str, lengths: list[int], found: dict[str, list[float]]) -> None:
    table = Table("columns", *(f"{name} GB/s" for name in found), "of copy", title=title)
    for i, n in enumerate(lengths):
        share = found["softkern"][i] / found["copy"][i]
        table.add_row(f"{n}", *(f"{speeds[i]:.0f}" for speeds in found.values()), f"{share:.0%}")
    Console(width=120).print(table)


def plot(
    file: str, lengths: list[int], every: dict[str, dict[str, list[float]]], across: int
) -> None:
    from matplotlib.figure import Figure

    down = len(every) // across
    figure = Figure(figsize=(5 * across, 3.5 * down), layout="constrained")
    axes = figure.subplots(down, across, squeeze=False).ravel()
    for axis, (title, found) in zip(axes, every.items(), strict=True):
        for name, speeds in found.items():
            axis.plot(lengths, speeds, marker=".", label=name)
        axis.set(title=title, xscale="log", xlabel="numbers in a row", ylabel="GB/s")
        axis.set_ylim(bottom=0)
    axes[0].legend()
    figure.savefig(file)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="GPU bandwidth by row length.")
    parser.add_argument("--operations", nargs="+", default=list(ARRAYS), choices=ARRAYS)
    parser.add_argument("--dtypes", nargs="+", default=["float16", "float32", "float64"])
    parser.add_argument("--lengths", nargs="+", type=int, default=list(LENGTHS))
    parser.add_argument("--numbers", type=int, default=1 << 26, help="in an array")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--plot", default="gpu.png", metavar="FILE")
    options = parser.parse_args(arguments)
    every = {}
    for operation, dtype in product(options.operations, options.dtypes):
        title = f"{operation} {dtype}"
        found = bandwidths(operation, dtype, options.lengths, options.numbers, options.rounds)
        show(title, options.lengths, found)
        every[title] = found
    plot(options.plot, options.lengths, every, across=len(options.dtypes))


if __name__ == "__main__":
    main()
