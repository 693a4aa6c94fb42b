"""How many threads a call may use.

Numba's omp layer ends a forked child that uses it, and its workqueue layer ends a process in which
two threads use it at once: there the kernels run serially, on the caller's thread, without the GIL.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import numba

# Waking a second thread costs more than it saves below about this many numbers.
WORTH_SHARING = 1 << 16

_chosen: int | None = None
_forked = False
_caller = threading.local()


def _note_fork() -> None:
    global _forked
    _forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)


def get_num_threads() -> int:
    return int(numba.get_num_threads()) if _chosen is None else _chosen


def set_num_threads(count: int) -> None:
    global _chosen
    most = int(numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]
    if not 1 <= count <= most:
        raise ValueError(f"the number of threads must be from 1 to {most}, not {count}")
    _chosen = count


@contextmanager
def on_one_thread() -> Iterator[None]:
    """Keep to the calling thread what it calls, for an engine that calls from many."""
    before = getattr(_caller, "is_alone", False)
    _caller.is_alone = True
    try:
        yield
    finally:
        _caller.is_alone = before


def threads_for(size: int) -> int:
    """The number of threads for a call on `size` numbers."""
    if size < WORTH_SHARING or _forked or getattr(_caller, "is_alone", False):
        return 1
    count = get_num_threads()
    if count > 1 and _layer() == "workqueue" and threading.active_count() > 1:
        return 1
    return count


@cache
def _layer() -> str:
    numba.get_num_threads()  # starts the layer, which has no name before
    return str(numba.threading_layer())  # type: ignore[attr-defined]
