"""The arrays in .npy files, which may hold anything else."""

import textwrap
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap, read_magic

from . import InputError

Array = np.ndarray[Any, Any]

MOST_OF_HEADER = 10_000  # bytes, as NumPy has it; but that reads it all before it looks
MOST_OF_MESSAGE = 300  # characters


def mapped(source: Path) -> Array:
    """The array in a file, mapped into memory; InputError where there is none."""
    try:
        _check_header(source)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of headers by Python 2, and of sizes that overflow
            return open_memmap(source, mode="r")
    except OSError:
        raise
    except Exception as error:  # NumPy lets through whatever Python's parsers raise
        said = textwrap.shorten(str(error) or type(error).__name__, MOST_OF_MESSAGE)
        raise InputError(f"{source} cannot be read as a .npy file: {said}") from error


def _check_header(source: Path) -> None:
    with source.open("rb") as file:
        version = read_magic(file)
        length = int.from_bytes(file.read(2 if version == (1, 0) else 4), "little")
    if length > MOST_OF_HEADER:
        raise ValueError(f"its header of {length} bytes is longer than any array's")
