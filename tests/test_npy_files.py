"""``softkern run`` reads any bytes: an array, or a line that says what is wrong with them."""

import pickle
import re
import sys
from pathlib import Path

import numpy as np
import processes
import pytest
from npy_files import READ, REFUSED, saying

import softkern
from softkern.__main__ import main


@pytest.mark.parametrize("name", REFUSED)
def test_a_line_says_what_is_wrong(tmp_path, capsys, name):
    source = tmp_path / "x.npy"
    content, says = REFUSED[name]
    source.write_bytes(content)
    with pytest.raises(SystemExit) as exit_:
        main(["run", str(source), "-o", str(tmp_path / "y.npy")])
    assert exit_.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err[:-1].isprintable()
    assert len(err) < 1000
    assert says in err
    assert str(source) in err
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize("op", ["softmax", "logsumexp"])
def test_what_can_be_read_is_read(tmp_path, name, op):
    source, target = tmp_path / "x.npy", tmp_path / "y.npy"
    content, (dtype, shape, order) = READ[name]
    source.write_bytes(content)
    assert main(["run", str(source), "-o", str(target), "--op", op]) == 0
    expected = getattr(softkern, op)(np.zeros(shape, dtype, order), -1)
    np.testing.assert_array_equal(np.load(target), expected)


class Touch:
    """Unpickled, it makes a file."""

    def __init__(self, path):
        self._path = path

    def __reduce__(self):
        return Path.touch, (self._path,)


def test_nothing_is_unpickled(tmp_path, capsys):
    made = tmp_path / "made"
    objects, bare = tmp_path / "objects.npy", tmp_path / "bare.npy"
    np.save(objects, np.array([Touch(made)], object), allow_pickle=True)
    bare.write_bytes(pickle.dumps(Touch(made)))
    for source in (objects, bare):
        with pytest.raises(SystemExit):
            main(["run", str(source), "-o", str(tmp_path / "y.npy")])
        assert "cannot be read" in capsys.readouterr().err
    assert not made.exists()
    np.load(objects, allow_pickle=True)
    assert made.exists(), "these objects would have told"


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells peak memory")
@pytest.mark.parametrize("op", ["softmax", "logsumexp"])
@pytest.mark.parametrize("kind", ["header", "columns"])
def test_in_bounded_memory(tmp_path, kind, op):
    """A header of 4 GB, all a hole in the file; and columns without a number, but many."""
    source = tmp_path / "x.npy"
    if kind == "header":
        source.write_bytes(b"\x93NUMPY\x02\x00\xf0\xff\xff\xff")
        with source.open("r+b") as file:
            file.truncate(2**32)
    else:
        source.write_bytes(saying(shape="(0, 100000000)"))
    done = processes.script(
        "peak_memory.py", "run", source, "-o", tmp_path / "y.npy", "--axis=0", f"--op={op}"
    )
    assert (kind == "columns") == ("header" not in done.stderr)
    assert done.stderr.count("\n") <= 1
    assert int(re.search(r"^peak (\d+)$", done.stdout, re.MULTILINE)[1]) < 600e6
