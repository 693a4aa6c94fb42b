"""The command line: ``softkern run``, ``info`` and ``check``."""

import json
import os
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

import softkern
from softkern.__main__ import main
from softkern._cli import accuracy, edges, stream

OPS = ("softmax", "log_softmax", "logsumexp")
DTYPES = ("float16", "float32", "float64", ">f4", ">i2", "uint8", "bool")
# For each shape, axes that leave short rows, and axes whose rows are longer than a block of 50.
LAYOUTS = [
    ((), None),
    ((40,), 0),
    ((300,), 0),
    ((30, 7), 0),
    ((30, 7), 1),
    ((30, 7), None),
    ((4, 300), 1),
    ((300, 4), 0),
    ((5, 6, 80), 2),
    ((5, 80, 6), 1),
    ((80, 5, 6), 0),
    ((9, 5, 9), (0, 2)),
    ((3, 0), 1),
    ((0, 3), 1),
]


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "BLOCK", 50)
    monkeypatch.setattr(stream, "PAGE", 16)


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without rich and tqdm."""
    for name in {"rich", "tqdm", *sys.modules}:
        if name.partition(".")[0] in ("rich", "tqdm"):
            monkeypatch.setitem(sys.modules, name, None)


def run(source: Path, target: Path, op: str, axis: object, *options: str) -> np.ndarray:
    text = str(axis).lower().strip("()").replace(" ", "")
    assert (
        main(["run", str(source), "-o", str(target), "--op", op, f"--axis={text}", *options]) == 0
    )
    return np.load(target)


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def numbers(shape: Sequence[int], dtype: str, scale: float = 1) -> np.ndarray:
    x = np.random.default_rng(0).normal(scale=scale, size=shape)
    return np.asarray(np.abs(x) if np.dtype(dtype).kind in "bu" else x).astype(dtype)


def ulps(y: np.ndarray, truth: np.ndarray) -> float:
    return float((np.abs(y - truth) / np.spacing(np.abs(truth).astype(y.dtype))).max())


extended = pytest.mark.skipif(
    np.finfo(np.longdouble).eps == np.finfo(np.float64).eps,
    reason="numpy.longdouble is float64 on this machine: nothing more accurate to compare with",
)


@pytest.mark.usefixtures("small_blocks")
class TestRun:
    @pytest.mark.parametrize("op", OPS)
    @pytest.mark.parametrize("order", ["C", "F"])
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize(("shape", "axis"), LAYOUTS)
    def test_equals_the_operation_in_memory(self, tmp_path, shape, axis, dtype, order, op):
        x = np.asarray(numbers(shape, dtype), order=order)
        np.save(tmp_path / "x.npy", x)
        y = run(tmp_path / "x.npy", tmp_path / "y.npy", op, axis, "--temperature=0.5")
        wanted = np.asarray(getattr(softkern, op)(x, axis=axis, temperature=0.5))
        assert y.dtype == wanted.dtype
        eps = np.finfo(y.dtype).eps
        np.testing.assert_allclose(y, wanted, rtol=32 * eps, atol=4 * eps)

    @pytest.mark.parametrize("temperature", [1.0, 0.0, np.inf])
    @pytest.mark.parametrize("op", OPS)
    @pytest.mark.parametrize("axis", [0, 1])
    def test_keeps_the_promises_on_infinities_in_long_rows(self, tmp_path, axis, op, temperature):
        x = numbers((12, 300), "float64")
        x[0] = -np.inf
        x[1, :100] = x[2, 200:] = x[3, 1:] = x[4, :299] = -np.inf
        x[5, 0] = x[6, 299] = x[7, 60:80] = np.inf
        x[8, 0] = x[9, 299] = x[0:1, 5] = np.nan
        x[10, [3, 290]] = 9
        x = x if axis == 1 else x.T
        np.save(tmp_path / "x.npy", x)
        y = run(tmp_path / "x.npy", tmp_path / "y.npy", op, axis, f"--temperature={temperature}")
        wanted = getattr(softkern, op)(x, axis=axis, temperature=temperature)
        np.testing.assert_allclose(y, wanted, rtol=1e-14)

    @extended
    @pytest.mark.parametrize(
        ("op", "limit"), [("softmax", 6), ("log_softmax", 3), ("logsumexp", 1)]
    )
    def test_is_accurate_on_long_rows(self, tmp_path, op, limit):
        x = np.sort(1e6 - 600 * np.random.default_rng(0).random(5000))
        np.save(tmp_path / "x.npy", x)
        y = run(tmp_path / "x.npy", tmp_path / "y.npy", op, 0)
        d = x.astype(np.longdouble) - x.max()
        log_s = np.log(np.exp(d).sum())
        truth = {
            "softmax": np.exp(d - log_s),
            "log_softmax": d - log_s,
            "logsumexp": x.max() + log_s,
        }
        assert ulps(y, truth[op]) <= limit

    @extended
    def test_is_accurate_where_one_entry_dominates_a_long_row(self, tmp_path):
        x = np.zeros(500)
        x[120] = 60
        np.save(tmp_path / "x.npy", x)
        z = run(tmp_path / "x.npy", tmp_path / "y.npy", "log_softmax", 0)
        assert z[120] == pytest.approx(-499 * np.exp(-60.0), rel=1e-14)

    def test_may_replace_its_input(self, tmp_path):
        x = numbers((40, 30), "float64")
        np.save(tmp_path / "x.npy", x)
        y = run(tmp_path / "x.npy", tmp_path / "x.npy", "softmax", None)
        np.testing.assert_allclose(y, softkern.softmax(x), rtol=1e-14)
        assert names(tmp_path) == ["x.npy"]

    def test_follows_a_link_to_the_output(self, tmp_path):
        np.save(tmp_path / "x.npy", np.zeros(3))
        (tmp_path / "link.npy").symlink_to(tmp_path / "y.npy")
        run(tmp_path / "x.npy", tmp_path / "link.npy", "softmax", 0)
        assert (tmp_path / "link.npy").is_symlink()
        assert (tmp_path / "y.npy").is_file()

    @extended
    @pytest.mark.parametrize("dtype", ["float16", "float32"])
    @pytest.mark.parametrize("op", OPS)
    def test_rounds_once_in_long_rows(self, tmp_path, op, dtype):
        x = numbers((3000,), dtype)
        np.save(tmp_path / "x.npy", x)
        y = run(tmp_path / "x.npy", tmp_path / "y.npy", op, 0)
        assert ulps(y, getattr(softkern, op)(x.astype(np.longdouble))) < 0.501

    @pytest.mark.parametrize("order", ["C", "F"])
    @pytest.mark.parametrize(
        ("op", "axis", "passes"), [("softmax", 0, 1), ("softmax", 1, 2), ("logsumexp", 1, 1)]
    )
    def test_reads_short_rows_once_and_long_rows_twice(
        self, tmp_path, monkeypatch, op, axis, passes, order
    ):
        x = np.zeros((5, 300))
        np.save(tmp_path / "x.npy", np.asarray(x, order=order))
        blocks = []
        read = stream._read
        monkeypatch.setattr(stream, "_read", lambda *a: blocks.append(read(*a)) or blocks[-1])
        run(tmp_path / "x.npy", tmp_path / "y.npy", op, axis)
        assert sum(block.size for block in blocks) == passes * x.size
        assert max(block.size for block in blocks) <= stream.BLOCK

    @pytest.mark.parametrize("axis", [0, None])
    def test_reads_and_writes_a_file_in_its_own_order(self, tmp_path, monkeypatch, axis):
        x = np.asfortranarray(numbers((25, 40), "float64"))
        np.save(tmp_path / "x.npy", x)
        blocks = []
        read = stream._read
        monkeypatch.setattr(stream, "_read", lambda *a: blocks.append(read(*a)) or blocks[-1])
        y = run(tmp_path / "x.npy", tmp_path / "y.npy", "softmax", axis)
        assert y.flags.f_contiguous
        assert len(blocks) > 10
        assert all(block.flags.f_contiguous for block in blocks)

    def test_reports_as_json(self, tmp_path, capsys):
        np.save(tmp_path / "x.npy", np.zeros((4, 300), np.float32))
        run(tmp_path / "x.npy", tmp_path / "y.npy", "logsumexp", -1, "--json")
        report = json.loads(capsys.readouterr().out)
        assert report.pop("seconds") > 0
        assert report.pop("GB/s") > 0
        assert report == {
            "op": "logsumexp",
            "axes": [1],
            "temperature": 1.0,
            "shape": [4, 300],
            "dtype": "float32",
            "output": str(tmp_path / "y.npy"),
            "output_shape": [4],
            "output_dtype": "float32",
            "bytes": 4 * 300 * 4 + 4 * 4,
        }

    @pytest.mark.parametrize("with_tqdm", [True, False])
    def test_shows_progress_on_a_terminal_alone(
        self, tmp_path, capsys, monkeypatch, request, with_tqdm
    ):
        if not with_tqdm:
            request.getfixturevalue("bare")
        np.save(tmp_path / "x.npy", np.zeros((4, 300)))
        run(tmp_path / "x.npy", tmp_path / "y.npy", "softmax", 1)
        assert capsys.readouterr().err == ""
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        run(tmp_path / "x.npy", tmp_path / "y.npy", "softmax", 1)
        assert "100%" in capsys.readouterr().err


def _save(name: str) -> Callable[[Path], None]:
    return {
        "text": lambda path: path.write_text("1, 2, 3"),
        "empty": lambda path: path.write_bytes(b""),
        "short": lambda path: _save_short(path),
        "objects": lambda path: np.save(path, np.array([{}, 1], object), allow_pickle=True),
        "strings": lambda path: np.save(path, np.array(["a", "b"])),
        "complex": lambda path: np.save(path, np.zeros(3, complex)),
        "folder": lambda path: path.mkdir(),
        "missing": lambda path: None,
    }[name]


def _save_short(path: Path) -> None:
    np.save(path, np.zeros(100))
    path.write_bytes(path.read_bytes()[:-8])


class TestErrors:
    """Bad input is refused in one line, with exit code 2, and nothing is written."""

    def refused(self, capsys: pytest.CaptureFixture[str], *argv: str) -> str:
        with pytest.raises(SystemExit) as exit_:
            main(argv)
        assert exit_.value.code == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1
        assert err.startswith("softkern")
        return err

    @pytest.mark.parametrize(
        ("kind", "says"),
        [
            ("text", "cannot be read as a .npy file"),
            ("empty", "cannot be read as a .npy file"),
            ("short", "cannot be read as a .npy file"),
            ("objects", "objects"),
            ("strings", "holds <U1"),
            ("complex", "holds complex128"),
            ("folder", "no such file"),
            ("missing", "no such file"),
        ],
    )
    def test_input(self, tmp_path, capsys, kind, says):
        source = tmp_path / "x.npy"
        _save(kind)(source)
        error = self.refused(capsys, "run", str(source), "-o", str(tmp_path / "y.npy"))
        assert says in error
        assert str(source) in error
        assert set(names(tmp_path)) <= {"x.npy"}

    @pytest.mark.parametrize(
        ("option", "says"),
        [
            ("--axis=2", "out of bounds"),
            ("--axis=0,-2", "twice"),
            ("--axis=first", "'first' is not an axis"),
            ("--axis=0.5", "'0.5' is not an axis"),
            ("--temperature=-1", "temperature"),
            ("--temperature=nan", "temperature"),
            ("--temperature=hot", "temperature"),
            ("--op=sigmoid", "softmax"),
        ],
    )
    def test_arguments(self, tmp_path, capsys, option, says):
        np.save(tmp_path / "x.npy", np.zeros((3, 4)))
        paths = (str(tmp_path / "x.npy"), "-o", str(tmp_path / "y.npy"))
        assert says in self.refused(capsys, "run", *paths, option)
        assert names(tmp_path) == ["x.npy"]

    @pytest.mark.parametrize(
        ("target", "says"), [("no/y.npy", "no such folder"), (".", "not a file")]
    )
    def test_output(self, tmp_path, capsys, target, says):
        np.save(tmp_path / "x.npy", np.zeros((3, 4)))
        paths = (str(tmp_path / "x.npy"), "-o", str(tmp_path / target))
        assert says in self.refused(capsys, "run", *paths)

    def test_full_disk(self, tmp_path, capsys, monkeypatch):
        def full(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
        np.save(tmp_path / "x.npy", np.zeros((3, 4)))
        paths = (str(tmp_path / "x.npy"), "-o", str(tmp_path / "y.npy"))
        assert "No space left" in self.refused(capsys, "run", *paths)
        assert names(tmp_path) == ["x.npy"]

    def test_no_command(self, capsys):
        self.refused(capsys)


STALLED = """
import sys
from softkern._cli import stream
from softkern.__main__ import main

write = stream._write
def write_once(*args):
    write(*args)
    print("mid-run", flush=True)
    sys.stdin.read()

stream._write = write_once
stream.BLOCK = 2**16
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals are sent")
@pytest.mark.parametrize("older", [True, False])
@pytest.mark.parametrize("signal_", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interrupted_run_leaves_the_final_name_alone(tmp_path, signal_, older):
    np.save(tmp_path / "x.npy", np.zeros((1000, 1000), np.float32))
    target = tmp_path / "y.npy"
    if older:
        target.write_text("older")
    argv = ["run", str(tmp_path / "x.npy"), "-o", str(target)]
    with subprocess.Popen(
        [sys.executable, "-c", STALLED, *argv], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout.readline() == "mid-run\n"
        assert len(list(tmp_path.glob("y.npy.*.part"))) == 1
        process.send_signal(signal_)
        process.wait(timeout=60)
        errors = process.stderr.read()
    assert process.returncode in (-signal_, 128 + signal_)
    assert "Traceback" not in errors
    assert target.exists() == older
    assert not older or target.read_text() == "older"
    if signal_ != signal.SIGKILL:
        assert not list(tmp_path.glob("*.part"))


BOUNDED = """
import re, sys
from pathlib import Path
from softkern._cli import stream
from softkern.__main__ import main

def memory(field):
    return int(re.search(field + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024

small, large, *options = sys.argv[1:]
stream.BLOCK = 2**17
main(["run", small, *options])
Path("/proc/self/clear_refs").write_text("5")  # VmHWM counts from here
before = memory("VmRSS")
main(["run", large, *options])
print(memory("VmHWM") - before)
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux tells peak memory")
@pytest.mark.parametrize("axis", ["0", "1", "none"])
def test_memory_is_bounded(tmp_path, axis):
    """The peak is far below the size of the file, and of the result."""
    small, large = tmp_path / "small.npy", tmp_path / "large.npy"
    np.save(small, np.zeros((1200, 1200), np.float32))
    np.save(large, np.zeros((4096, 4096), np.float32))
    argv = [str(small), str(large), "-o", str(tmp_path / "y.npy"), f"--axis={axis}"]
    out = subprocess.run(
        [sys.executable, "-c", BOUNDED, *argv], text=True, capture_output=True, check=False
    )
    assert out.returncode == 0, out.stderr
    assert int(out.stdout.split()[-1]) < large.stat().st_size / 2


class TestInfo:
    def test_json(self, capsys):
        assert main(["info", "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["versions"]["softkern"] == softkern.__version__
        assert found["versions"]["numpy"] == np.__version__
        assert found["cpu"]["vector bits"] in (128, 256, 512)
        assert found["threads"]["number"] >= 1
        assert found["threads"]["layer"] in ("tbb", "omp", "workqueue")

    def test_tells_what_is_installed_without_importing_it(self):
        code = "import sys; from softkern.__main__ import main; main(['info', '--json']); "
        code += "print({'torch', 'jax', 'cupy', 'dask', 'array_api_strict'} & {*sys.modules})"
        out = subprocess.run(
            [sys.executable, "-c", code], text=True, capture_output=True, check=True
        )
        assert out.stdout.splitlines()[-1] == "set()"

    @pytest.mark.parametrize("installed", [True, False])
    def test_tells_what_is_not_installed(self, monkeypatch, installed):
        from softkern._cli import info

        monkeypatch.setattr(info, "_installed", lambda name: name != "torch" or installed)
        assert info.gather()["arrays"]["torch"] == ("array API" if installed else None)

    def test_cache_folder_follows_numba(self, monkeypatch, tmp_path):
        from softkern._cli import info

        monkeypatch.setattr(info.config, "CACHE_DIR", "")
        assert info.gather()["cache"]["folder"].endswith("__pycache__")
        monkeypatch.setattr(os, "access", lambda *_: False)
        assert "numba" in info.gather()["cache"]["folder"]
        monkeypatch.setattr(info.config, "CACHE_DIR", str(tmp_path))
        assert info.gather()["cache"]["folder"] == str(tmp_path)

    @pytest.mark.usefixtures("bare")
    def test_plain_text(self, capsys):
        assert main(["info"]) == 0
        out = capsys.readouterr().out
        assert out.isascii()
        assert f"numpy             {np.__version__}\n" in out

    def test_rich_text(self, capsys):
        assert main(["info"]) == 0
        assert np.__version__ in capsys.readouterr().out


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check without the peers and the long row."""
    rows = accuracy._hard_rows
    monkeypatch.setattr(accuracy, "_peers", dict)
    monkeypatch.setattr(
        accuracy, "_hard_rows", lambda dtype: [row for row in rows(dtype) if row[0] != "long"]
    )


def sabotaged(op: str, break_: Callable[[np.ndarray], np.ndarray]) -> Callable[..., object]:
    honest = getattr(softkern, op)
    return lambda *args, **options: break_(honest(*args, **options))


class TestCheck:
    @pytest.mark.usefixtures("quick")
    def test_every_promise_holds(self, capsys):
        code = main(["check", "--json"])
        report = json.loads(capsys.readouterr().out)
        assert [edge for edge in report["edges"] if not edge["holds"]] == []
        assert [row for row in report["accuracy"] if not row["holds"]] == []
        assert report["holds"]
        assert code == 0

    @pytest.mark.usefixtures("quick")
    @pytest.mark.parametrize("as_json", [True, False])
    @pytest.mark.parametrize("op", OPS)
    def test_inaccurate_operation_is_found_out(self, capsys, monkeypatch, op, as_json):
        off = sabotaged(op, lambda y: y * (1 + 4 * np.finfo(np.asarray(y).dtype).eps))
        monkeypatch.setattr(softkern, op, off)
        monkeypatch.setattr("softkern._cli.check.edges", list)
        assert main(["check", *["--json"] * as_json]) == 1
        out = capsys.readouterr().out
        if as_json:
            broken = {row["op"] for row in json.loads(out)["accuracy"] if not row["holds"]}
            assert broken == {op}
        else:
            assert "NO" in out

    @pytest.mark.usefixtures("quick")
    def test_broken_edge_is_found_out(self, capsys, monkeypatch):
        monkeypatch.setattr(softkern, "logsumexp", sabotaged("logsumexp", np.nan_to_num))
        monkeypatch.setattr("softkern._cli.check.measure", lambda _: [])
        assert main(["check", "--json"]) == 1
        broken = {e["case"] for e in json.loads(capsys.readouterr().out)["edges"] if not e["holds"]}
        assert {"all -inf: logsumexp", "+inf: logsumexp", "NaN: logsumexp"} <= broken

    def test_raising_operation_is_found_out(self, monkeypatch):
        def fail(*_, **__):
            raise RuntimeError

        monkeypatch.setattr(softkern, "softmax", fail)
        broken = {edge.got for edge in edges.edges() if not edge.holds}
        assert broken == {"RuntimeError"}

    @pytest.mark.usefixtures("quick")
    def test_error_of_a_thousand_ulp_is_measured_as_such(self, monkeypatch):
        off = sabotaged("softmax", lambda y: y + 1000 * np.spacing(y))
        monkeypatch.setattr(softkern, "softmax", off)
        for m in accuracy.measure(accuracy.reference()):
            if m.op == "softmax":
                assert m.ulps["softkern"] == pytest.approx(1000, abs=100)

    @pytest.mark.usefixtures("quick")
    def test_nan_is_the_worst_error(self, monkeypatch):
        monkeypatch.setattr(softkern, "softmax", sabotaged("softmax", lambda y: y * np.nan))
        worst = [m for m in accuracy.measure(accuracy.reference()) if m.op == "softmax"]
        assert not any(m.holds for m in worst)

    @extended
    @pytest.mark.usefixtures("quick")
    def test_long_double_stands_in_for_mpmath(self, monkeypatch):
        pytest.importorskip("mpmath")
        by_mpmath = list(accuracy.measure(accuracy.reference()))
        monkeypatch.setitem(sys.modules, "mpmath", None)
        reference = accuracy.reference()
        assert reference.name.startswith("numpy.longdouble")
        for a, b in zip(by_mpmath, accuracy.measure(reference), strict=True):
            assert a[:4] == b[:4]
            assert a.ulps["softkern"] == pytest.approx(b.ulps["softkern"], abs=0.02)

    def test_peers_are_measured_beside(self):
        pytest.importorskip("scipy")
        peers = accuracy._peers()
        x = np.array([1.0, 2, 4])
        for name, library in peers.items():
            for op in OPS:
                np.testing.assert_allclose(
                    library(op, x), getattr(softkern, op)(x), rtol=1e-14, err_msg=name
                )
        assert "scipy" in peers

    @pytest.mark.usefixtures("bare", "quick")
    def test_plain_text(self, capsys):
        main(["check"])
        out = capsys.readouterr().out
        assert out.isascii()
        assert "all -inf: softmax" in out
        assert "one dominant  log_softmax" in out


class TestProcess:
    """The command line as a process of its own."""

    def test_module_and_entry_point(self, tmp_path):
        scripts = Path(sysconfig.get_path("scripts"))
        np.save(tmp_path / "x.npy", np.zeros((2, 4)))
        for k, command in enumerate([[sys.executable, "-m", "softkern"], [scripts / "softkern"]]):
            target = tmp_path / f"y{k}.npy"
            subprocess.run([*command, "run", tmp_path / "x.npy", "-o", target], check=True)
            assert (np.load(target) == 0.25).all()

    def test_bad_input_exits_with_2(self, tmp_path):
        command = [sys.executable, "-m", "softkern", "run", tmp_path / "x.npy", "-o", "y.npy"]
        out = subprocess.run(command, text=True, capture_output=True, check=False)
        assert out.returncode == 2
        assert out.stderr == f"softkern run: error: {tmp_path / 'x.npy'}: no such file\n"

    def test_version_and_help(self, capsys):
        for option, says in [("--version", softkern.__version__), ("--help", "softkern run")]:
            with pytest.raises(SystemExit) as exit_:
                main([option])
            assert exit_.value.code == 0
            assert says in capsys.readouterr().out

    def test_import_softkern_is_none_the_wiser(self):
        code = (
            "import sys, softkern; print({'softkern._cli', 'argparse', 'numpy'} & {*sys.modules})"
        )
        out = subprocess.run(
            [sys.executable, "-c", code], text=True, capture_output=True, check=True
        )
        assert out.stdout == "set()\n"
