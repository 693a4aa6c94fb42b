"""Every benchmark runs, on its smallest case; how fast is no matter here."""

import functools
import math
from pathlib import Path

import benchmarks
import numpy as np
import pytest
from arrays import VALUES
from asv_runner.discovery import disc_benchmarks
from benchmarks import on_gpu, ratios, times
from timing import turns, worker
from timing.cases import CASES, LOSSES
from timing.turns import Worker, by_turns, measure, ratio

BENCHMARKS = {b.name: b for b in disc_benchmarks(str(Path(benchmarks.__file__).parent))}
SMALLEST = {case.operation: case for case in reversed(CASES)}


@pytest.fixture
def smallest(monkeypatch):
    monkeypatch.setattr(ratios, "measure", lambda cases: measured())
    memory = times.peakmem_call.params[0]
    few = {case.label: case for case in SMALLEST.values()}
    monkeypatch.setattr(times, "CASE", {**few, memory: times.CASE[memory]})


@functools.cache
def measured():
    return tuple(measure(SMALLEST.values(), rounds=1))


def run(benchmark, index=0):
    """As asv does, in one process; whether it was skipped, and its result."""
    benchmark.set_cache(benchmark.do_setup_cache())
    benchmark.set_param_idx(index)
    if benchmark.do_setup():
        return True, None
    result = benchmark.do_run()
    benchmark.do_teardown()
    return False, result


@pytest.mark.usefixtures("smallest")
@pytest.mark.parametrize("name", [name for name in BENCHMARKS if not name.startswith("on_gpu")])
def test_it_runs(name):
    beside_a_copy = turns.OTHERS.index("copy")  # which is always there
    skipped, result = run(BENCHMARKS[name], beside_a_copy if name.startswith("ratios") else 0)
    assert not skipped
    numbers = result["samples"] if isinstance(result, dict) else [result]
    assert all(math.isfinite(number) and number > 0 for number in numbers)


def test_those_for_a_gpu_run_on_one(cupy, monkeypatch):
    monkeypatch.setattr(on_gpu, "missing", lambda: None)
    monkeypatch.setattr(on_gpu, "NUMBERS", 2048)
    monkeypatch.setattr(on_gpu, "ROUNDS", 1)
    skipped, result = run(BENCHMARKS["on_gpu.track_bandwidth"])
    assert not skipped
    assert result > 0


def test_those_for_a_gpu_say_why_they_are_skipped(monkeypatch, capsys):
    monkeypatch.setattr(on_gpu, "find_spec", lambda name: None)
    assert run(BENCHMARKS["on_gpu.track_bandwidth"]) == (True, None)
    assert "CuPy is not installed" in capsys.readouterr().out


@pytest.mark.usefixtures("smallest")
def test_a_peer_that_is_not_there_is_skipped(monkeypatch, capsys):
    case = SMALLEST["softmax"]
    found = [(case, {"softkern": [1.0], "copy": [2.0]})]
    monkeypatch.setattr(ratios, "measure", lambda cases: found)
    skipped = [run(BENCHMARKS["ratios.track_softmax"], i)[0] for i in range(len(turns.OTHERS))]
    assert skipped == [name != "copy" for name in turns.OTHERS]
    assert f"scipy is not installed, or has no {case.label}" in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore:`torch.jit.script`:DeprecationWarning")  # torch's own
@pytest.mark.parametrize("peer", turns.installed())
@pytest.mark.parametrize("operation", [*VALUES, "softmax_vjp", "softmax_jvp", *LOSSES])
def test_peers_compute_what_softkern_does(operation, peer):
    """Or a ratio would compare different things."""
    if peer == "copy":
        pytest.skip("a copy computes nothing")
    case = [operation, "float64", (3, 400), -1]
    try:
        theirs = worker.call_of(peer, 1, case)()
    except worker.Unable:
        pytest.skip(f"{peer} has no {operation}")
    own = worker.call_of("softkern", 1, case)()
    np.testing.assert_allclose(plain(own), plain(theirs), rtol=1e-10, atol=1e-13)


def plain(result):
    if isinstance(result, tuple):
        return np.concatenate([plain(each) for each in result])
    return np.asarray(result).ravel()


def test_what_a_library_lacks_is_left_out():
    with Worker("softkern") as own, Worker("scipy") as scipy:
        found = by_turns(SMALLEST["softmax_jvp"], {"softkern": own, "scipy": scipy}, rounds=2)
    assert [*found] == ["softkern"]
    assert len(found["softkern"]) == 2


def test_a_library_that_fails_is_named(capfd):
    with Worker("nonesuch") as broken, pytest.raises(ChildProcessError, match="nonesuch failed"):
        broken.ask(CASES[0])
    assert "KeyError: '_nonesuch'" in capfd.readouterr().err
    assert broken.process.poll() is not None


def test_a_ratio_is_taken_round_by_round():
    assert ratio([1, 20, 3], [2, 40, 3]) == 0.5


def test_the_roofline_is_drawn(monkeypatch, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    import roofline

    for name, value in {
        "LENGTHS": (16, 1 << 12),  # the longer one is longer than the first array
        "BYTES": {"in the cache": 1 << 12, "in memory": 1 << 16},
        "ROUNDS": 1,
    }.items():
        monkeypatch.setattr(roofline, name, value)
    monkeypatch.setattr("sys.argv", ["roofline.py", str(tmp_path / "roofline.png")])
    roofline.main()
    shares = [line.split(": ")[1].split() for line in capsys.readouterr().out.splitlines()]
    assert len(shares) == 6
    assert all(float(copy) > 0 and float(exp) > 0 for copy, *_, exp, _, _ in shares)
    assert (tmp_path / "roofline.png").stat().st_size > 0
