"""Reports count accesses by byte and by line."""

import numpy as np
import pytest

from cuda_emulator import Buffer, KernelFault
from cuda_emulator.samples import N, aligned, needs_compiler, run, softmax

pytestmark = needs_compiler


def test_report_counts_each_byte():
    _, _, report = softmax()
    loads, stores = report.loads[0], report.stores[1]
    assert loads.shape == stores.shape == (3 * N * 4,)
    assert (loads == 3).all()
    assert (stores == 1).all()
    assert not report.stores[0].any()
    assert not report.loads[1].any()


COPY = """
extern "C" __global__ void copy(const float* x, float* y, int stride) {
  const int k = (blockIdx.x * blockDim.x + threadIdx.x) * stride;
  const float value = x[k];
  y[k] = value;
}
extern "C" __global__ void copy4(const float4* x, float4* y) {
  const float4 v = __ldcs(x + threadIdx.x);
  __stcs(y + threadIdx.x, make_float4(v.w + 1, v.z, v.y, v.x));
}
"""


@pytest.mark.parametrize(("stride", "sectors"), [(1, 4), (2, 8), (8, 32), (32, 32)])
def test_coalescing_of_a_copy(stride, sectors):
    x = aligned(np.arange(64 * stride, dtype=np.float32))
    y = aligned(np.zeros_like(x))
    report = run(COPY, "copy", (2,), (32,), (x, y, stride))
    efficiency = 128 / (32 * sectors)
    assert report.lines == [
        ("kernel.cu:4", "load", 2, 2 * sectors, efficiency),
        ("kernel.cu:5", "store", 2, 2 * sectors, efficiency),
    ]
    assert report.loads[0].reshape(-1, 4)[::stride].all()
    assert report.loads[0].sum() == 64 * 4
    assert (y[::stride] == x[::stride]).all()


def test_a_vector_is_one_request():
    x = aligned(np.arange(128, dtype=np.float32))
    y = aligned(np.zeros_like(x))
    report = run(COPY, "copy4", (1,), (32,), (x, y))
    assert report.lines == [
        ("kernel.cu:8", "load", 1, 16, 1.0),
        ("kernel.cu:9", "store", 1, 16, 1.0),
    ]
    assert y[:4].tolist() == [4, 2, 1, 0]


def test_buffers_may_overlap_and_lie_within_arrays():
    source = """extern "C" __global__ void put(int* x, int k) { x[k] = k; }"""
    x = np.zeros(8, np.int32)
    buffers = (Buffer(x.ctypes.data + 8, 8), Buffer(x.ctypes.data + 12, 12))
    report = run(source, "put", (1,), (1,), (x, 3), buffers=buffers)
    assert [stores.nonzero()[0].tolist() for stores in report.stores] == [
        [4, 5, 6, 7],
        [0, 1, 2, 3],
    ]
    for k in (1, 6):
        with pytest.raises(KernelFault, match="out-of-bounds"):
            run(source, "put", (1,), (1,), (x, k), buffers=buffers)
