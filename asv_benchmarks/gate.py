"""Compare the speed of two commits; fail where the new one is slower by more than the noise.

Both are installed side by side and timed by turns, the base twice: how far its two processes
differ is the noise. A case that seems slower is measured again, with more rounds, before it
counts.

    python asv_benchmarks/gate.py BASE [NEW] [--short]     NEW is HEAD if not given
"""

import argparse
import math
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table
from timing.cases import CASES, Case
from timing.turns import Worker, by_turns, ratio

SHORT = (
    Case("softmax", "float32", (64, 10)),
    Case("softmax", "float32", (4096, 1000)),
    Case("logsumexp", "float32", (4096, 1000)),
    Case("softmax", "float64", (128, 1000)),
)
ROUNDS = (25, 50, 100)  # of the first look at a case, and of the looks that confirm
LEAST = 0.08  # a change below this is never called a regression


class Verdict(NamedTuple):
    change: float  # time of the new commit over that of the base, the larger of two
    noise: float  # how far two processes of the base lie apart, as a share
    slower: bool


def judge(base: Sequence[float], again: Sequence[float], new: Sequence[float]) -> Verdict:
    """Whether the new commit is slower, from the times of each round."""
    same = [t / other for t, other in zip(again, base, strict=True)]
    middle = statistics.median(same)
    spread = statistics.median(abs(r - middle) for r in same)
    noise = abs(middle - 1) + 3 * spread / len(same) ** 0.5
    least, most = sorted((ratio(new, base), ratio(new, again)))
    return Verdict(most, noise, least > 1 + max(LEAST, 2 * noise))


def look(case: Case, base: Path, new: Path) -> Verdict:
    """The verdict on a case; on one that seems slower, only if every further look agrees.

    Each look is at processes of its own: where a process happens to have its memory can make it
    slower for as long as it lives.
    """
    for rounds in ROUNDS:
        with ExitStack() as stack:
            folders = {"base": base, "again": base, "new": new}
            workers = {
                name: stack.enter_context(Worker("softkern", folder))
                for name, folder in folders.items()
            }
            found = by_turns(case, workers, rounds)
        if "base" not in found:  # which has no such operation
            return Verdict(math.nan, math.nan, False)
        verdict = judge(found["base"], found["again"], found["new"])
        if not verdict.slower:
            break
    return verdict


def install(commit: str, folder: Path) -> Path:
    """Install a commit, without what it depends on, into a folder of its own."""
    source, target = folder / f"{commit}.source", folder / commit
    source.mkdir(parents=True)
    archive = subprocess.run(["git", "archive", commit], check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", source], input=archive, check=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", target]
    subprocess.run([*pip, source], check=True)
    return target


def resolve(name: str) -> str:
    command = ["git", "rev-parse", "--verify", f"{name}^{{commit}}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def compare(base: str, new: str, cases: Sequence[Case]) -> bool:
    """Print the table of all cases; whether one is slower."""
    table = Table("case", "new / base", "noise (A/A)", "")
    with tempfile.TemporaryDirectory() as folder:
        base_folder = install(base, Path(folder) / "base")
        new_folder = install(new, Path(folder) / "new")
        verdicts = [look(case, base_folder, new_folder) for case in cases]
    for case, verdict in zip(cases, verdicts, strict=True):
        word = "SLOWER" if verdict.slower else ""
        table.add_row(case.label, f"{verdict.change:.3f}", f"{verdict.noise:.3f}", word)
    Console(width=100).print(table)
    return any(verdict.slower for verdict in verdicts)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Compare the speed of two commits.")
    parser.add_argument("base")
    parser.add_argument("new", nargs="?", default="HEAD")
    parser.add_argument("--short", action="store_true", help="a few cases only")
    options = parser.parse_args(arguments)
    cases = SHORT if options.short else CASES
    return int(compare(resolve(options.base), resolve(options.new), cases))


if __name__ == "__main__":
    sys.exit(main())
