"""How many threads a call may use.

Numba's omp layer ends a forked child that uses it, and its workqueue layer ends a process in which
two threads use it at once: there the kernels run serially, on the caller's thread, without the GIL.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import numba
from llvmlite import binding
from numba.np.ufunc import parallel

from . import forks

# Waking a second thread costs more than it saves below about this many numbers.
WORTH_SHARING = 1 << 15

_chosen: int | None = None


class _Caller(threading.local):
    is_alone = False  # whether what it calls stays on its thread


_caller = _Caller()


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
    before = _caller.is_alone
    _caller.is_alone = True
    try:
        yield
    finally:
        _caller.is_alone = before


def threads_for(size: int) -> int:
    """The number of threads for a call on `size` numbers."""
    if size < WORTH_SHARING or forks.in_child or _caller.is_alone:
        return 1
    layer = _layer()
    # What `get_num_threads` returns, less the locks that Numba takes to see that its layer runs.
    count = int(parallel._get_num_threads()) if _chosen is None else _chosen  # type: ignore[attr-defined]
    # `threading` would count those alone that it has started.
    if count > 1 and layer == "workqueue" and len(sys._current_frames()) > 1:
        return 1
    return count


@cache
def parallel_for() -> int:
    """The address of what Numba's threading layer shares a universal function with."""
    _layer()
    return int(binding.address_of_symbol("numba_parallel_for"))


@cache
def _layer() -> str:
    numba.get_num_threads()  # starts the layer, which has no name before
    return str(numba.threading_layer())  # type: ignore[attr-defined]
