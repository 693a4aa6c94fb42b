"""What a launch tells: where it touched memory, and what was wrong."""

import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .compiler import INCLUDE

Counts = npt.NDArray[np.uint8]


class Fault(NamedTuple):
    """One thing that a kernel must not do."""

    kind: str
    location: str
    text: str
    block: tuple[int, int, int]
    thread: tuple[int, int, int]

    def __str__(self) -> str:
        return (
            f"{self.location}: {self.kind}: {self.text} (block {self.block}, thread {self.thread})"
        )


class KernelFault(RuntimeError):
    """A kernel did what it must not; `faults` has each thing once."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = tuple(faults)


class Line(NamedTuple):
    """What the loads, or the stores, of a line of the source move."""

    location: str
    kind: str
    requests: int
    """Of a warp: instructions that its threads execute together."""
    sectors: int
    """Of 32 bytes; a request touches each once."""
    efficiency: float
    """Bytes that the threads asked for, of those moved; above 1 where several ask for the same."""


class RawSite(NamedTuple):
    """An instruction, by its address in the library, and what it moved."""

    address: int
    is_store: bool
    requests: int
    sectors: int
    bytes: int


@dataclass
class Report:
    """What a launch did; only a checked program counts accesses."""

    barriers: int
    """How often a block passed a barrier."""
    loads: list[Counts] = field(default_factory=list)
    """For each buffer, how often each byte was read; 255 is that or more."""
    stores: list[Counts] = field(default_factory=list)
    library: Path = Path()
    sites: list[RawSite] = field(default_factory=list, repr=False)

    @cached_property
    def lines(self) -> list[Line]:
        """A line for each line of the source that touches global memory."""
        sums: dict[tuple[str, str], list[int]] = {}
        places = locations(self.library, [site.address for site in self.sites])
        for site, place in zip(self.sites, places, strict=True):
            line = sums.setdefault((place, "store" if site.is_store else "load"), [0, 0, 0])
            for k, number in enumerate((site.requests, site.sectors, site.bytes)):
                line[k] += number
        return [
            Line(place, kind, requests, sectors, bytes_ / (32 * sectors))
            for (place, kind), (requests, sectors, bytes_) in sums.items()
        ]


def locations(library: Path, addresses: Sequence[int]) -> list[str]:
    """The file and line of each address: where the kernel calls, if within our own headers."""
    if not addresses:
        return []
    command = ["addr2line", "-a", "-i", "-e", str(library), *map(hex, addresses)]
    try:
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split(
            "\n"
        )
    except OSError:
        return [f"{library.name}+{address:#x}" for address in addresses]
    frames: list[list[str]] = []
    for line in lines:
        if line.startswith("0x"):
            frames.append([])
        elif line:
            frames[-1].append(line.partition(" ")[0])
    return [_of_the_kernel(each) for each in frames]


def _of_the_kernel(frames: Iterable[str]) -> str:
    names = [frame for frame in frames if not frame.startswith(str(INCLUDE))]
    return Path(names[0]).name if names else "?"
