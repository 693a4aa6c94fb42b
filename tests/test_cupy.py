"""CuPy arrays: any layout, bits, memory, streams, devices and graphs; on a GPU, or on the stand-in."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from ctypes import string_at
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from arrays import OPERATIONS, VALUES, call
from hypothesis import given, settings
from numpy.lib.array_utils import byte_bounds
from test_properties import FLOATS, LAYOUTS, calls, check, few

import softkern

fewer = settings(few, max_examples=40)
every_operation = pytest.mark.parametrize("name", OPERATIONS)
LENGTHS = (1, 5, 33, 1000, 5000, 20_001, 70_001)


def on_device(cupy, a):
    """A copy of an array that has its strides too, where those are whole numbers of it."""
    if a.size == 0 or not a.flags.aligned or not a.dtype.isnative:
        return cupy.asarray(np.ascontiguousarray(a, a.dtype.newbyteorder("=")))
    low, high = byte_bounds(a)
    memory = cupy.asarray(np.frombuffer(string_at(low, high - low), np.uint8))
    first = memory.data + (a.__array_interface__["data"][0] - low)
    return cupy.ndarray(a.shape, a.dtype, first, a.strides)


def host(results):
    return tuple(a.get() for a in results)


@st.composite
def device_calls(draw, cupy, name):
    x, u, axis, options = draw(calls(name))
    moved = {key: a if key == "temperature" else on_device(cupy, a) for key, a in options.items()}
    return (x, u, axis, options), (on_device(cupy, x), on_device(cupy, u), axis, moved)


@every_operation
@fewer
@given(data=st.data())
def test_any_layout(cupy, name, data):
    known, (x, u, axis, options) = data.draw(device_calls(cupy, name))
    check(name, *known, host(call(softkern, name, x, u, axis, **options)))
    np.testing.assert_array_equal(x.get(), known[0])


@every_operation
@fewer
@given(data=st.data())
def test_out_of_any_layout(cupy, name, data):
    known, (x, u, axis, options) = data.draw(device_calls(cupy, name))
    layout = LAYOUTS[
        data.draw(st.sampled_from(["C order", "Fortran order", "reversed", "stepped"]))
    ]
    expected = host(call(softkern, name, x, u, axis, **options))
    buffers = tuple(on_device(cupy, layout(np.full(a.shape, np.nan, a.dtype))) for a in expected)
    out = buffers if len(buffers) == 2 else buffers[0]
    results = call(softkern, name, x, u, axis, out=out, **options)
    for result, buffer in zip(results, buffers, strict=True):
        assert result is buffer
    check(name, *known, host(results))


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "softmax_jvp", "softmax_vjp"])
@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("axis", [0, 1])
def test_in_place(cupy, name, n, axis):
    x, u = (cupy.asarray(a) for a in np.random.default_rng(n).normal(0, 3, (2, 2, n)))
    x, u = (x, u) if axis == 1 else (x.T.copy(), u.T.copy())
    expected = host(call(softkern, name, x, u, axis))
    out = (x, u) if name == "softmax_jvp" else x
    results = call(softkern, name, x, u, axis, out=out)
    for a, b in zip(host(results), expected, strict=True):
        np.testing.assert_array_equal(a, b)


@every_operation
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("n", LENGTHS)
def test_a_row_has_the_same_bits_in_any_company_and_place(cupy, name, dtype, n):
    rng = np.random.default_rng(n)
    x, u = (cupy.asarray(a.astype(dtype)) for a in rng.normal(0, 3, (2, 5, n)))
    together = call(softkern, name, x, u, 1)
    wide = cupy.zeros((2, 5, n + 3), dtype)
    wide[0, :, 1 : n + 1], wide[1, :, 2 : n + 2] = x, u
    elsewhere = call(softkern, name, wide[0, :, 1 : n + 1], wide[1, :, 2 : n + 2], 1)
    for a, b in zip(host(elsewhere), host(together), strict=True):
        np.testing.assert_array_equal(a, b)
    for k in (0, 3):
        alone = call(softkern, name, x[k : k + 1], u[k : k + 1], 1)
        for a, b in zip(host(alone), host(together), strict=True):
            np.testing.assert_array_equal(a[0], b[k])


@every_operation
@pytest.mark.parametrize("n", [3, 60, 100, 5000])
def test_a_column_has_the_same_bits_in_any_company(cupy, name, n):
    x, u = (cupy.asarray(a) for a in np.random.default_rng(n).normal(0, 3, (2, n, 12)))
    together = host(call(softkern, name, x, u, 0))
    for first, count in ((0, 2), (3, 5), (4, 4)):
        part = slice(first, first + count)
        for a, b in zip(
            host(call(softkern, name, x[:, part], u[:, part], 0)), together, strict=True
        ):
            np.testing.assert_array_equal(a, b[..., part])


# The manners of a guest on a device


def test_on_the_device_of_the_array(cupy):
    if cupy.cuda.runtime.getDeviceCount() < 2:
        pytest.skip("there is one device only")
    with cupy.cuda.Device(1):
        x = cupy.ones((3, 20_000))
    assert softkern.softmax(x, 1).device.id == 1
    assert cupy.cuda.Device().id == 0


def test_arrays_of_two_devices(cupy):
    if cupy.cuda.runtime.getDeviceCount() < 2:
        pytest.skip("there is one device only")
    x = cupy.ones(3)
    with cupy.cuda.Device(1):
        v = cupy.ones(3)
    with pytest.raises(TypeError, match="device"):
        softkern.softmax_jvp(x, v)


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("shape", [(4, 100), (2, 100_000), (50, 7)])
def test_a_captured_graph_computes_again(cupy, name, shape):
    x, u = (cupy.asarray(a) for a in np.random.default_rng(0).normal(0, 3, (2, *shape)))
    other = cupy.asarray(np.random.default_rng(1).normal(0, 3, shape))
    expected = host(call(softkern, name, other, u, 1))
    stream = cupy.cuda.Stream(non_blocking=True)
    with stream:
        results = call(softkern, name, x, u, 1)  # compiled, and room made for the sums of slices
        out = results if len(results) == 2 else results[0]
        stream.begin_capture()
        call(softkern, name, x, u, 1, out=out)
        graph = stream.end_capture()
        x[...] = other
        graph.launch(stream)
        stream.synchronize()
    for a, b in zip(host(results), expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_threads_on_one_stream_keep_their_sums_apart(cupy):
    from softkern.backends.cupy_cuda.launch import _workspace

    own = _workspace(64)
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(_workspace, 64).result()
    assert own.data.ptr != other.data.ptr
    assert own is _workspace(64)


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("dtype", FLOATS)
def test_temperatures_of_rows_are_not_rounded(cupy, name, dtype):
    x = np.random.default_rng(0).normal(0, 20, (3, 50)).astype("float32").astype(dtype)
    t = np.array([0.1, 0.7, 3.3])
    options = {"temperature": cupy.asarray(t)}
    results = host(call(softkern, name, cupy.asarray(x), None, 1, **options))
    check(name, x, None, 1, {"temperature": t}, results)


# What the emulator computes is what the GPU computes

EMULATED = """
import sys
sys.path.insert(0, sys.argv[1])
from cuda_emulator import stand_in
cupy = stand_in.install()
import numpy as np
from arrays import OPERATIONS, call
import softkern
with np.load(sys.argv[2]) as given:
    x, u = cupy.asarray(given["x"]), cupy.asarray(given["u"])
    results = {name: call(softkern, name, x, u, int(given["axis"])) for name in OPERATIONS}
    found = {f"{name} {k}": a.get() for name in results for k, a in enumerate(results[name])}
    np.savez(sys.argv[3], **found)
"""


@pytest.mark.parametrize("shape", [(70, 9), (9, 333), (3, 70_001)])
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_emulator_and_gpu_agree_to_the_last_bit(cupy, tmp_path, shape, axis, dtype):
    x, u = np.random.default_rng(0).normal(0, 3, (2, *shape)).astype(dtype)
    given, found = tmp_path / "given.npz", tmp_path / "found.npz"
    np.savez(given, x=x, u=u, axis=axis)
    here = Path(__file__).parent
    subprocess.run([sys.executable, "-c", EMULATED, here, given, found], check=True)
    with np.load(found) as emulated:
        for name in OPERATIONS:
            results = call(softkern, name, cupy.asarray(x), cupy.asarray(u), axis)
            for k, a in enumerate(host(results)):
                np.testing.assert_array_equal(a, emulated[f"{name} {k}"])
