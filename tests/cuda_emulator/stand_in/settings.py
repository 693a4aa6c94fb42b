"""What tests choose and see: how kernels run, what the devices are, what was launched."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from ..report import Report

DEVICE_COUNT = 2


@dataclass(frozen=True)
class LaunchRecord:
    """A kernel that was launched, or is part of a graph that was."""

    kernel: str
    grid: tuple[int, int, int]
    block: tuple[int, int, int]
    shared_bytes: int
    stream: int
    device: int
    report: Report


@dataclass
class Allocations:
    """How much device memory was asked for since the last `clear`."""

    count: int = 0
    bytes: int = 0

    def clear(self) -> None:
        self.count = self.bytes = 0


@dataclass
class Settings:
    checked: bool = False
    """Whether kernels are compiled to check every access."""
    orders: Sequence[str] = ("random",)
    """Each launch runs once in each of these orders, and must give the same bytes."""
    seed: int = 0
    trust_atomics: bool = False
    compute_capability: str = "90"
    multiprocessors: int = 132
    shared_memory_optin: int = 227 << 10
    launches: list[LaunchRecord] = field(default_factory=list)
    allocations: Allocations = field(default_factory=Allocations)

    @contextmanager
    def using(self, **changes: Any) -> Iterator[None]:
        """Change settings for a while."""
        before = replace(self)
        try:
            for name, value in changes.items():
                if not hasattr(self, name):
                    raise AttributeError(name)
                setattr(self, name, value)
            yield
        finally:
            for name in changes:
                setattr(self, name, getattr(before, name))


settings = Settings()
