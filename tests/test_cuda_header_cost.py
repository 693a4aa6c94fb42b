"""What the header for users' CUDA kernels costs, by NVIDIA's compiler: no GPU or driver needed."""

import re
from pathlib import Path

import nvrtc
import pytest

import softkern

FOLDER = softkern.get_include()
HEADER = Path(FOLDER) / "softkern" / "softkern.cuh"
OPTIONS = ("--std=c++17", f"-I{FOLDER}")
BYTES = {"float": 4, "double": 8}

KERNEL = """
#include "softkern/softkern.cuh"
using namespace softkern;
extern "C" __global__ void __launch_bounds__(256) kernel(const {T}* x, {T}* y, int n) {{
  {body}
}}
"""
LOOPS = """
  x += blockIdx.x * n, y += blockIdx.x * n;
  Row<{T}> row;
  for (int i = threadIdx.x; i < n; i += 256) row = add(row, x[i]);
  row = merge_over<256>(row);
  for (int i = threadIdx.x; i < n; i += 256) y[i] = {name}(row, x[i]);
"""
HELD = """
  {T} numbers[{N}];
  const int first = (blockIdx.x * 256 + threadIdx.x) * {N};
  for (int i = 0; i < {N}; ++i) numbers[i] = x[first + i];
"""
MAPPED = "{call}(numbers); for (int i = 0; i < {N}; ++i) y[first + i] = numbers[i];"
REDUCED = "const {T} L = {call}(numbers); if (threadIdx.x == 0) y[blockIdx.x] = L;"


def costs():
    """The lines of the header that tell what kernels cost: name, registers for float and double."""
    return re.findall(r"^//   (\w.+?) {3,}(\d+) +(\d+)$", HEADER.read_text(), re.MULTILINE)


def costing(name, T):
    """The source of a kernel that does what the header says, and nothing else."""
    if loops := re.fullmatch(r"add in a loop, merge_over<256>, (\w+) in a loop", name):
        body = LOOPS.format(T=T, name=loops[1])
    else:
        call, N = re.fullmatch(r"(\w+<\d+>) of (\d) numbers a thread", name).groups()
        end = REDUCED if call.startswith("logsumexp") else MAPPED
        body = (HELD + end).format(T=T, N=N, call=call)
    return KERNEL.format(T=T, body=body)


def test_the_header_tells_what_it_costs():
    assert len(costs()) == 6
    for name, *stated in costs():
        for T, most in zip(BYTES, map(int, stated), strict=True):
            compiled = nvrtc.compiled(costing(name, T), OPTIONS, 90)
            assert most - 8 < compiled.registers <= most, (name, T)
            warps = 8 if "<256>" in name else 0
            assert compiled.shared == warps * 3 * BYTES[T]
            assert (compiled.stack, compiled.spills, compiled.warnings) == (0, 0, []), name


@pytest.mark.parametrize("T", BYTES)
def test_no_product_is_fused_with_a_sum(tmp_path, T):
    """Whatever the compiler has been told of that."""
    for name, *_ in costs():
        counts = []
        for option in ("--fmad=true", "--fmad=false"):
            compiled = nvrtc.compiled(costing(name, T), (*OPTIONS, option), 90)
            code = nvrtc.machine_code(compiled.cubin, tmp_path)
            counts.append([len(re.findall(rf"\b[FD]{kind}\b", code)) for kind in ("ADD", "FMA")])
        assert counts[0] == counts[1], name
