"""``softkern bench``: how fast softkern is beside its peers on this machine."""

import json
import statistics
from collections.abc import Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from .._timing.cases import CASES, GRID, Case
from .._timing.turns import PEERS, ROUNDS, THREADS, Seconds, installed, measure, ratio
from . import InputError, table

GRID_ROUNDS = 5


class Result(NamedTuple):
    """A case, the median seconds of a call by library, and each library's over softkern's."""

    case: Case
    seconds: dict[str, float]
    ratios: dict[str, float]


def bench(words: Sequence[str], grid: bool, as_json: bool, plot: Path | None) -> int:
    named = GRID if grid else CASES
    cases = [case for case in named if all(word in case.label for word in words)]
    if not cases:
        raise InputError(f"no case has {' '.join(words)} in its name, such as {named[0].label}")
    if plot:
        _check_plot(plot)
    measured = measure(cases, GRID_ROUNDS if grid else ROUNDS)
    results = [_result(case, seconds) for case, seconds in _progress(measured, len(cases))]
    if as_json:
        print(json.dumps(_report(results), indent=2))
    else:
        _show(results)
        if grid:
            _sum_up(results)
    if plot:
        _plot(results, plot)
    return 0


def _check_plot(file: Path) -> None:
    """Complain before minutes have gone, not after."""
    if find_spec("matplotlib") is None:
        raise InputError('a plot needs matplotlib: pip install "softkern[cli]"')
    if not file.parent.is_dir():
        raise InputError(f"there is no folder {file.parent} for the plot")


def _progress(
    measured: Iterator[tuple[Case, Seconds]], cases: int
) -> Iterable[tuple[Case, Seconds]]:
    try:
        from tqdm import tqdm
    except ImportError:
        return measured
    bar: Iterable[tuple[Case, Seconds]] = tqdm(measured, total=cases, unit="case", disable=None)
    return bar


def _result(case: Case, seconds: Seconds) -> Result:
    medians = {name: statistics.median(rounds) for name, rounds in seconds.items()}
    own = seconds["softkern"]
    ratios = {name: ratio(rounds, own) for name, rounds in seconds.items() if name != "softkern"}
    return Result(case, medians, ratios)


def _report(results: Sequence[Result]) -> dict[str, object]:
    rows = [{**r.case._asdict(), "seconds": r.seconds, "ratios": r.ratios} for r in results]
    return {"threads": THREADS, "results": rows}


def _show(results: Sequence[Result]) -> None:
    peers = [name for name in installed() if name != "copy"]
    rows = [
        (
            r.case.label,
            _time(r.seconds["softkern"]),
            *(f"{r.ratios[name]:.2f}" if name in r.ratios else "" for name in peers),
            f"{r.ratios['copy']:.0%}",
            f"{r.ratios['stream']:.0%}",
            f"{abs(r.ratios['again'] - 1):.0%}",
        )
        for r in results
    ]
    title = (
        f"A call of softkern, by {THREADS} threads; peers' times over that; "
        "its share of the speed of a copy, and of one by all threads past the cache; "
        "noise, its ratio to itself beyond 1"
    )
    table.show(title, ("case", "softkern", *peers, "of copy", "of stream", "noise"), rows)


def _sum_up(results: Sequence[Result]) -> None:
    """A line for each operation and dtype: its ratios to the best peer of each case."""
    best: dict[str, list[float]] = {}
    for r in results:
        peers = [r.ratios[name] for name in PEERS if name in r.ratios]
        if peers:
            best.setdefault(f"{r.case.operation} {r.case.dtype}", []).append(min(peers))
    rows = [
        (
            name,
            str(len(ratios)),
            f"{statistics.geometric_mean(ratios):.2f}",
            f"{min(ratios):.2f}",
            str(sum(one < 1 for one in ratios)),
        )
        for name, ratios in best.items()
    ]
    columns = ("operation", "cases", "geometric mean", "least", "below 1")
    table.show("The best peer's time over softkern's", columns, rows)


def _time(seconds: float) -> str:
    return f"{seconds * 1e6:.1f} us" if seconds < 1e-3 else f"{seconds * 1e3:.2f} ms"


def _plot(results: Sequence[Result], file: Path) -> None:
    """Draw a line a case and a mark a library."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 1.5 + 0.25 * len(results)), layout="constrained")
    axis = figure.subplots()
    lines = range(len(results))
    for name, mark in zip(installed(), "os^vDx", strict=False):
        ratios = [r.ratios.get(name, float("nan")) for r in results]
        axis.plot(ratios, lines, mark, label=name)
    axis.axvline(1, color="black", label="softkern")
    axis.set(xscale="log", xlabel=f"time over softkern's ({THREADS} threads)")
    axis.set_yticks(lines, [r.case.label for r in results])
    axis.set_ylim(len(results) - 0.5, -0.5)
    axis.grid(alpha=0.3)
    figure.legend(loc="outside upper center", ncols=7)
    figure.savefig(file)
