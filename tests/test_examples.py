"""The examples run, and reach what they promise."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")


def train(folder: Path, data: Path, epochs: int) -> tuple[list[float], str]:
    """Run the example in `folder`; return the test accuracy after each epoch, in percent."""
    pytest.importorskip("matplotlib")
    command = [sys.executable, "-W", "error", EXAMPLES / "fashion_mnist.py"]
    options = ["--data", data, "--epochs", str(epochs), "--figure", "figure.png"]
    out = subprocess.run(
        [*command, *options], cwd=folder, text=True, capture_output=True, check=False
    )
    assert out.returncode == 0, out.stderr
    assert (folder / "figure.png").read_bytes().startswith(b"\x89PNG")
    return [float(a) for a in re.findall(r"test accuracy ([\d.]+)%", out.stdout)], out.stdout


def test_digits(tmp_path):
    pytest.importorskip("sklearn")
    accuracies, _ = train(tmp_path, tmp_path / "nowhere", epochs=20)
    assert len(accuracies) == 20
    assert accuracies[-1] >= 85


@pytest.mark.skipif(
    not FASHION_MNIST.is_dir(), reason="Debian's package dataset-fashion-mnist is not installed"
)
def test_fashion_mnist_is_learnt_in_the_same_way_every_time(tmp_path):
    accuracies, first = train(tmp_path, FASHION_MNIST, epochs=5)
    assert accuracies[-1] >= 83
    assert train(tmp_path, FASHION_MNIST, epochs=5)[1] == first


def test_rows_larger_than_memory(tmp_path):
    pytest.importorskip("distributed")
    command = [sys.executable, EXAMPLES / "larger_than_memory.py", "--gigabytes", "0.1"]
    out = subprocess.run(command, cwd=tmp_path, text=True, capture_output=True, check=False)
    assert out.returncode == 0, out.stderr
    assert "100% Completed" in out.stderr
    (error,) = re.findall(r"1 within (\S+)", out.stdout)
    assert float(error) < 1e-6
