"""CUDA sources -> compiled kernels, each on first use and only as it is wanted."""

import re
from functools import cache
from pathlib import Path
from typing import Any

from cupy import RawKernel

FOLDERS = Path(__file__).parent / "cuda", Path(__file__).parent / "include"
_INCLUDE = re.compile(r'#include "([\w/]+\.cuh)"')


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
    text = next(path for folder in FOLDERS if (path := folder / name).is_file()).read_text()
    for number, line in enumerate(text.splitlines(), 1):
        header = _INCLUDE.match(line)
        if header is None:
            lines.append("" if line == "#pragma once" else line)
        elif header[1] not in included:
            lines += [*_lines(header[1], included), f'#line {number + 1} "{name}"']
    return lines


def options(macros: tuple[tuple[str, Any], ...]) -> tuple[str, ...]:
    """What to tell the compiler; fused multiplications are written out, others spoil sums."""
    return ("--std=c++17", "--fmad=false", *(f"-D{macro}={value}" for macro, value in macros))


@cache
def kernel(
    name: str, macros: tuple[tuple[str, Any], ...], device: int, shared: int | None
) -> RawKernel:
    """The kernel of `name`.cu with these macros.

    On this device, blocks may ask for so many bytes of `shared` memory, or for no more than usual.
    """
    found = RawKernel(source(f"{name}.cu"), name, options(macros))
    if shared is not None:
        found.max_dynamic_shared_size_bytes = shared
    return found
