"""``softkern run`` refuses bad input, leaves whole files or none, and takes little memory."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from softkern.__main__ import main


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


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
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
from softkern._cli import stream
from softkern.__main__ import main

write = stream._write
def write_once(*args):
    write(*args)
    print("mid-run", flush=True)
    for _ in range(6000):  # a signal that comes just before a read would not end that
        time.sleep(0.01)

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
        assert len(list(tmp_path.glob("y.npy.part"))) == 1
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
