"""The stand-in is CuPy to a library that launches raw kernels, and stricter where CuPy is lax."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cuda_emulator import KernelFault, stand_in
from cuda_emulator.samples import needs_compiler

settings = stand_in.settings
SCALE = """
#include <cuda_fp16.h>
extern "C" __global__ void __launch_bounds__(64) scale(const float* x, float* y, float a, int n) {
  const int k = blockIdx.x * blockDim.x + threadIdx.x;
  if (k < n) y[k] = a * x[k];
}
extern "C" __global__ void half_scale(const half* x, half* y, half a) {
  extern __shared__ half row[];
  row[threadIdx.x] = x[threadIdx.x];
  y[threadIdx.x] = a * row[threadIdx.x];
}
extern "C" __global__ void halve(double* x) { x[threadIdx.x] *= 0.5; }
"""


@pytest.fixture(scope="module")
def installed():
    before = {name: module for name, module in sys.modules.items() if is_cupy(name)}
    yield stand_in.install()
    for name in list(filter(is_cupy, sys.modules)):
        del sys.modules[name]
    sys.modules.update(before)


@pytest.fixture
def cupy(installed):
    """The stand-in as `cupy`, with settings of its own."""
    with settings.using(launches=[], checked=False, orders=("random",)):
        yield installed


def is_cupy(name):
    return name.partition(".")[0] == "cupy"


@pytest.fixture
def x(cupy):
    return cupy.asarray(np.arange(12, dtype=np.float32).reshape(3, 4))


@pytest.fixture
def scale(cupy):
    return cupy.RawKernel(SCALE, "scale", ("--std=c++17",))


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


@needs_compiler
def test_launch(cupy, x, scale):
    y = cupy.empty_like(x)
    with cupy.cuda.Stream(non_blocking=True) as stream:
        scale((2,), (8,), (x, y, np.float32(3), np.int32(12)))
    np.testing.assert_array_equal(y.get(), 3 * x.get())
    (record,) = settings.launches
    assert (record.kernel, record.grid, record.block) == ("scale", (2, 1, 1), (8, 1, 1))
    assert (record.shared_bytes, record.stream, record.device) == (0, stream.ptr, 0)
    assert record.report.loads == []
    assert scale.attributes["max_threads_per_block"] == 64


@needs_compiler
def test_launch_of_halves_and_doubles(cupy):
    module = cupy.RawModule(code=SCALE)
    h = cupy.asarray(np.arange(8, dtype=np.float16))
    out = cupy.empty_like(h)
    module.get_function("half_scale")((1,), (8,), (h, out, np.float16(3)), shared_mem=16)
    assert out.tolist() == [3 * k for k in range(8)]
    tiny = cupy.asarray(np.array([np.finfo(float).tiny]))
    module.get_function("halve")((1,), (1,), (tiny,))
    assert tiny.item() == np.finfo(float).tiny / 2
    with pytest.raises(RuntimeError, match="NOT_FOUND"):
        module.get_function("nothing")


TEMPLATE = """
namespace scales {
template <typename T, int N> __global__ void scale(T* x) { x[threadIdx.x] *= N; }
}
"""


@needs_compiler
def test_kernels_of_templates(cupy):
    names = ["scales::scale<float, 2>", "scales::scale<double, 3>"]
    module = cupy.RawModule(code=TEMPLATE, options=("--std=c++17",), name_expressions=names)
    for name, dtype, n in zip(names, ("float32", "float64"), (2, 3), strict=True):
        x = cupy.ones(4, dtype)
        module.get_function(name)((1,), (4,), (x,))
        assert x.tolist() == [n] * 4
    assert [launch.kernel for launch in settings.launches] == names
    with pytest.raises(RuntimeError, match="NOT_FOUND"):
        module.get_function("scales::scale<float, 3>")
    with pytest.raises(TypeError, match="float32"):
        module.get_function(names[1])((1,), (4,), (cupy.ones(4, "float32"),))


@needs_compiler
@pytest.mark.parametrize(
    ("error", "change"),
    [
        (TypeError, {"n": 12}),
        (TypeError, {"n": np.int64(12)}),
        (TypeError, {"a": 3.0}),
        (TypeError, {"a": np.float64(3)}),
        (TypeError, {"x": np.zeros((3, 4), np.float32)}),
        (TypeError, {"x": np.float32(1)}),
        (TypeError, {"dtype": "float64"}),
        (TypeError, {"dtype": "int32"}),
        (TypeError, {"more": 1}),
        (TypeError, {"grid": [1]}),
        (TypeError, {"grid": (1.0,)}),
        (RuntimeError, {"grid": (0,)}),
        (RuntimeError, {"grid": (1, 1 << 16)}),
        (RuntimeError, {"block": (65,)}),
        (RuntimeError, {"shared_mem": 49153}),
        (RuntimeError, {"device": 1}),
    ],
)
def test_wrong_launches_are_refused(cupy, x, scale, error, change):
    y = cupy.empty_like(x)
    wanted = {"x": x, "y": y, "a": np.float32(3), "n": np.int32(12)}
    if "dtype" in change:
        wanted["x"] = x.astype(change["dtype"])
    arguments = [change.get(name, value) for name, value in wanted.items()]
    arguments += [0] * change.get("more", 0)
    with cupy.cuda.Device(change.get("device", 0)), pytest.raises(error):
        scale(
            change.get("grid", (1,)),
            change.get("block", (64,)),
            tuple(arguments),
            shared_mem=change.get("shared_mem", 0),
        )
    assert np.isnan(y.get()).all()


@needs_compiler
def test_large_shared_memory_is_a_choice_on_each_device(cupy):
    kernel = cupy.RawKernel(SCALE, "half_scale")
    h = cupy.zeros(4, np.float16)
    kernel.max_dynamic_shared_size_bytes = 100_000
    kernel((1,), (4,), (h, h, np.float16(1)), shared_mem=100_000)
    with cupy.cuda.Device(1):
        assert kernel.max_dynamic_shared_size_bytes == 48 << 10
    with pytest.raises(RuntimeError, match="INVALID_VALUE"):
        kernel.max_dynamic_shared_size_bytes = 232_449


@needs_compiler
@pytest.mark.parametrize("checked", [False, True])
def test_stores_past_the_end_are_found(cupy, x, scale, checked):
    y = cupy.empty(11, np.float32)
    with settings.using(checked=checked), pytest.raises(KernelFault, match="out-of-bounds"):
        scale((1,), (16,), (x, y, np.float32(1), np.int32(12)))


@needs_compiler
def test_checked_launches_are_counted_by_array(cupy, x, scale):
    with settings.using(checked=True, orders=("forward", "greedy")):
        scale((1,), (16,), (x, x, np.float32(2), np.int32(12)))
    report = settings.launches[-1].report
    assert [counts.tolist() for counts in report.loads] == [[1] * 48] * 2
    assert [counts.tolist() for counts in report.stores] == [[1] * 48] * 2
    assert x.get()[2, 3] == 22
    assert len(report.lines) == 2


@needs_compiler
def test_results_must_not_depend_on_the_order(cupy):
    source = """extern "C" __global__ void last(int* x) { *x = threadIdx.x; }"""
    kernel = cupy.RawKernel(source, "last")
    with settings.using(orders=("forward", "reverse")), pytest.raises(KernelFault, match="order"):
        kernel((1,), (2,), (cupy.zeros(1, np.int32),))


@needs_compiler
def test_capture(cupy, x, scale):
    y = cupy.empty_like(x)
    stream = cupy.cuda.Stream(non_blocking=True)
    arguments = (x, y, np.float32(2), np.int32(12))
    with stream:
        stream.begin_capture()
        scale((1,), (16,), arguments)
        assert y[1:].reshape(-1).size == 8
        for refused in (
            lambda: cupy.empty(3),
            lambda: x + 1,
            lambda: x.get(),
            lambda: x.fill(0),
            stream.synchronize,
            cupy.cuda.Device().synchronize,
            lambda: scale((1,), (16,), arguments, stream=cupy.cuda.Stream.null),
        ):
            with pytest.raises(cupy.cuda.runtime.CUDARuntimeError):
                refused()
        graph = stream.end_capture()
    assert np.isnan(y.get()).all()
    assert settings.launches == []
    x += 1
    graph.upload(stream)
    graph.launch(stream)
    np.testing.assert_array_equal(y.get(), 2 * x.get())
    with pytest.raises(cupy.cuda.runtime.CUDARuntimeError):
        cupy.cuda.Stream.null.begin_capture()


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
