"""``softkern run --engine dask``: what the file job gives here, by workers elsewhere."""

import json

import numpy as np
import pytest
from arrays import VALUES

from softkern.__main__ import main

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    settings = {
        "temporary-directory": str(tmp_path_factory.mktemp("workers")),
        "logging.distributed": "error",
    }
    with dask.config.set(settings):
        cluster = distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0", host="127.0.0.1"
        )
    with cluster:
        yield cluster.scheduler_address


def run(source, target, *options):
    return main(["run", str(source), "-o", str(target), *options])


@pytest.mark.parametrize("op", VALUES)
@pytest.mark.parametrize(
    ("shape", "axis"),
    [((), "none"), ((300,), "0"), ((60, 70), "1"), ((9, 50, 9), "0,2"), ((3, 0), "1")],
)
@pytest.mark.parametrize("block", [10**6, 200])
def test_the_result_is_that_of_this_process(tmp_path, monkeypatch, address, op, shape, axis, block):
    from softkern._cli import cluster

    monkeypatch.setattr(cluster, "BLOCK", block)
    x = np.random.default_rng(0).normal(size=shape)
    np.save(tmp_path / "x.npy", np.asfortranarray(x))
    options = ["--op", op, f"--axis={axis}", "--temperature", "2"]
    assert run(tmp_path / "x.npy", tmp_path / "here.npy", *options) == 0
    options += ["--engine", "dask", "--scheduler", address]
    assert run(tmp_path / "x.npy", tmp_path / "there.npy", *options) == 0
    here, there = np.load(tmp_path / "here.npy"), np.load(tmp_path / "there.npy")
    assert there.dtype == here.dtype
    assert np.isfortran(there) == np.isfortran(here)
    np.testing.assert_allclose(there, here, rtol=1e-14)


def test_it_starts_workers_of_its_own(tmp_path, capsys):
    np.save(tmp_path / "x.npy", np.zeros((4, 5), np.float32))
    with dask.config.set({"logging.distributed": "error"}):
        assert run(tmp_path / "x.npy", tmp_path / "y.npy", "--engine", "dask", "--json") == 0
    assert json.loads(capsys.readouterr().out)["shape"] == [4, 5]
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), np.full((4, 5), np.float32(0.2)))


def test_a_failure_leaves_no_half_file(tmp_path, monkeypatch, address):
    from softkern._cli import cluster

    def fail(*_, **__):
        raise OSError("the disk of the worker is full")

    monkeypatch.setattr(cluster, "_write_block", fail)
    np.save(tmp_path / "x.npy", np.zeros((4, 5)))
    with pytest.raises(SystemExit):
        run(tmp_path / "x.npy", tmp_path / "y.npy", "--engine", "dask", "--scheduler", address)
    assert [path.name for path in tmp_path.iterdir()] == ["x.npy"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--scheduler", "tcp://127.0.0.1:1"], "--engine dask"),
        (["--engine", "dask", "--scheduler", "nonsense"], "nonsense"),
        (["--engine", "dask", "--scheduler", "tcp://127.0.0.1:1"], "tcp://127.0.0.1:1"),
    ],
)
def test_a_scheduler_that_is_none(tmp_path, capsys, options, message):
    np.save(tmp_path / "x.npy", np.zeros((4, 5)))
    soon = dask.config.set({"distributed.comm.timeouts.connect": "1s"})
    with soon, pytest.raises(SystemExit) as exit:
        run(tmp_path / "x.npy", tmp_path / "y.npy", *options)
    assert exit.value.code == 2
    assert message in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["x.npy"]
    assert dask.base.get_scheduler() is None  # or whatever is computed next would wait for it
