"""A result that is not whole yet: the file beside its place, and the record of what that holds."""

import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np

from . import InputError
from .npy import Array

SECONDS = 10.0  # from one record to the next


class Progress(NamedTuple):
    """What is done of a job."""

    tiles: int = 0  # those written
    mapped: int = 0  # pieces of the next that are written
    folds: tuple[Array, ...] = ()  # what its pieces that are folded have left


class Journal:
    """The record of a job, which `identity` tells from others by words and what they stand for."""

    def __init__(self, part: Path, identity: Mapping[str, str]) -> None:
        self._part, self._identity = part, identity
        self._path = part.with_name(f"{part.name}.npz")
        self._recorded = monotonic()

    def read(self) -> Progress | None:
        """What is done, None if nothing is known of it; an InputError if it is of another job."""
        try:
            with self._path.open("rb") as file, np.load(file) as kept:
                identity, tiles, mapped, *folds = (kept[name] for name in kept)
        except (OSError, ValueError, EOFError, BadZipFile):
            return None
        for (word, mine), other in zip(self._identity.items(), identity, strict=True):
            if mine != other:
                raise InputError(
                    f"{self._part} is of a run with another {word}: "
                    "delete it, or leave --resume out to begin anew"
                )
        return Progress(int(tiles), int(mapped), tuple(folds))

    def record(self, done: Progress) -> None:
        """Write down what is done, now and then."""
        if monotonic() - self._recorded >= SECONDS:
            self.write(done)
            self._recorded = monotonic()

    def write(self, done: Progress) -> None:
        flush(self._part)  # lest this be on the disk, and what it tells of not
        new = self._path.with_suffix(".new")
        with new.open("wb") as file:
            np.savez(file, list(self._identity.values()), done.tiles, done.mapped, *done.folds)
        flush(new)
        new.replace(self._path)

    def delete(self) -> None:
        self._path.unlink(missing_ok=True)


def flush(path: Path) -> None:
    """See to it that a file is on the disk."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())


@contextmanager
def replacing(target: Path, *, keep: bool = False) -> Iterator[Path]:
    """Give a file beside `target` that takes its place when complete.

    Otherwise it vanishes, or stays to `keep` what is done.
    """
    part = target.with_name(f"{target.name}.part")
    terminate = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        with _alone(part):
            try:
                yield part
                flush(part)
                part.replace(target)
            finally:
                if not keep:
                    part.unlink(missing_ok=True)
    finally:
        signal.signal(signal.SIGTERM, terminate)


@contextmanager
def _alone(part: Path) -> Iterator[None]:
    """Keep other runs from writing to a file, where files can be locked."""
    if sys.platform == "win32":  # which does not rename an open file, either
        yield
        return
    from fcntl import LOCK_EX, LOCK_NB, flock

    with part.open("ab") as file:
        try:
            flock(file, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            raise InputError(f"another run is writing {part}") from None
        yield
