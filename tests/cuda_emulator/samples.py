"""What the tests of the emulator share: a kernel, and ways to run it."""

import shutil

import numpy as np
import pytest

from cuda_emulator import Program

needs_compiler = pytest.mark.skipif(
    not (shutil.which("g++") and shutil.which("addr2line")), reason="needs g++ and addr2line"
)
ORDERS = ("forward", "reverse", "random", "greedy")
N = 1000
SOFTMAX = r"""
#include <cuda_fp16.h>
#include <cuda_bf16.h>
#define THREADS 256
#define FULL 0xffffffffu

__device__ __forceinline__ float add(float a, float b) { return a + b; }
__device__ __forceinline__ float larger(float a, float b) { return fmaxf(a, b); }

template <class F> __device__ float over_warp(float x, F merge) {
#pragma unroll
  for (int lanes = 16; lanes; lanes >>= 1) {
    x = merge(x, __shfl_xor_sync(FULL, x, lanes));  // SHUFFLE
  }
  return x;
}

template <class F> __device__ float over_block(float x, F merge, float* partial) {
  x = over_warp(x, merge);
  if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = x;  // STORE PARTIAL
  __syncthreads();  // FIRST
  x = partial[0];  // LOAD PARTIAL
  for (int k = 1; k < blockDim.x / 32; ++k) x = merge(x, partial[k]);  // LOAD PARTIALS
  __syncthreads();  // SECOND
  return x;
}

extern "C" __global__ void __launch_bounds__(THREADS, (2 * (1)))
softmax(const float* __restrict__ x, float* __restrict__ y, int n) {
  extern __shared__ __align__(16) float partial[];
  x += (long long)blockIdx.x * n;
  y += (long long)blockIdx.x * n;
  float most = -__int_as_float(0x7f800000), sum = 0;
  for (int k = threadIdx.x; k < n; k += blockDim.x) most = fmaxf(most, x[k]);  // READ
  // EARLY
  most = over_block(most, larger, partial);
  for (int k = threadIdx.x; k < n; k += blockDim.x) sum += expf(x[k] - most);
  sum = over_block(sum, add, partial);
  for (int k = threadIdx.x; k < n; k += blockDim.x)
    y[k] = expf(x[k] - most) / sum;  // WRITE
}
"""


def run(source, name, grid, block, arguments, options=(), **others):
    return Program(source, options).launch(name, grid, block, arguments, **others)


def aligned(values):
    """The array where 128-byte lines begin."""
    values = np.asarray(values)
    room = np.zeros(values.nbytes + 128, np.uint8)
    start = -room.ctypes.data % 128
    array = room[start : start + values.nbytes].view(values.dtype).reshape(values.shape)
    array[...] = values
    return array


def line_of(source, mark):
    """The place of the line with this mark, as reports have it."""
    lines = source.split("\n")
    return f"kernel.cu:{1 + next(k for k, line in enumerate(lines) if mark in line)}"


def rows():
    return np.random.default_rng(0).standard_normal((3, N)).astype(np.float32)


def softmax(source=SOFTMAX, checked=True, **others):
    x = rows()
    y = np.empty_like(x)
    arguments = others.pop("arguments", (x, y, np.int32(N)))
    others = {"shared_bytes": 32, **others}
    report = Program(source, checked=checked).launch("softmax", (3,), (256,), arguments, **others)
    return x, y, report
