"""Correct kernels give the right numbers, in every order of threads."""

import numpy as np
import pytest

from cuda_emulator import KernelFault, Program
from cuda_emulator.samples import ORDERS, needs_compiler, run, softmax

pytestmark = needs_compiler


@pytest.mark.parametrize("checked", [False, True])
@pytest.mark.parametrize("order", ORDERS)
def test_softmax_is_right_in_every_order(order, checked):
    x, y, report = softmax(order=order, checked=checked, seed=3)
    truth = np.exp(x.astype(float))
    np.testing.assert_allclose(y, truth / truth.sum(1, keepdims=True), rtol=1e-5)
    assert report.barriers == 3 * 4


WARPS = """
extern "C" __global__ void warps(int* out, double* sums) {
  const unsigned all = 0xffffffffu;
  const int lane = threadIdx.x;
  int* mine = out + 12 * lane;
  mine[0] = __shfl_sync(all, lane, 5);
  mine[1] = __shfl_sync(all, lane, 1, 8);
  mine[2] = __shfl_up_sync(all, lane, 3);
  mine[3] = __shfl_down_sync(all, lane, 3, 16);
  mine[4] = __shfl_xor_sync(all, lane, 6);
  mine[5] = __ballot_sync(all, lane % 3 == 0);
  mine[6] = __any_sync(all, lane == 9) + 2 * __all_sync(all, lane != 9);
  mine[7] = __reduce_add_sync(all, -lane);
  mine[8] = __reduce_min_sync(all, -lane);
  mine[9] = __reduce_max_sync(all, (unsigned)-lane);
  mine[10] = __syncthreads_count(lane < 7) + 100 * __syncthreads_or(lane == 3);
  mine[11] = __syncthreads_and(lane < 32) + 10 * __syncthreads_and(lane < 31);
  double sum = lane + 0.25;
  for (int k = 16; k; k /= 2) sum += __shfl_down_sync(all, sum, k);
  if (lane == 0) sums[0] = sum;
}
"""


@pytest.mark.parametrize("order", ORDERS)
def test_operations_of_a_warp(order):
    out, sums = np.zeros((32, 12), np.int32), np.zeros(1)
    run(WARPS, "warps", (1,), (32,), (out, sums), order=order)
    lane = np.arange(32)
    half = lane // 16 * 16
    expected = [
        np.full(32, 5),
        lane // 8 * 8 + 1,
        np.where(lane < 3, lane, lane - 3),
        np.where(lane + 3 < half + 16, lane + 3, lane),
        lane ^ 6,
        np.full(32, sum(1 << k for k in range(0, 32, 3)), np.uint32).view(np.int32),
        np.full(32, 1),
        np.full(32, -lane.sum()),
        np.full(32, -31),
        np.full(32, -1),
        np.full(32, 107),
        np.full(32, 1),
    ]
    for column, values in zip(out.T, expected, strict=True):
        assert (column == values).all()
    assert sums[0] == lane.sum() + 8


ATOMICS = """
extern "C" __global__ void atomics(int* count, float* sum, unsigned long long* most, int* last) {
  __shared__ int mine;
  if (threadIdx.x == 0) mine = 0;
  __syncthreads();
  atomicAdd(&mine, 1);
  __syncthreads();  // BARRIER
  atomicAdd(sum, 0.5f);
  atomicMax(most, 7ull * blockIdx.x);
  if (threadIdx.x == 0) last[blockIdx.x] = atomicAdd(count, mine);
}
"""


def test_atomics():
    count, total = np.zeros(1, np.int32), np.zeros(1, np.float32)
    most, last = np.zeros(1, np.uint64), np.zeros(4, np.int32)
    run(ATOMICS, "atomics", (4,), (64,), (count, total, most, last))
    assert (count, total, most) == (256, 128, 21)
    assert sorted(last) == [0, 64, 128, 192]
    racing = ATOMICS.replace("__syncthreads();  // BARRIER", "")
    with pytest.raises(KernelFault, match="race"):
        run(racing, "atomics", (4,), (64,), (count, total, most, last))


HALVES = """
#include <cuda_fp16.h>
#include <cuda_bf16.h>
extern "C" __global__ void widen(const __half* h, const __nv_bfloat16* b, float* x, float* y) {
  const int k = blockIdx.x * blockDim.x + threadIdx.x;
  x[k] = __half2float(h[k]);
  y[k] = __bfloat162float(b[k]);
}
extern "C" __global__ void narrow(const float* x, __half* h, __nv_bfloat16* b) {
  const int k = blockIdx.x * blockDim.x + threadIdx.x;
  h[k] = __float2half_rn(x[k]);
  b[k] = __float2bfloat16_rn(x[k]);
}
"""


def test_every_half_is_read_exactly_and_rounding_is_to_nearest():
    bits = np.arange(1 << 16, dtype=np.uint16)
    x, y = np.empty(bits.size, np.float32), np.empty(bits.size, np.float32)
    program = Program(HALVES, checked=False)
    program.launch("widen", (64,), (1024,), (bits, bits, x, y))
    np.testing.assert_array_equal(x, bits.view(np.float16).astype(np.float32))
    np.testing.assert_array_equal(y, (bits.astype(np.uint32) << 16).view(np.float32))
    x[~np.isfinite(x)] = 0
    between = (np.arange(1 << 16, dtype=np.uint32) << 16 | 0x8000).view(np.float32)
    for values in (x + np.spacing(x), x + np.roll(x, 1), between, x * np.float32(0.99999)):
        values = np.where(np.isfinite(values), values, 0)
        h, b = np.empty_like(bits), np.empty_like(bits)
        program.launch("narrow", (64,), (1024,), (values, h, b))
        with np.errstate(over="ignore"):
            np.testing.assert_array_equal(h, values.astype(np.float16).view(np.uint16))
        even = values.view(np.uint32).astype(np.uint64)
        np.testing.assert_array_equal(b, (even + 0x7FFF + (even >> 16 & 1)) >> 16)


def test_flush_and_blocks():
    source = """extern "C" __global__ void halve(float* x) { x[blockIdx.x] *= 0.5f; }"""
    tiny = np.float32(2.0**-126)
    x = np.full(3, tiny)
    run(source, "halve", (3,), (1,), (x,), blocks=(0, 2))
    assert x.tolist() == [0, tiny, 0]
    run(source, "halve", (3,), (1,), (x,), flush=False)
    assert x.tolist() == [0, tiny / 2, 0]
