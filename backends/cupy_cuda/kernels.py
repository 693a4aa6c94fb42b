"""CUDA sources -> compiled kernels, each on first use and only as it is wanted."""

import re
from functools import cache
from pathlib import Path
from typing import Any

from cupy import RawKernel

SOURCES = Path(__file__).parent / "cuda"
_INCLUDE = re.compile(r'#include "(\w+\.cuh)"')


@cache
def source(name: str) -> str:
    """A source with its headers in their places.

    CuPy keeps compiled kernels on disk by the text it is given, and would not notice that a
    header has changed.
    """
    return "\n".join(_lines(name, set()))


def _lines(name: str, included: set[str]) -> list[str]:
    included.add(name)
    lines = [f'#line 1 "{name}"']
    for number, line in enumerate((SOURCES / name).read_text().splitlines(), 1):
        header = _INCLUDE.match(line)
        if header is None:
            lines.append("" if line == "#pragma once" else line)
        elif header[1] not in included:
            lines += [*_lines(header[1], included), f'#line {number + 1} "{name}"']
    return lines


@cache
def kernel(name: str, definitions: tuple[tuple[str, Any], ...], shared: int = 0) -> RawKernel:
    """The kernel of `name`.cu with these macros, allowed so many bytes of shared memory a block."""
    macros = tuple(f"-D{macro}={value}" for macro, value in definitions)
    # Fused multiplications are written out; a compiler's own would spoil the errors of sums.
    found = RawKernel(source(f"{name}.cu"), name, ("--std=c++17", "--fmad=false", *macros))
    if shared:
        found.max_dynamic_shared_size_bytes = shared
    return found
