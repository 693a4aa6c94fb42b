"""``softkern run``: right on every layout, whole files or none, and little memory."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from arrays import VALUES

import softkern
from softkern.__main__ import main
from softkern._cli import stream

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
    @pytest.mark.parametrize("op", VALUES)
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
    @pytest.mark.parametrize("op", VALUES)
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
    @pytest.mark.parametrize("op", VALUES)
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
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
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
