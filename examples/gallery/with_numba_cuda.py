"""
Softmax in a kernel of numba-cuda
=================================

numba-cuda compiles kernels from Python and links functions from CUDA C++ into them, among these what
softkern's header gives. This script needs a GPU, and so it is shown here without its output.
"""

import numpy as np
from numba import cuda
from numba.cuda import config

import softkern

# %%
# Each lane of a warp hands over a number, and has its share back. The compiler puts the function into
# its callers.

SOURCE = """
#include "softkern/softkern.cuh"

extern "C" __device__ float softmax_of_warp(float x) {
  float numbers[1] = {x};
  softkern::softmax<32>(numbers);
  return numbers[0];
}
"""
config.CUDA_NVRTC_EXTRA_SEARCH_PATHS = softkern.get_include()
softmax_of_warp = cuda.declare_device(
    "softmax_of_warp", "float32(float32)", link=cuda.CUSource(SOURCE), abi="c"
)

# %%
# A router of tokens among 32 experts: a warp takes a token, each lane an expert, and the scores never
# leave the registers.


@cuda.jit
def route(tokens, experts, shares):
    token, expert = cuda.grid(1) // 32, cuda.grid(1) % 32
    if token < tokens.shape[0]:
        score = np.float32(0)
        for k in range(tokens.shape[1]):
            score += tokens[token, k] * experts[expert, k]
        shares[token, expert] = softmax_of_warp(score)


# %%
# 1000 tokens of 64 numbers, and the same by way of an array of all scores:

rng = np.random.default_rng(0)
tokens, experts = (rng.normal(0, 0.5, (n, 64)).astype("float32") for n in (1000, 32))
shares = cuda.device_array((1000, 32), "float32")
route[250, 128](cuda.to_device(tokens), cuda.to_device(experts), shares)
expected = softkern.softmax(tokens @ experts.T, axis=1)
print(abs(shares.copy_to_host() - expected).max())
