"""Print how fast softkern is beside its peers, as ratios taken by turns.

python asv_benchmarks/speed.py [WORD ...]     only cases whose label has all of these words
"""

import statistics
import sys

from cases import CASES
from rich.console import Console
from rich.table import Table
from turns import Worker, by_turns, ratio

LIBRARIES = ("softkern", "torch", "scipy", "copy")
ROUNDS = 15


def main(words: list[str]) -> None:
    workers = {name: Worker(name) for name in LIBRARIES}
    table = Table("case", "softkern", "torch / softkern", "scipy / softkern", "copy / softkern")
    for case in (case for case in CASES if all(word in case.label for word in words)):
        present = dict(workers)
        if case.operation.endswith("vjp"):
            del present["scipy"]
        found = by_turns(case, present, ROUNDS)
        own = found["softkern"]
        ratios = [
            f"{ratio(found[name], own):.2f}" if name in found else "" for name in LIBRARIES[1:]
        ]
        table.add_row(case.label, f"{statistics.median(own) * 1e6:.1f} us", *ratios)
    Console(width=110).print(table)
    for worker in workers.values():
        worker.stop()


if __name__ == "__main__":
    main(sys.argv[1:])
