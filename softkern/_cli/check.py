"""``softkern check``: whether the promises hold on this machine."""

import json
from collections.abc import Sequence

from . import table
from .accuracy import Measurement, measure, reference
from .edges import Edge, edges


def check(as_json: bool) -> int:
    exact = reference()
    tried, measured = list(edges()), list(measure(exact))
    holds = all(e.holds for e in tried) and all(m.holds for m in measured)
    if as_json:
        report = {
            "holds": holds,
            "reference": exact.name,
            "edges": [edge._asdict() for edge in tried],
            "accuracy": [{**m._asdict(), "holds": m.holds} for m in measured],
        }
        print(json.dumps(report, indent=2))
    else:
        _show_edges(tried)
        _show_accuracy(measured, exact.name)
        print("every promise holds" if holds else "NOT every promise holds")
    return 0 if holds else 1


def _show_edges(tried: Sequence[Edge]) -> None:
    rows = [(e.case, e.got, "yes" if e.holds else f"NO: {e.wanted} is promised") for e in tried]
    table.show("Edge cases", ("case", "result", "holds"), rows)


def _show_accuracy(measured: Sequence[Measurement], exact: str) -> None:
    for dtype in dict.fromkeys(m.dtype for m in measured):
        of_dtype = [m for m in measured if m.dtype == dtype]
        columns = ("row", "operation", *of_dtype[0].ulps, "promised")
        rows = [
            (
                *(m.row, m.op, *(f"{ulps:.2g}" for ulps in m.ulps.values())),
                f"<= {m.limit}" if m.holds else f"<= {m.limit}: NO",
            )
            for m in of_dtype
        ]
        table.show(f"Largest error in {dtype}, in ulp, against {exact}", columns, rows)
