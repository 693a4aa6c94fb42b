"""
Softmax for templates of CUDA kernels
=====================================

Rows that registers hold are read once. Each thread of a team has `N` numbers of the row, and one call
makes them their softmax, whether the team is a thread, some lanes of a warp, a warp or a block. This
script needs a GPU, and so it is shown here without its output.
"""

import cupy
import numpy as np

import softkern

# %%
# The number, the threads of a row and the numbers of a thread are left open. Beyond the end of a row
# there is -inf, which adds nothing. The temperature divides the scores, as everywhere in softkern.

SOURCE = """
#include "softkern/softkern.cuh"

template <typename T, int THREADS, int N>
__global__ void rows(const T* x, T* y, T* L, int count, int n, T temperature) {
  const int row = (blockIdx.x * blockDim.x + threadIdx.x) / THREADS;
  const int lane = threadIdx.x % THREADS;
  if (row >= count) return;
  const softkern::Temperature<T> t(temperature);

  T numbers[N];
  for (int k = 0; k < N; ++k) {
    const int i = k * THREADS + lane;
    numbers[k] = i < n ? x[row * n + i] : -softkern::Limits<T>::infinity();
  }
  const T sum = softkern::logsumexp<THREADS>(numbers, t);
  softkern::softmax<THREADS>(numbers, t);
  for (int k = 0; k < N; ++k) {
    const int i = k * THREADS + lane;
    if (i < n) y[row * n + i] = numbers[k];
  }
  if (lane == 0) L[row] = sum;
}
"""
TEAMS = {  # numbers of a row -> the threads for it, and the numbers of each
    7: (1, 7),
    30: (8, 4),
    100: (32, 4),
    3000: (256, 12),
}
NAMES = {
    (number, n): f"rows<{number}, {threads}, {each}>"
    for number in ("float", "double")
    for n, (threads, each) in TEAMS.items()
}
module = cupy.RawModule(
    code=SOURCE,
    options=("--std=c++17", f"-I{softkern.get_include()}"),
    name_expressions=list(NAMES.values()),
)

# %%
# A block has 256 threads, and so more or fewer rows. The results are those of softkern's own kernels.


def rows(x, temperature):
    """The softmax and the logsumexp of every row."""
    count, n = x.shape
    number = {"float32": "float", "float64": "double"}[x.dtype.name]
    y, L = cupy.empty_like(x), cupy.empty(count, x.dtype)
    blocks = -(-count * TEAMS[n][0] // 256)
    arguments = x, y, L, np.int32(count), np.int32(n), x.dtype.type(temperature)
    module.get_function(NAMES[number, n])((blocks,), (256,), arguments)
    return y, L


rng = np.random.default_rng(0)
for dtype in ("float32", "float64"):
    for n in TEAMS:
        x = cupy.asarray(rng.normal(0, 3, (37, n)).astype(dtype))
        y, L = rows(x, 0.5)
        apart = abs(y / softkern.softmax(x, axis=1, temperature=0.5) - 1).max()
        print(f"{dtype}, {n} numbers: {float(apart):.1e} of an entry apart", end=", ")
        print(abs(L - softkern.logsumexp(x, axis=1, temperature=0.5)).max())
