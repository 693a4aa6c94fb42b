"""Forks, which find no other thread of the process inside Numba's threading layer, nor compiling.

A child has the locks that its parent's other threads held, and no thread to release them: it would wait
for ever, with TBB even before Python goes on in it, for Numba starts TBB again there.
"""

import os
import threading
import time
from collections.abc import Callable
from typing import Any

from numba.core.compiler_lock import global_compiler_lock

in_child = False  # whether this process was forked from one that had loaded this module

_one_at_a_time = threading.RLock()
_under_way = False
_inside: set[int] = set()  # threads inside the layer


def enter(function: Callable[..., Any], *arguments: Any, threads: int) -> Any:
    """What `function(*arguments, threads)` returns; `threads` is 1 while a fork is under way."""
    if threads > 1:
        me = threading.get_ident()
        try:
            _inside.add(me)  # before the look: a fork that begins between the two waits
            if not _under_way:
                return function(*arguments, threads)
        finally:
            _inside.discard(me)
    return function(*arguments, 1)


def _begin() -> None:
    global _under_way
    _one_at_a_time.acquire()
    _under_way = True
    while _inside - {threading.get_ident()}:  # a handler of signals may fork, inside
        time.sleep(1e-5)
    global_compiler_lock.acquire()  # type: ignore[no-untyped-call]


def _end() -> None:
    global _under_way
    global_compiler_lock.release()  # type: ignore[no-untyped-call]
    _under_way = False
    _one_at_a_time.release()


def _begin_child() -> None:
    global in_child
    in_child = True
    _inside.clear()  # of threads that are not here
    _end()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_begin, after_in_parent=_end, after_in_child=_begin_child)
