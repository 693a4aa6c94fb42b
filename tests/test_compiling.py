"""What is compiled, and when: each kernel once, as a whole, and kept for later processes."""

import os
import subprocess
import sys

import pytest

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
