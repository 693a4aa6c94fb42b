"""Calls, and those that fail, keep no memory and no reference.

`SOFTKERN_CALLS=1000000 pytest tests/test_leaks.py` makes as many calls as a long-lived process does.
"""

import gc
import os
import re
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from every_call import WITH_OUT, WITHOUT_OUT
from numba.core.runtime import _nrt_python, rtsys

CALLS = int(os.environ.get("SOFTKERN_CALLS", "600"))
FEW = 24_000  # bytes, of caches that still fill
STATUS = Path("/proc/self/status")

X, U = np.random.default_rng(0).normal(0, 3, (2, 3, 5))
LONG, WIDE = (np.random.default_rng(1).normal(0, 3, (2, n)) for n in (3000, 40_000))


def places_for(operation, x, u, axis):
    places = tuple(np.empty_like(a) for a in operation(x, u, axis))
    return places if len(places) == 2 else places[0]


def good(name, x, u, axis, **options):
    operation = WITH_OUT[name]
    if options.pop("out", False):
        options["out"] = places_for(operation, x, u, axis)
    return lambda: operation(x, u, axis, **options)


def bad(name, error, x=X, u=U, axis=1, **options):
    operation = WITH_OUT[name]

    def call():
        with pytest.raises(error):
            operation(x, u, axis, **options)

    return call


KINDS = {
    "small": lambda name: good(name, X, U, 1),
    "small, to out": lambda name: good(name, X, U, 1, out=True),
    "a row": lambda name: good(name, X[0], U[0], 0),
    "columns": lambda name: good(name, X, U, 0),
    "a tile on the heap": lambda name: good(name, LONG, LONG, 1),
    "halves": lambda name: good(name, X.astype("f2"), U.astype("f2"), 1),
    "an axis of NumPy's": lambda name: good(name, X, U, np.int64(1)),
    "some hidden": lambda name: good(name, X, U, 1, where=X > 0),
    "temperatures": lambda name: good(name, X, U, 1, temperature=np.array([1.0, 2.0, 3.0])),
    "by formula": lambda name: good(name, X, U, 1, temperature=np.inf),
    "out of another shape": lambda name: bad(name, (ValueError, TypeError), out=np.empty(7)),
    "no such axis": lambda name: bad(name, (ValueError, TypeError), axis=3),
    "no axis": lambda name: bad(name, TypeError, axis="last"),
    "no mask": lambda name: bad(name, TypeError, where=X),
    "no temperature": lambda name: bad(name, ValueError, temperature=-1.0),
    "no numbers": lambda name: bad(name, TypeError, x=X.astype(object)),
    "text": lambda name: bad(name, TypeError, x="numbers"),
}


def resident():
    return int(re.search(r"VmRSS:\s+(\d+)", STATUS.read_text())[1]) * 1024 if STATUS.exists() else 0


class Held:
    """What a process holds."""

    def __init__(self, *objects):
        gc.collect()
        self.references = [sys.getrefcount(a) for a in objects]
        self.traced = tracemalloc.get_traced_memory()[0]
        stats = rtsys.get_allocation_stats()
        self.of_numba = stats.alloc - stats.free
        self.resident = resident()


@pytest.fixture(autouse=True)
def counting():
    _nrt_python.memsys_enable_stats()
    gc.freeze()  # for speed
    tracemalloc.start()
    yield
    tracemalloc.stop()
    gc.unfreeze()
    _nrt_python.memsys_disable_stats()


def assert_nothing_is_kept(call, calls, by_formula=False):
    known = [None, True, np.ndarray, np.dtype("f2"), float, int, X, U, WIDE]
    if not by_formula:  # of that dtype np.zeros(()) keeps a reference, for NumPy's part
        known.append(np.dtype("f8"))
    for _ in range(50):  # caches fill
        call()
    before = Held(*known)
    for _ in range(calls):
        call()
    after = Held(*known)
    for a, b in zip(before.references, after.references, strict=True):
        assert abs(b - a) < calls / 5
    assert after.of_numba == before.of_numba
    assert after.traced - before.traced < FEW + calls
    assert after.resident - before.resident < 8e6


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", WITH_OUT)
def test_small_calls(name, kind):
    assert_nothing_is_kept(KINDS[kind](name), CALLS, by_formula=kind == "by formula")


@pytest.mark.parametrize("name", WITH_OUT)
def test_long_rows(name):
    assert_nothing_is_kept(good(name, WIDE, WIDE, 1), 100)


@pytest.mark.parametrize("name", WITHOUT_OUT)
def test_relatives(name):
    assert_nothing_is_kept(lambda: WITHOUT_OUT[name](X, U, 1), CALLS // 5, by_formula=True)
