"""``softkern run``: what the operation gives in memory, on every layout."""

import json
import sys
from collections.abc import Sequence
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
