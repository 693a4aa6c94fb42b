"""
Softmax inside a CUDA kernel
============================

The scores of a softmax often come out of a computation of their own: a kernel that has just computed
one need not write it to memory for another to read. With softkern's header the sums go along with
the scores. This script needs a GPU, and so it is shown here without its output.
"""

import cupy
import numpy as np

import softkern

# %%
# Points belong to clusters by a softmax of minus half their squared distances. A warp takes a point,
# each lane every 32nd cluster. The first loop adds up the pair (m, s) of the point's row, in registers;
# `merge_over` makes those of 32 lanes one; the second loop computes the scores again, which is cheaper
# than to have kept them.

SOURCE = """
#include "softkern/softkern.cuh"

__device__ float score(const float* point, const float* centre, int dimensions) {
  float sum = 0;
  for (int d = 0; d < dimensions; ++d) {
    const float apart = point[d] - centre[d];
    sum += apart * apart;
  }
  return -sum / 2;
}

extern "C" __global__ void assign(const float* points, const float* centres, float* shares,
                                  float* evidence, int count, int clusters, int dimensions) {
  const int i = (blockIdx.x * blockDim.x + threadIdx.x) / 32, lane = threadIdx.x % 32;
  if (i >= count) return;
  const float* point = points + i * dimensions;

  softkern::Row<float> row;
  for (int k = lane; k < clusters; k += 32) {
    row = add(row, score(point, centres + k * dimensions, dimensions));
  }
  row = softkern::merge_over<32>(row);
  for (int k = lane; k < clusters; k += 32) {
    shares[i * clusters + k] = softmax(row, score(point, centres + k * dimensions, dimensions));
  }
  if (lane == 0) evidence[i] = logsumexp(row);
}
"""
options = ("--std=c++17", f"-I{softkern.get_include()}")
assign = cupy.RawKernel(SOURCE, "assign", options)

# %%
# 1000 points, 50 clusters.

rng = np.random.default_rng(0)
points = cupy.asarray(rng.normal(0, 3, (1000, 8)).astype("float32"))
centres = cupy.asarray(rng.normal(0, 3, (50, 8)).astype("float32"))
shares = cupy.empty((1000, 50), "float32")
evidence = cupy.empty(1000, "float32")
sizes = np.int32(1000), np.int32(50), np.int32(8)
assign((250,), (128,), (points, centres, shares, evidence, *sizes))

# %%
# The same by way of an array of all scores:

scores = -((points[:, None] - centres) ** 2).sum(axis=2) / 2
print(abs(shares - softkern.softmax(scores, axis=1)).max())
print(abs(evidence - softkern.logsumexp(scores, axis=1)).max())
