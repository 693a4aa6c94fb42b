"""``softkern run --resume``: goes on where a run was interrupted, or says why not."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import softkern
from softkern.__main__ import main
from softkern._cli import stream, unfinished

# Short rows; long rows in pieces; one row.
LAYOUTS = [((30, 7), 1), ((3, 130), 1), ((130, 3), 0), ((5, 5, 9), (0, 2)), ((20, 7), None)]


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "BLOCK", 50)
    monkeypatch.setattr(stream, "PAGE", 16)
    monkeypatch.setattr(unfinished, "SECONDS", 0)


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """Also in a shell's background job, which ignores interrupts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(0, 3, (4, 300)))
    return tmp_path / "x.npy"


def run(source: Path, *options: str, target: str = "y.npy") -> int:
    return main(["run", str(source), "-o", str(source.with_name(target)), *options])


def bits(source: Path, target: str = "y.npy") -> bytes:
    return source.with_name(target).read_bytes()


def interrupt(monkeypatch: pytest.MonkeyPatch, at: int) -> list[object]:
    """Ctrl-C at the read of this number; the reads are counted in the list."""
    read, reads = stream._read, []

    def counted(*arguments: object) -> object:
        reads.append(arguments)
        if len(reads) == at:
            signal.raise_signal(signal.SIGINT)
        return read(*arguments)

    monkeypatch.setattr(stream, "_read", counted)
    return reads


def interrupted(source: Path, *options: str, at: int = 5) -> None:
    with pytest.MonkeyPatch.context() as patch:
        interrupt(patch, at)
        assert run(source, "--resume", *options) == 130


def refused(capsys: pytest.CaptureFixture[str], source: Path, *options: str) -> str:
    with pytest.raises(SystemExit) as exit_:
        run(source, *options)
    assert exit_.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("op", ["softmax", "log_softmax", "logsumexp"])
@pytest.mark.parametrize(("shape", "axis"), LAYOUTS)
def test_goes_on_where_it_was(tmp_path, shape, axis, op, monkeypatch):
    source = tmp_path / "x.npy"
    np.save(source, np.random.default_rng(0).normal(0, 3, shape))
    options = ("--op", op, f"--axis={str(axis).lower().strip('()').replace(' ', '')}")
    with monkeypatch.context() as patch:
        reads = interrupt(patch, 0)
        assert run(source, *options, target="whole.npy") == 0
    for at in range(1, len(reads) + 1):
        interrupted(source, *options, at=at)
        assert not (tmp_path / "y.npy").exists()
        with monkeypatch.context() as patch:
            rest = interrupt(patch, 0)
            assert run(source, "--resume", *options) == 0
        assert at - 1 + len(rest) == len(reads)
        assert bits(source) == bits(source, "whole.npy")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["whole.npy", "x.npy", "y.npy"]
        (tmp_path / "y.npy").unlink()


KILLED = """
import os, signal, sys
from softkern.__main__ import main
from softkern._cli import stream, unfinished

stream.BLOCK, stream.PAGE, unfinished.SECONDS = 50, 16, 0
read, left = stream._read, int(sys.argv[1])

def reads(*arguments):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return read(*arguments)

stream._read = reads
main(sys.argv[2:])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals are sent")
def test_goes_on_after_a_kill(source, monkeypatch):
    assert run(source, target="whole.npy") == 0
    argv = ["run", str(source), "-o", str(source.with_name("y.npy")), "--resume"]
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", KILLED, "9", *argv], check=False)
        assert done.returncode == -signal.SIGKILL
        assert not source.with_name("y.npy").exists()
    rest = interrupt(monkeypatch, 0)
    assert run(source, "--resume") == 0
    assert len(rest) == 2 * 4 * 6 - 3 * 9  # two reads of four rows in six pieces
    assert bits(source) == bits(source, "whole.npy")


@pytest.mark.parametrize(
    ("option", "says"),
    [("--op=logsumexp", "op"), ("--temperature=2", "temperature"), ("--axis=0", "axes")],
)
def test_other_options_are_not_resumed(source, capsys, option, says):
    interrupted(source)
    kept = bits(source, "y.npy.part")
    assert f"another {says}" in refused(capsys, source, "--resume", option)
    assert bits(source, "y.npy.part") == kept
    assert run(source, "--resume") == 0


@pytest.mark.parametrize("how", ["other numbers", "another file", "of another time"])
def test_a_changed_input_is_not_resumed(source, capsys, how):
    interrupted(source)
    before = source.stat()
    if how == "other numbers":
        np.save(source, np.load(source) + 1)
        os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))
    elif how == "another file":
        source.rename(source.with_name("old.npy"))
        source.write_bytes(source.with_name("old.npy").read_bytes())
        os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))
    else:
        os.utime(source)
    assert "another input" in refused(capsys, source, "--resume")
    assert run(source) == 0
    y = np.load(source.with_name("y.npy"))
    np.testing.assert_allclose(y, softkern.softmax(np.load(source), -1), rtol=1e-14)


def test_another_version_is_not_resumed(source, capsys, monkeypatch):
    interrupted(source)
    monkeypatch.setattr(softkern, "__version__", "0.0")
    assert "another version" in refused(capsys, source, "--resume")


@pytest.mark.parametrize("spoil", ["torn", "lost", "part torn", "part lost"])
def test_what_cannot_be_read_is_done_anew(source, spoil):
    assert run(source, target="whole.npy") == 0
    interrupted(source)
    part = source.with_name("y.npy.part")
    path = part if spoil.startswith("part") else part.with_name("y.npy.part.npz")
    if spoil.endswith("torn"):
        path.write_bytes(path.read_bytes()[:-9])
    else:
        path.unlink()
    assert run(source, "--resume") == 0
    assert bits(source) == bits(source, "whole.npy")


def test_without_it_a_run_begins_anew(source):
    assert run(source, target="whole.npy") == 0
    interrupted(source)
    assert run(source) == 0
    assert bits(source) == bits(source, "whole.npy")
    assert not list(source.parent.glob("*.part*"))


@pytest.mark.skipif(sys.platform == "win32", reason="files are locked as POSIX does")
def test_two_runs_do_not_write_one_file(source, capsys):
    with unfinished.replacing(source.with_name("y.npy"), keep=True):
        for options in ([], ["--resume"]):
            assert "another run" in refused(capsys, source, *options)


def test_is_for_this_process(source, capsys):
    assert "--resume is for --engine here" in refused(
        capsys, source, "--resume", "--engine", "dask"
    )
