"""Print how fast softkern is beside its peers, as ratios taken by turns.

Every library runs in a process of its own, so that its threads do not meddle with another's; they
are timed in turn, round after round, and the median of the rounds' ratios is printed: that holds
to a few per cent where absolute times on a shared machine do not.

    python asv_benchmarks/speed.py [WORD ...]     only cases whose label has all of these words
"""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from cases import CASES, Case
from rich.console import Console
from rich.table import Table

LIBRARIES = ("softkern", "torch", "scipy", "copy")
ROUNDS = 15
TURN = 0.02  # seconds that one library's turn takes, or one call if that is longer


class Worker:
    """A process that times one library."""

    def __init__(self, library: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("cases.py")), library],
            env={**os.environ, "NUMBA_NUM_THREADS": "2", "OMP_NUM_THREADS": "2"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, request: object) -> float:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())


def measure(case: Case, workers: dict[str, Worker]) -> dict[str, list[float]]:
    """Library -> its seconds for a call, one for each round."""
    present = {
        name: worker
        for name, worker in workers.items()
        if name != "scipy" or not case.operation.endswith("vjp")
    }
    repeats = {name: max(1, round(TURN / worker.ask(case))) for name, worker in present.items()}
    found: dict[str, list[float]] = {name: [] for name in present}
    for _ in range(ROUNDS):
        for name, worker in present.items():
            found[name].append(worker.ask(repeats[name]))
            time.sleep(0.005)  # for its threads to stop spinning
    return found


def main(words: list[str]) -> None:
    workers = {name: Worker(name) for name in LIBRARIES}
    table = Table("case", "softkern", "torch / softkern", "scipy / softkern", "copy / softkern")
    for case in (case for case in CASES if all(word in case.label for word in words)):
        found = measure(case, workers)
        own = found["softkern"]
        ratios = [
            f"{statistics.median(t / s for t, s in zip(found[name], own, strict=True)):.2f}"
            if name in found
            else ""
            for name in LIBRARIES[1:]
        ]
        table.add_row(case.label, f"{statistics.median(own) * 1e6:.1f} us", *ratios)
    Console(width=110).print(table)
    for worker in workers.values():
        worker.process.kill()


if __name__ == "__main__":
    main(sys.argv[1:])
