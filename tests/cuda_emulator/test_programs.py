"""What sources may hold, and what compilation and launches refuse."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cuda_emulator import CompilationError, KernelFault, Program
from cuda_emulator.samples import needs_compiler, run

pytestmark = needs_compiler


def test_options_and_headers(tmp_path: Path):
    (tmp_path / "step.cuh").write_text(
        "#pragma once\n__device__ void step(int* x, int k) {\n  x[k] = STEP + __CUDA_ARCH__;\n}\n"
    )
    source = """
#include "step.cuh"
extern "C" __global__ void steps(int* x) { step(x, threadIdx.x); }
"""
    x = np.zeros(4, np.int32)
    options = (f"-I{tmp_path}", "-DSTEP=3", "-D__CUDA_ARCH__=700", "--std=c++17", "-arch=sm_70")
    run(source, "steps", (1,), (4,), (x,), options)
    assert x.tolist() == [703] * 4
    with pytest.raises(KernelFault, match=r"step\.cuh:3: out-of-bounds"):
        run(source, "steps", (1,), (5,), (x,), options)
    (tmp_path / "step.cuh").write_text("__device__ void step(int* x, int k) { x[k] = 9; }")
    run(source, "steps", (1,), (4,), (x,), options)
    assert x.tolist() == [9] * 4


def test_launches_that_no_machine_has_are_refused():
    program = Program('extern "C" __global__ void f(float x) {}')
    for grid, block, arguments, shared_bytes in [
        ((1,), (1025,), (1.0,), 0),
        ((1,), (0,), (1.0,), 0),
        ((1,), (1,), (1.0,), 1 << 20),
        ((1,), (1,), (), 0),
        ((1,), (1,), (np.float64(1),), 0),
    ]:
        with pytest.raises((ValueError, TypeError)):
            program.launch("f", grid, block, arguments, shared_bytes=shared_bytes)
    program.launch("f", (1,), (1024,), (1.0,))


def test_errors_of_the_compiler_are_shown():
    with pytest.raises(CompilationError, match=r"kernel\.cu:2.*nonsense"):
        Program('\nextern "C" __global__ void f() { nonsense(); }')


def test_structures_static_arrays_and_names():
    source = """
#define WARP(k) ((k) + 30)
struct Pair { float x; int n; };
namespace inner { struct State { double a[3]; }; }
extern "C" __global__ __launch_bounds__((30 + WARP(2))) void first(Pair p, float* y) {
  __shared__ inner::State states[2];
  if (threadIdx.x < 2) states[threadIdx.x].a[2] = p.x;
  __syncthreads();
  y[threadIdx.x] = states[threadIdx.x % 2].a[2] + p.n;
}
/* extern "C" __global__ void gone() {} */
#define KERNEL(name) extern "C" __global__ void name(int* y) { *y = 5; }
KERNEL(second)
#if 0
extern "C" __global__ void absent() {}
#endif
"""
    y, n = np.zeros(32, np.float32), np.zeros(1, np.int32)
    pair = np.array((1.5, 2), [("x", "f4"), ("n", "i4")]).tobytes()
    program = Program(source)
    assert set(program.kernels) == {"first", "second"}
    assert (program.max_threads("first"), program.max_threads("second")) == (62, 1024)
    assert program.static_shared_bytes == 48
    program.launch("first", (1,), (32,), (pair, y))
    program.launch("second", (1,), (1,), (n,))
    assert (y == 3.5).all()
    assert n == 5


@pytest.mark.parametrize("number", [1, 2])
def test_shared_variables_of_templates_are_a_programs_own(number):
    source = """
template <class T> __device__ T* room() { __shared__ T s[4]; return s; }
extern "C" __global__ void f(int* x) { room<int>()[0] = NUMBER; *x = room<int>()[0]; }
"""
    x = np.zeros(1, np.int32)
    run(source, "f", (1,), (1,), (x,), (f"-DNUMBER={number}",))
    assert x == number


def test_processes_compile_the_same_at_once(tmp_path: Path):
    source = f"""extern "C" __global__ void put(int* x) {{ *x = 4; }}  // {tmp_path}"""
    code = (
        "import numpy as np; from cuda_emulator import Program; x = np.zeros(1, np.int32); "
        f"Program({source!r}).launch('put', (1,), (1,), (x,)); assert x == 4"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-c", code]
    children = [subprocess.Popen(command, env=environment) for _ in range(3)]
    assert [child.wait(60) for child in children] == [0, 0, 0]
