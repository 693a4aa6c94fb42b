"""How near softmax comes to what the machine can do, by the length of its rows.

    python asv_benchmarks/roofline.py [FILE.png]

Two things bound it: the memory, whose speed is that of a copy of the array, past the cache and by all threads
where the cache is too small for it, else by one thread; and the exponentials, whose speed is that of logsumexp
on rows in the first cache. Each is shown as the share of its speed that softmax has, in turns with them.
"""

import argparse
import statistics
from contextlib import ExitStack
from pathlib import Path

from matplotlib import pyplot
from timing.cases import Case
from timing.turns import THREADS, Worker, by_turns

LENGTHS = tuple(4**k for k in range(1, 12))
DTYPES = ("float32", "float64")
BYTES = {"in the cache": 1 << 20, "in memory": 1 << 27}
IN_FIRST_CACHE = (15, 4000)
ROUNDS = 9


def count_of(dtype: str, size: int) -> int:
    """How many numbers so many bytes hold."""
    return size // int(dtype[-2:]) * 8


def shares(dtype: str, size: int, n: int, workers: dict[str, Worker]) -> tuple[float, float]:
    """softmax's share of the speed of a copy, and of the exponentials."""
    count = count_of(dtype, size)
    times = by_turns(Case("softmax", dtype, (count // n, n)), workers, ROUNDS)
    exp = by_turns(
        Case("logsumexp", dtype, IN_FIRST_CACHE), {"softkern": workers["softkern"]}, ROUNDS
    )
    own, copy = (statistics.median(times[name]) for name in ("softkern", "stream"))
    rows, length = IN_FIRST_CACHE
    of_number = statistics.median(exp["softkern"]) / (rows * length)
    threads = THREADS if count >= 1 << 16 else 1
    return copy / own, of_number * count / threads / own


def plot(found: dict[tuple[str, str], list[tuple[int, float, float]]], file: Path) -> None:
    figure, axes = pyplot.subplots(
        1, len(BYTES), figsize=(10, 4), sharey=True, layout="constrained"
    )
    for axis, place in zip(axes, BYTES, strict=True):
        for color, dtype in zip(("C0", "C1"), DTYPES, strict=True):
            lengths, copies, exps = zip(*found[dtype, place], strict=True)
            axis.plot(lengths, copies, f"{color}-o", label=f"{dtype}, of a copy", markersize=4)
            axis.plot(lengths, exps, f"{color}--s", label=f"{dtype}, of exp", markersize=4)
        axis.set(
            xscale="log", xlabel="numbers in a row", title=f"{BYTES[place] >> 20} MiB, {place}"
        )
        axis.axhline(1, color="grey", linewidth=0.8)
        axis.grid(alpha=0.3)
    axes[0].set(ylabel="share of the speed", ylim=(0, None))
    axes[0].legend(fontsize="small")
    figure.savefig(file, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", type=Path, default=Path("roofline.png"))
    file = parser.parse_args().file
    found: dict[tuple[str, str], list[tuple[int, float, float]]] = {}
    with ExitStack() as stack:
        workers = {name: stack.enter_context(Worker(name)) for name in ("softkern", "stream")}
        for dtype in DTYPES:
            for place, size in BYTES.items():
                found[dtype, place] = rows = []
                for n in (n for n in LENGTHS if n <= count_of(dtype, size)):
                    rows.append((n, *shares(dtype, size, n, workers)))
                    print(
                        f"{dtype} {place}, rows of {n}: {rows[-1][1]:.2f} of a copy, {rows[-1][2]:.2f} of exp"
                    )
    plot(found, file)


if __name__ == "__main__":
    main()
