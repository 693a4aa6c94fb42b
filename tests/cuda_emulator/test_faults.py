"""Each bug is found, in every order of threads, at its line."""

import numpy as np
import pytest

from cuda_emulator import KernelFault, Program
from cuda_emulator.samples import ORDERS, SOFTMAX, aligned, line_of, needs_compiler, run, softmax

pytestmark = needs_compiler

BUGS = {  # text, what replaces it, the kind of the fault and a mark on its line
    "no first barrier": ("__syncthreads();  // FIRST", "", "race", "LOAD PARTIAL"),
    "no second barrier": ("__syncthreads();  // SECOND", "", "race", "STORE PARTIAL"),
    "store past the end": ("y[k] =", "y[k + 1] =", "out-of-bounds", "// WRITE"),
    "load past the end": ("most, x[k]", "most, x[k + 1]", "out-of-bounds", "// READ"),
    "half a mask": ("FULL 0xffffffffu", "FULL 0x0000ffffu", "mask", "// SHUFFLE"),
    "early return": ("// EARLY", "if (threadIdx.x > 99) return;", "exited-at-barrier", "// FIRST"),
    "barrier in a branch": (
        "// EARLY",
        "if (threadIdx.x < 32) __syncthreads();  // MINE",
        "divergent-barrier",
        "// MINE",
    ),
    "shuffle in a branch": (
        "x = over_warp(x, merge);",
        "if (threadIdx.x % 2) x = over_warp(x, merge);",
        "deadlock",
        "// SHUFFLE",
    ),
    "load of unwritten shared memory": (
        "threadIdx.x % 32 == 0",
        "threadIdx.x == 0",
        "uninitialised-shared",
        "// LOAD PARTIALS",
    ),
    "past the dynamic array": ("k < blockDim.x / 32", "k < 9", "out-of-bounds", "// LOAD PARTIALS"),
    "int overflow": ("// EARLY", "most += (n << 20) * n > 0;  // MINE", "integer-overflow", "MINE"),
    "shift too far": ("// EARLY", "most += n >> n;  // MINE", "shift", "MINE"),
    "store to const": ("sum = 0;", "sum = 0; ((float*)x)[0] = 0;  // MINE", "read-only", "MINE"),
    "race between blocks": ("y +=", "y[0] = 0; y +=", "race", "y[0] = 0"),
    "trap": ("// EARLY", "if (n == 1000) __trap();  // MINE", "trap", "MINE"),
}


@pytest.mark.parametrize("bug", BUGS)
def test_planted_bug_is_found(bug):
    old, new, kind, mark = BUGS[bug]
    assert SOFTMAX.count(old) == 1
    source = SOFTMAX.replace(old, new)
    found = set()
    for order in ORDERS:
        with pytest.raises(KernelFault) as caught:
            softmax(source, order=order)
        found |= {(fault.kind, fault.location) for fault in caught.value.faults}
    assert (kind, line_of(source, mark)) in found


def test_barriers_and_warps_are_checked_without_the_checks_of_accesses():
    for bug in ("half a mask", "early return", "barrier in a branch", "shuffle in a branch"):
        old, new, kind, mark = BUGS[bug]
        with pytest.raises(KernelFault, match=kind) as caught:
            softmax(SOFTMAX.replace(old, new), checked=False)
        assert line_of(SOFTMAX.replace(old, new), mark) in str(caught.value)


FIRST = "if (t == 0) "
RACES = {  # what two warps do in one block, or in each of two, and whether they race
    "s[t] = t; y[t] = s[t];": (1, False),
    "s[t] = t; y[t] = s[t ^ 1];": (1, True),
    "s[t] = t; __syncwarp(); y[t] = s[t ^ 1];": (1, False),
    "s[t] = t; __syncwarp(); y[t] = s[t ^ 32];": (1, True),
    "s[t] = t; __syncthreads(); y[t] = s[t ^ 32];": (1, False),
    "s[t] = t; __shfl_sync(~0u, t, 0); y[t] = s[t ^ 1];": (1, True),
    "s[t] = t; __syncthreads(); y[t] = s[0]; s[t] = 1;": (1, True),
    "s[t] = t; if (t < 8) __syncwarp(255); __syncwarp(); y[t] = s[t ^ 31];": (1, False),
    "s[t] = t; __syncwarp(); y[t] = s[t & 32]; __syncwarp(); s[t] = s[t] + t;": (1, False),
    "s[t] = t; __syncwarp(); y[t] = s[t & 32]; s[t] = s[t] + t;": (1, True),
    "y[t] = x[0];": (1, False),
    "y[t] = x[1];": (2, True),
    "y[u] = x[blockIdx.x ^ 1];" + FIRST + "x[blockIdx.x] = 1;": (2, True),
    "y[u] = x[0];" + FIRST + "x[blockIdx.x] = 1;": (2, True),
    "y[u] = x[0];": (2, False),
    "atomicAdd(x, 1);": (2, False),
    "atomicAdd(x, 1); __syncthreads(); y[t] = x[0];": (1, False),
    "atomicAdd(x, 1); __syncthreads(); y[u] = x[0];": (2, True),
    "atomicAdd(x, 1);" + FIRST + "x[0] = 1;": (1, True),
    FIRST + "x[0] = 1; __syncthreads(); atomicAdd(x, 1);": (1, False),
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("body", RACES)
def test_races_are_found_in_every_order(body, order):
    blocks, races = RACES[body]
    source = f"""extern "C" __global__ void race(int* x, int* y) {{
  __shared__ int s[64];
  const int t = threadIdx.x, u = 64 * blockIdx.x + t;
  {body}
}}"""
    arguments = np.zeros(2, np.int32), np.zeros(128, np.int32)
    if not races:
        run(source, "race", (blocks,), (64,), arguments, order=order)
        return
    with pytest.raises(KernelFault) as caught:
        run(source, "race", (blocks,), (64,), arguments, order=order)
    assert "race" in {fault.kind for fault in caught.value.faults}


LAST_BLOCK = """
extern "C" __global__ void total(const float* x, float* parts, unsigned* done, float* sum) {
  parts[blockIdx.x] = x[blockIdx.x];
  __threadfence();
  if (atomicInc(done, gridDim.x) != gridDim.x - 1) return;
  float all = 0;
  for (int k = 0; k < gridDim.x; ++k) all += __ldcg(parts + k);
  *sum = all;
}
"""


def test_blocks_are_trusted_on_demand_only():
    x, parts = np.arange(5, dtype=np.float32), np.zeros(5, np.float32)
    done, total = np.zeros(1, np.uint32), np.zeros(1, np.float32)
    arguments = (x, parts, done, total)
    run(LAST_BLOCK, "total", (5,), (1,), arguments, trust_atomics=True)
    assert total == 10
    done[:] = 0
    with pytest.raises(KernelFault, match="race: load of a store by another block"):
        run(LAST_BLOCK, "total", (5,), (1,), arguments)


@pytest.mark.parametrize("order", ORDERS)
def test_a_crash_is_a_fault(order):
    source = """extern "C" __global__ void crash(int* x, long long far, int zero) {
  __syncthreads();
  if (threadIdx.x == 5) x[far] = 1;
  if (threadIdx.x == 6) x[0] /= zero;
}"""
    program = Program(source, checked=False)
    x = np.ones(1, np.int32)
    for far, zero, place in ((1 << 44, 1, "kernel.cu:3: out-of-"), (0, 0, "kernel.cu:4: division")):
        with pytest.raises(KernelFault, match=place):
            program.launch("crash", (2,), (32,), (x, far, zero), order=order)
    program.launch("crash", (2,), (32,), (x, 0, 1), order=order)


def test_misaligned_vector_is_found():
    source = """extern "C" __global__ void copy(const uint4* x, uint4* y) { y[0] = x[0]; }"""
    data = aligned(np.arange(8, dtype=np.uint32))
    out = aligned(np.zeros(4, np.uint32))
    run(source, "copy", (1,), (1,), (data[4:], out))
    assert out.tolist() == [4, 5, 6, 7]
    with pytest.raises(KernelFault, match="misaligned"):
        run(source, "copy", (1,), (1,), (data[1:5], out))
