"""The stand-in launches raw kernels as CuPy does, and is stricter where CuPy is lax."""

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


@pytest.fixture
def scale(cupy):
    return cupy.RawKernel(SCALE, "scale", ("--std=c++17",))


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
