"""Libraries timed by turns, each in a process of its own.

So their threads do not meddle with each other's, and noise meets all alike: the median of the
rounds' ratios holds to a few per cent where absolute times on a shared machine do not.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from cases import Case

TURN = 0.02  # seconds that one library's turn takes, or one call if that is longer
PAUSE = 0.005  # seconds for a library's threads to stop spinning


class Worker:
    """A process that times one library; packages in `folder`, if given, come before others."""

    def __init__(self, library: str, folder: Path | None = None) -> None:
        own = {} if folder is None else {"PYTHONPATH": str(folder)}
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("cases.py")), library],
            env={**os.environ, "NUMBA_NUM_THREADS": "2", "OMP_NUM_THREADS": "2", **own},
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

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


def by_turns(case: Case, workers: Mapping[str, Worker], rounds: int) -> dict[str, list[float]]:
    """Name of a worker -> its seconds for a call, one for each round."""
    repeats = {name: max(1, round(TURN / worker.ask(case))) for name, worker in workers.items()}
    found: dict[str, list[float]] = {name: [] for name in workers}
    for _ in range(rounds):
        for name, worker in workers.items():
            found[name].append(worker.ask(repeats[name]))
            time.sleep(PAUSE)
    return found


def ratio(times: Sequence[float], others: Sequence[float]) -> float:
    """The median of the rounds' ratios."""
    return statistics.median(t / other for t, other in zip(times, others, strict=True))
