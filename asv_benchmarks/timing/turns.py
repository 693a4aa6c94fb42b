"""Libraries timed by turns, each in a process of its own.

So their threads do not meddle with each other's, and noise meets all alike: the median of the
rounds' ratios holds to a few per cent where absolute times on a shared machine do not.
"""

import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

from numba import config

from .cases import Case

PEERS = {  # and what must be installed to time them
    "torch": ("torch",),
    "onnxruntime": ("onnx", "onnxruntime"),
    "jax": ("jax",),
    "scipy": ("scipy",),
    "numpy": ("numpy",),
}
OTHERS = (*PEERS, "copy")
ROUNDS = 15
TURN = 0.02  # seconds that one library's turn takes, or one call if that is longer
PAUSE = 0.005  # seconds for a library's threads to stop spinning
THREADS = int(config.NUMBA_NUM_THREADS)

Seconds = dict[str, list[float]]  # of a call, in each round, by library


def installed() -> list[str]:
    """The names of all that can be timed here beside softkern."""
    there = [name for name, needs in PEERS.items() if all(find_spec(need) for need in needs)]
    return [*there, "copy"]


class Worker:
    """A process that times one library; packages in `folder`, if given, come before others."""

    def __init__(self, library: str, folder: Path | None = None) -> None:
        threads = str(THREADS)
        limits = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NPROC")
        own = {} if folder is None else {"PYTHONPATH": str(folder)}
        if library == "stream":  # from 1 MiB on past the cache
            own["GLIBC_TUNABLES"] = "glibc.cpu.x86_non_temporal_threshold=0x100000"
        self.library = library
        self.process = subprocess.Popen(
            [sys.executable, "-P", str(Path(__file__).with_name("worker.py")), library, threads],
            env={**os.environ, **dict.fromkeys(limits, threads), **own},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # an interrupt is for this process, which then stops the others
        )

    def ask(self, request: object) -> float:
        """Seconds for a call; infinity for a case that the library cannot do."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise ChildProcessError(f"{self.library} failed at {request}: see above")
        return float(answer)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self.process:
            self.process.kill()


def by_turns(case: Case, workers: Mapping[str, Worker], rounds: int = ROUNDS) -> Seconds:
    """The seconds of all workers that can do this case."""
    first = {name: worker.ask(case) for name, worker in workers.items()}
    repeats = {name: max(1, round(TURN / t)) for name, t in first.items() if math.isfinite(t)}
    found: Seconds = {name: [] for name in repeats}
    for _ in range(rounds):
        for name, number in repeats.items():
            found[name].append(workers[name].ask(number))
            time.sleep(PAUSE)
    return found


def measure(cases: Iterable[Case], rounds: int = ROUNDS) -> Iterator[tuple[Case, Seconds]]:
    """Each case with the seconds of softkern, all that is installed, a stream, and softkern again."""
    libraries = {name: name for name in ("softkern", *installed(), "stream")}
    libraries["again"] = "softkern"
    with ExitStack() as stack:
        workers = {name: stack.enter_context(Worker(own)) for name, own in libraries.items()}
        for case in cases:
            yield case, by_turns(case, workers, rounds)


def ratio(times: Sequence[float], others: Sequence[float]) -> float:
    """The median of the rounds' ratios."""
    return statistics.median(t / other for t, other in zip(times, others, strict=True))
