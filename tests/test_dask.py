"""Dask arrays: nothing is computed before it is asked for, and rows may be cut anywhere."""

import itertools
import os
import signal
import time

import hypothesis.strategies as st
import numpy as np
import pytest
from arrays import OPERATIONS, U, X, assert_close, call
from hypothesis import given, settings
from hypothesis.extra.numpy import array_shapes
from hypothesis.extra.numpy import arrays as arrays_of

import softkern

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")

every_operation = pytest.mark.parametrize("name", OPERATIONS)
rng = np.random.default_rng(3)
ROWS, TANGENTS = rng.normal(0, 3, (2, 6, 50))


def refuse(*arguments, **options):
    raise AssertionError("computed something")


def unknown(a, shown):
    """Some rows of an array, in blocks of a size that Dask does not know."""
    return da.from_array(a, chunks=(2, 20)[: a.ndim])[da.from_array(shown, chunks=2)]


@every_operation
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_nothing_is_computed_before_it_is_asked_for(name, axis):
    x, u = da.from_array(X, chunks=2), da.from_array(U, chunks=2)
    t = da.from_array(np.ones(()))
    with dask.config.set(scheduler=refuse):
        results = call(softkern, name, x, u, axis, temperature=t, where=x < 6)
    for result, truth in zip(results, call(softkern, name, X, U, axis, where=X < 6), strict=True):
        assert isinstance(result, da.Array)
        assert_close(result, truth)


@every_operation
@pytest.mark.parametrize("dtype", ["int32", "float16", "float32", "float64"])
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_what_is_promised_is_what_comes(name, dtype, axis):
    x, u = da.from_array(X.astype(dtype), chunks=2), da.from_array(U.astype(dtype), chunks=2)
    for result in call(softkern, name, x, u, axis):
        found = result.compute()
        assert found.dtype == result.dtype
        assert np.shape(found) == result.shape
        assert type(result._meta) is np.ndarray


@every_operation
@pytest.mark.parametrize("chunks", [(6, 50), (2, 50), (1, (50,))])
def test_whole_rows_have_the_bits_of_numpy(name, chunks):
    x, u = da.from_array(ROWS, chunks=chunks), da.from_array(TANGENTS, chunks=chunks)
    results = call(softkern, name, x, u, 1)
    for result, truth in zip(results, call(softkern, name, ROWS, TANGENTS, 1), strict=True):
        np.testing.assert_array_equal(result, truth)


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name != "logsumexp_vjp"])
@pytest.mark.parametrize("axis", [0, 1, (0, 1)])
def test_blocks_of_unknown_size(name, axis):
    shown = ROWS[:, 0] > 0
    x, u = (unknown(a, shown) for a in (ROWS, TANGENTS))
    assert np.isnan(x.shape[0])
    truths = call(softkern, name, ROWS[shown], TANGENTS[shown], axis)
    for result, truth in zip(call(softkern, name, x, u, axis), truths, strict=True):
        assert_close(result, truth)


@pytest.mark.parametrize("axis", [0, 1])
def test_a_cotangent_a_row_of_unknown_size(axis):
    shown = ROWS[:, 0] > 0
    x, g = unknown(ROWS, shown), TANGENTS[0] if axis == 0 else TANGENTS[:, 0]
    rows = da.from_array(g, chunks=20) if axis == 0 else unknown(g, shown)
    truth = softkern.logsumexp_vjp(ROWS[shown], g if axis == 0 else g[shown], axis)
    assert_close(softkern.logsumexp_vjp(x, rows, axis), truth)


@every_operation
def test_arrays_that_are_cut_differently(name):
    x, u = da.from_array(ROWS, chunks=(2, 7)), da.from_array(TANGENTS, chunks=((1, 5), (30, 20)))
    options = {"where": ROWS[0] > -4, "temperature": np.linspace(0.5, 2, 6)}
    lazy = {key: da.from_array(value, chunks=3) for key, value in options.items()}
    results = call(softkern, name, x, u, 1, **lazy)
    truths = call(softkern, name, ROWS, TANGENTS, 1, **options)
    for result, truth in zip(results, truths, strict=True):
        assert_close(result, truth)


@every_operation
def test_no_blocks_are_put_together(name):
    x, u = da.from_array(ROWS, chunks=(3, 10)), da.from_array(TANGENTS, chunks=(3, 10))
    for result in call(softkern, name, x, u, 1):
        layers = result.__dask_graph__().layers
        assert not [layer for layer in layers if "rechunk" in layer or "concatenate" in layer]
    assert call(softkern, "softmax", x, u, 1)[0].chunks == x.chunks


@st.composite
def cuts(draw, shape):
    """Chunks of an array of this shape."""
    chunks = []
    for n in shape:
        places = draw(st.lists(st.integers(0, n), max_size=4))
        bounds = [0, *sorted(places), n]
        chunks.append(tuple(stop - start for start, stop in itertools.pairwise(bounds)))
    return tuple(chunks)


@every_operation
@given(data=st.data(), shape=array_shapes(max_dims=3, max_side=6))
@settings(max_examples=15, deadline=None, derandomize=True)
def test_any_cuts(name, data, shape):
    x = data.draw(arrays_of(np.float64, shape, elements=st.floats(-50, 50)))
    u = data.draw(arrays_of(np.float64, shape, elements=st.floats(-1, 1)))
    axis = data.draw(st.one_of(st.none(), st.integers(0, len(shape) - 1)))
    lazy = (da.from_array(a, chunks=data.draw(cuts(shape))) for a in (x, u))
    truths = call(softkern, name, x, u, axis)
    with dask.config.set(scheduler="synchronous"):
        for result, truth in zip(call(softkern, name, *lazy, axis), truths, strict=True):
            assert_close(result, truth)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_a_result_at_hand_spares_its_computation(name):
    x, u = da.from_array(ROWS, chunks=(3, 20)), da.from_array(TANGENTS, chunks=(3, 20))
    y = getattr(softkern, name)(x, 1).persist()
    for kind in ("jvp", "vjp"):
        derivative = getattr(softkern, f"{name}_{kind}")
        found = derivative(None, u, 1, output=y, temperature=2.0)
        truth = derivative(None, TANGENTS, 1, output=np.asarray(y), temperature=2.0)
        assert_close(found[-1] if kind == "jvp" else found, truth[-1] if kind == "jvp" else truth)


def test_complex_rows_are_put_together():
    x = ROWS + 1j * TANGENTS
    for name in ("softmax", "log_softmax", "logsumexp"):
        operation = getattr(softkern, name)
        assert_close(operation(da.from_array(x, chunks=(3, 20)), 1), operation(x, 1))


def test_blocks_of_cupy(cupy):
    x, u = (da.from_array(cupy.asarray(a), chunks=(3, 20), asarray=False) for a in (ROWS, TANGENTS))
    for name in ("softmax", "log_softmax_vjp", "logsumexp_jvp"):
        results = call(softkern, name, x, u, 1)
        for result, truth in zip(results, call(softkern, name, ROWS, TANGENTS, 1), strict=True):
            found = result.compute()
            assert isinstance(found, cupy.ndarray)
            assert_close(found, truth)


def test_blocks_keep_to_their_thread(monkeypatch):
    from softkern.backends.numba_cpu import arrays, plain_functions, threads

    x = np.zeros((4, 100_000))
    for _ in range(3):  # then such calls are compiled, and go one way
        softkern.softmax(x, 1)
    used = []

    def note(size):
        used.append(threads.threads_for(size))
        return used[-1]

    for way in (arrays, plain_functions):
        monkeypatch.setattr(way, "threads_for", note)
    softkern.softmax(da.from_array(x, chunks=(2, 100_000)), 1).compute()
    assert used == [1, 1]
    softkern.softmax(x, 1)
    assert used[2:] == [softkern.get_num_threads()]


class TestErrors:
    """What is wrong is said when the function is called, not when its result is computed."""

    def test_axis(self):
        with pytest.raises(np.exceptions.AxisError):
            softkern.softmax(da.zeros((3, 4)), 2)

    def test_shapes(self):
        with pytest.raises(ValueError, match=r"\(3, 5\) does not fit rows of \(3, 4\)"):
            softkern.softmax_jvp(da.zeros((3, 4)), da.zeros((3, 5)), 1)
        with pytest.raises(ValueError, match="does not fit"):
            softkern.softmax(da.zeros((1, 4)), 1, where=da.ones((3, 4), dtype=bool))
        with pytest.raises(ValueError, match="axes"):
            softkern.softmax(da.zeros((3, 4)), 1, temperature=da.ones((3, 1)))

    def test_dtypes(self):
        with pytest.raises(TypeError, match="dtype"):
            softkern.softmax(da.zeros(3).astype(object))
        with pytest.raises(TypeError, match="bool"):
            softkern.softmax(da.zeros(3), where=da.ones(3))

    def test_two_libraries(self):
        with pytest.raises(TypeError, match="two libraries"):
            softkern.softmax_jvp(da.zeros(3), np.zeros(3))


def draw(block_info=None):
    """A block of normal numbers that depend on its place alone."""
    info = block_info[None]
    seed = [start for start, _ in info["array-location"]]
    return np.random.default_rng(seed).standard_normal(info["chunk-shape"], dtype=np.float32)


def draw_slowly(block_info=None):
    time.sleep(0.1)
    return draw(block_info=block_info)


def drawn(function, rows, columns, blocks):
    """Rows drawn in blocks."""
    chunks = (rows,), (columns // blocks,) * blocks
    return da.map_blocks(function, chunks=chunks, dtype=np.float32, meta=np.empty((0, 0), "f4"))


class TestCluster:
    """Worker processes on this machine."""

    @pytest.fixture
    def start(self, tmp_path):
        distributed = pytest.importorskip("distributed")
        opened = []

        def start(**options):
            settings = {"temporary-directory": str(tmp_path), "logging.distributed": "error"}
            with dask.config.set(settings):
                cluster = distributed.LocalCluster(
                    processes=True, dashboard_address=":0", host="127.0.0.1", **options
                )
            client = distributed.Client(cluster)
            opened.extend([client, cluster])
            return cluster, client

        yield start
        for each in opened:
            each.close()

    @pytest.mark.parametrize("name", ["softmax", "log_softmax_vjp", "logsumexp_jvp"])
    def test_the_bits_do_not_depend_on_who_computes_them(self, start, name):
        x, u = da.from_array(ROWS, chunks=(2, 3)), da.from_array(TANGENTS, chunks=(2, 3))
        results = call(softkern, name, x, u, 1)
        here = dask.compute(*results, scheduler="synchronous")
        in_threads = dask.compute(*results, scheduler="threads", num_workers=8)
        _, client = start(n_workers=2, threads_per_worker=2)
        there = client.gather(client.compute(list(results)))
        for one, two, three in zip(here, in_threads, there, strict=True):
            np.testing.assert_array_equal(one, two)
            np.testing.assert_array_equal(one, three)

    def test_a_killed_worker_loses_nothing(self, start):
        cluster, client = start(n_workers=2, threads_per_worker=1)
        y = softkern.softmax(drawn(draw_slowly, 200, 9000, 60), 1)
        future = client.compute(y.sum(axis=0))
        worker = next(iter(cluster.workers.values()))
        while not any(client.has_what().values()):
            time.sleep(0.05)
        assert not future.done()
        os.kill(worker.pid, signal.SIGKILL)
        x = drawn(draw, 200, 9000, 60)
        expected = softkern.softmax(x, 1).sum(axis=0).compute(scheduler="synchronous")
        np.testing.assert_array_equal(future.result(timeout=120), expected)

    def test_rows_larger_than_memory(self, start):
        start(n_workers=1, threads_per_worker=1, memory_limit="400 MiB")
        x = drawn(draw, 1000, 400_000, 64)
        assert x.nbytes > 3 * 400 * 2**20
        y = softkern.softmax(x, 1)
        sums, L = dask.compute(y.sum(axis=1), softkern.logsumexp(x, 1))
        np.testing.assert_allclose(sums, 1, rtol=1e-5)
        np.testing.assert_allclose(L, np.log(400_000) + 0.5, rtol=1e-3)
