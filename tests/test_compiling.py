"""What is compiled, and when: each kernel once, as a whole, and kept for later processes."""

import os
import platform
import subprocess
import sys

import pytest
from processes import python

numba = pytest.importorskip("numba")
codegen = pytest.importorskip("numba.core.codegen")
simd = pytest.importorskip("softkern.backends.numba_cpu.simd")

COUNT_PASSES = """
import numpy as np
from numba.core import event
import softkern

with event.install_recorder("numba:run_pass") as passes:
    softkern.softmax(np.zeros((4, 4), np.float32), axis=-1)
    softkern.softmax(np.zeros((1, 40000), np.float32))
print(len(passes.buffer))
"""

COUNT_SPILLS = """
import re
from numba import types
from softkern.backends.numba_cpu.launch import kernel

assembly = kernel("softmax", types.float32, False)._library.get_asm_str()
[loop] = [part for part in assembly.split(".Lfunc_end") if re.search(r"\\n_ZN\\w+exp_and_sum", part)]
for move in "vmovap", "vmovup":
    print(len(re.findall(move + r"[sd]\\s+%ymm\\d+, -?\\d*[(]%rsp[)]", loop)))
"""

COLLECTS_WHILE_COMPILING = """
import gc
import numpy as np
from numba.core import event
import softkern

class Passes(event.Listener):
    def on_start(self, begun):
        print(gc.isenabled(), end=" ")
    def on_end(self, ended):
        pass

with event.install_listener("numba:run_pass", Passes()):
    softkern.softmax(np.zeros((4, 4), np.float32), axis=-1)
assert gc.isenabled()
"""


@simd.inline
def doubled(x):
    return x + x


@simd.loop
def summed(n):
    simd.apart()
    total = 0.0
    for i in range(n):
        total += doubled(i)
    return total


def test_parts_are_compiled_within_their_kernel_alone(monkeypatch):
    modules, add = [], codegen.JitEngine.add_module

    def noted(engine, module):
        modules.append(str(module))
        return add(engine, module)

    monkeypatch.setattr(codegen.JitEngine, "add_module", noted)
    kernel = numba.cfunc("float64(intp)")(lambda n: summed(n) + summed(n + 1))
    assert kernel.ctypes(4) == 12.0 + 20.0
    assert len([m for m in modules if "summed" in m or "doubled" in m]) == 1


def test_python_cannot_call_a_part():
    with pytest.raises(TypeError):
        doubled(1)


def test_another_process_compiles_nothing(tmp_path):
    def passes():
        environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
        command = [sys.executable, "-c", COUNT_PASSES]
        return int(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)

    assert passes() > 0
    assert passes() == 0


def test_garbage_is_not_collected_while_a_kernel_is_compiled(tmp_path):
    """The collector would look again and again at all that the compiler keeps."""
    states = python(COLLECTS_WHILE_COMPILING, NUMBA_CACHE_DIR=str(tmp_path)).split()
    assert len(states) > 100
    assert set(states) == {"False"}


@pytest.mark.skipif(platform.machine() != "x86_64", reason="reads its assembly")
def test_vectors_on_the_stack_are_aligned(tmp_path):
    """One across two pages, by chance of where the stack lies, would slow a loop down."""
    processor = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": ""}
    spilled = python(COUNT_SPILLS, NUMBA_CACHE_DIR=str(tmp_path), **processor)
    aligned, unaligned = map(int, spilled.split())
    assert aligned > 50
    assert unaligned == 0
