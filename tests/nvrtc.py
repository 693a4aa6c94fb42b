"""CUDA C++ compiled for any GPU by NVIDIA's own compiler, from pip packages, with no GPU or driver."""

import ctypes
import importlib.metadata
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ARCHITECTURES = (70, 75, 80, 86, 89, 90, 100, 120)


class Compiled(NamedTuple):
    cubin: bytes
    registers: int
    stack: int  # bytes of local memory
    spills: int  # bytes
    shared: int  # bytes, but for those of an array without a length
    warnings: list[str]


def compiled(
    source: str, options: tuple[str, ...], architecture: int, expression: str | None = None
) -> Compiled:
    """The one kernel of a source, or of its templates the one of this name, compiled as CuPy would."""
    own = (f"-arch=sm_{architecture}", "-ftz=true", f"-I{_include()}", "--ptxas-options=-v")
    program = ctypes.c_void_p()
    _call("CreateProgram", ctypes.byref(program), source.encode(), b"kernel.cu", 0, None, None)
    try:
        if expression:
            _call("AddNameExpression", program, expression.encode())
        arguments = [option.encode() for option in (*options, *own)]
        array = (ctypes.c_char_p * len(arguments))(*arguments)
        failed = _library().nvrtcCompileProgram(program, len(arguments), array)
        log = _text(program, "ProgramLog").decode().rstrip("\0")
        assert not failed, log
        cubin = _text(program, "CUBIN")
    finally:
        _library().nvrtcDestroyProgram(ctypes.byref(program))
    stack, *spills = map(
        int, re.search(r"(\d+) bytes stack frame, (\d+) \D+, (\d+) bytes spill", log).groups()
    )
    registers = int(re.search(r"Used (\d+) registers", log)[1])
    shared = re.search(r"(\d+) bytes smem", log)
    warnings = [
        line for line in log.splitlines() if "warning" in line and "are deprecated" not in line
    ]
    return Compiled(cubin, registers, stack, sum(spills), int(shared[1]) if shared else 0, warnings)


def machine_code(cubin: bytes, folder: Path) -> str:
    """The instructions of a kernel."""
    path = folder / "kernel.cubin"
    path.write_bytes(cubin)
    tool = _file("nvidia-cuda-nvdisasm", "nvdisasm")
    found = subprocess.run([tool, "-c", path], capture_output=True, text=True, check=True)
    return found.stdout


def _call(name, *arguments):
    assert getattr(_library(), f"nvrtc{name}")(*arguments) == 0, name


def _text(program, kind):
    size = ctypes.c_size_t()
    _call(f"Get{kind}Size", program, ctypes.byref(size))
    text = ctypes.create_string_buffer(size.value)
    _call(f"Get{kind}", program, text)
    return text.raw


@cache
def _library():
    return ctypes.CDLL(str(_file("nvidia-cuda-nvrtc-cu12", "libnvrtc.so.12")))


@cache
def _include():
    return _file("nvidia-cuda-runtime-cu12", "cuda_fp16.h").parent


def _file(package, name):
    try:
        files = importlib.metadata.files(package) or []
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"{package} is not installed")
    return next(Path(file.locate()) for file in files if file.name == name)
