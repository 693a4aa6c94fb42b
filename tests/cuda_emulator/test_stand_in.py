"""The stand-in has CuPy's arrays and devices, and is stricter where CuPy is lax."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cuda_emulator import stand_in

settings = stand_in.settings


def test_namespace_of_array_api_compat(cupy, x):
    array_api_compat = pytest.importorskip("array_api_compat")
    xp = array_api_compat.array_namespace(x)
    assert xp.__name__ == "array_api_compat.cupy"
    host = x.get()
    pairs = [
        (xp.sum(x, axis=1), host.sum(1)),
        (xp.max(x), host.max()),
        (xp.where(x > 3, x, 0), np.where(host > 3, host, 0)),
        (xp.exp(x), np.exp(host)),
        (xp.log1p(x), np.log1p(host)),
        (xp.astype(x, xp.float64), host.astype(float)),
        (xp.broadcast_arrays(x, x[0])[1], np.broadcast_to(host[0], (3, 4))),
        (xp.moveaxis(x, 0, 1), host.T),
        (xp.reshape(x, (2, 6)), host.reshape(2, 6)),
        (xp.take_along_axis(x, xp.argmax(x, axis=1, keepdims=True), axis=1), host[:, 3:]),
        (xp.asarray([[1, 2]], dtype=xp.float32) @ x[:2], [[1.0, 2.0]] @ host[:2]),
        (xp.linalg.vector_norm(x), np.linalg.norm(host)),
        (xp.stack([x[0], x[1]]), host[:2]),
    ]
    for result, truth in pairs:
        assert isinstance(result, cupy.ndarray)
        assert result.dtype == np.asarray(truth).dtype or result.shape == (1, 4)
        np.testing.assert_allclose(result.get(), truth, rtol=1e-6)
    assert xp.isdtype(x.dtype, "real floating")
    assert xp.result_type(x, xp.float64) == np.float64
    assert xp.finfo(x.dtype).eps == np.finfo(np.float32).eps
    assert array_api_compat.device(x) == cupy.cuda.Device(0)
    assert array_api_compat.to_device(x, cupy.cuda.Device(1)).device.id == 1


def test_operators(cupy, x):
    a, other = x.get(), x.get()[::-1] + 1
    y = cupy.asarray(other)
    number = np.float32(2)
    for result, truth in [
        (x + y, a + other),
        (number - x, number - a),
        (x / 2, a / 2),
        (x**2 // y % 3, a**2 // other % 3),
        (2 - -x, 2 + a),
        (abs(1 - x), abs(1 - a)),
        (x @ y.T, a @ other.T),
        ((x < y) & ~(x == 3), (a < other) & ~(a == 3)),
        (x.astype("i4") << 2 ^ 5, a.astype("i4") << 2 ^ 5),
        (np.exp(x), np.exp(a)),
        (np.sum(x, axis=0), a.sum(0)),
    ]:
        assert isinstance(result, cupy.ndarray)
        assert result.dtype == truth.dtype
        np.testing.assert_array_equal(result.get(), truth)
    same = x
    same += 1
    same *= y
    assert same is x
    np.testing.assert_array_equal(x.get(), (a + 1) * other)


def test_indices_and_views(cupy, x):
    a = x.get()
    for index in [0, (0, 1), ..., (None, ..., slice(None, None, -2)), (slice(1), 2)]:
        part = x[index]
        assert part.base is x
        assert part.device == x.device
        np.testing.assert_array_equal(part.get(), a[index])
    np.testing.assert_array_equal(x[cupy.asarray([2, 0])].get(), a[[2, 0]])
    np.testing.assert_array_equal(x[x > 5].get(), a[a > 5])
    x[0] = x[1]
    x[1, 2] = 9
    assert x[0].tolist() == a[1].tolist()
    assert (x[1, 2].item(), float(x[1, 2]), len(x)) == (9, 9, 3)
    assert x.T.strides == (4, 16)
    assert x.reshape(-1, 2).data.ptr == x.data.ptr
    assert x[1:].data.ptr == x.data.ptr + 16
    assert x[1:].data.mem is x.data.mem
    assert (x.flags.c_contiguous, x.T.flags.c_contiguous, x.copy().base) == (True, False, None)


def test_memory_is_aligned_and_poisoned(cupy):
    settings.allocations.clear()
    a = cupy.empty((3, 5), np.float32)
    assert (settings.allocations.count, settings.allocations.bytes) == (1, 60)
    assert a.data.ptr % 512 == 0
    assert np.isnan(a.get()).all()
    pointer = cupy.cuda.alloc(64)
    assert cupy.ndarray((4, 4), np.float32, memptr=pointer + 0).data.ptr == pointer.ptr


@pytest.mark.parametrize(
    "use",
    [
        lambda cupy, x: x + x.get(),
        lambda cupy, x: x.get() + x,
        lambda cupy, x: cupy.add(x, x.get()),
        lambda cupy, x: cupy.sum(x.get()),
        lambda cupy, x: cupy.concatenate([x, x.get()]),
        lambda cupy, x: np.asarray(x),
        lambda cupy, x: x.__setitem__(0, x.get()[0]),
    ],
)
def test_arrays_of_numpy_are_refused(cupy, x, use):
    with pytest.raises(TypeError):
        use(cupy, x)


def test_unsupported_dtypes_are_refused(cupy):
    for values in ("text", [None], np.longdouble(1)):
        with pytest.raises((TypeError, ValueError)):
            cupy.asarray(values)


def test_devices_and_streams(cupy):
    runtime = cupy.cuda.runtime
    assert runtime.getDeviceCount() == 2
    assert cupy.cuda.Device().attributes["MultiProcessorCount"] == settings.multiprocessors
    assert runtime.getDeviceProperties(0)["sharedMemPerBlockOptin"] == settings.shared_memory_optin
    with settings.using(compute_capability="75", multiprocessors=40):
        assert cupy.cuda.Device().compute_capability == "75"
        assert runtime.deviceGetAttribute(runtime.cudaDevAttrMultiProcessorCount, 1) == 40
    with cupy.cuda.Device(1):
        assert runtime.getDevice() == 1
        b, stream = cupy.zeros(3), cupy.cuda.Stream()
        with stream:
            assert cupy.cuda.get_current_stream() is stream
    assert cupy.cuda.get_current_stream() is cupy.cuda.Stream.null
    with pytest.raises(ValueError, match="device"):
        b + b
    with pytest.raises(runtime.CUDARuntimeError):
        stream.use()
    with pytest.raises(runtime.CUDARuntimeError):
        cupy.cuda.Device(2)


def test_memoize(cupy):
    calls = []

    @cupy.memoize(for_each_device=True)
    def remember(number):
        calls.append(number)
        return number

    for device in (0, 1):
        with cupy.cuda.Device(device):
            assert remember(3) == remember(3) == 3
    assert calls == [3, 3]


def test_import_in_a_fresh_process():
    code = (
        "from cuda_emulator import stand_in; stand_in.install(); "
        "from cupy import *; import cupy.cuda.runtime, cupy.linalg; "
        "assert float(asarray([3.0]).sum()) == 3"
    )
    folder = str(Path(__file__).parents[1])
    subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": folder}, check=True)
