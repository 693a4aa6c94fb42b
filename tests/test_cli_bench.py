"""``softkern bench``: that it measures what is asked and shows it; how fast is no matter here."""

import json

import pytest
from timing.cases import CASES, GRID
from timing.turns import installed

from softkern.__main__ import main
from softkern._cli import bench

SMALL = ["softmax", "(8,)"]


@pytest.fixture
def one_round(monkeypatch):
    measure = bench.measure
    monkeypatch.setattr(bench, "measure", lambda cases, rounds: measure(cases, rounds=1))


@pytest.mark.usefixtures("one_round")
class TestBench:
    def test_table(self, capsys):
        assert main(["bench", *SMALL]) == 0
        out = capsys.readouterr().out
        head, row = (line for line in out.splitlines() if "softmax" in line or "case" in line)
        assert head.split() == [
            "case",
            "softkern",
            *installed()[:-1],
            "of",
            "copy",
            "of",
            "stream",
            "noise",
        ]
        assert row.split()[:3] == ["softmax", "float64", "(8,)"]
        assert row.rstrip().endswith("%")

    def test_json_and_plot(self, capsys, tmp_path):
        plot = tmp_path / "speed.png"
        assert main(["bench", *SMALL, "--json", "--plot", str(plot)]) == 0
        report = json.loads(capsys.readouterr().out)
        assert report["threads"] >= 1
        (result,) = report["results"]
        assert {*result["seconds"]} == {"softkern", "again", "stream", *installed()}
        for name, ratio in result["ratios"].items():
            expected = result["seconds"][name] / result["seconds"]["softkern"]
            assert ratio == pytest.approx(expected)
        assert plot.read_bytes().startswith(b"\x89PNG")

    def test_grid(self, capsys):
        assert main(["bench", "--grid", "softmax float", "(1, 100)"]) == 0
        _, summary = capsys.readouterr().out.split("The best peer's time over softkern's")
        lines = [line.split() for line in summary.splitlines()]
        for operation in ("softmax", "log_softmax"):
            (line,) = (line for line in lines if line[:2] == [operation, "float32"])
            cases, mean, least, below = line[2:]
            assert (cases, mean) == ("1", least)
            assert below == str(int(float(least) < 1))

    @pytest.mark.usefixtures("bare")
    def test_bare(self, capsys):
        assert main(["bench", *SMALL]) == 0
        assert "softmax float64 (8,)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nonesuch"], "no case has nonesuch in its name"),
        (["--plot", "nonesuch/speed.png"], "there is no folder nonesuch for the plot"),
    ],
)
def test_what_cannot_be_done_is_said_at_once(arguments, message, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["bench", *arguments])
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_a_plot_without_matplotlib(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(bench, "find_spec", lambda name: None)
    with pytest.raises(SystemExit):
        main(["bench", "--plot", str(tmp_path / "speed.png")])
    assert 'pip install "softkern[cli]"' in capsys.readouterr().err


@pytest.mark.parametrize("cases", [CASES, GRID])
def test_the_cases_are_told_apart(cases):
    assert len({case.label for case in cases}) == len(cases)
