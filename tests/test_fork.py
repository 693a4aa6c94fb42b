"""Forks: child and parent compute after one, wherever it finds the other threads; so do new processes."""

import sys

import pytest
from processes import TESTS, python, taking

pytest.importorskip("softkern.backends.numba_cpu")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")

LAYERS = ("omp", "tbb", "workqueue")
# A child that hangs is ended by its alarm.
BEGIN = """
import os, signal, threading, time, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads
from everything import *

def ends_well(work):
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        try:
            work()
        except BaseException as error:
            print(repr(error), flush=True)
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0

def right():
    found = everything.wrong(step=5)
    assert not found, found

everything = Everything({"few": (3, 7), "many": (40, 3000)})
"""


@pytest.mark.parametrize("layer", LAYERS)
def test_child_and_parent_compute(layer):
    code = """
def child():
    right()
    assert ends_well(right)

right()
for _ in range(2):
    assert ends_well(child)
    right()
"""
    python(BEGIN + code, **taking(layer))


@pytest.mark.parametrize("layer", LAYERS)
def test_a_childs_threads_compute(layer):
    code = """
def child():
    assert everything.wrong_at_once() == []

everything = Everything({"few": (3, 7), "many": (8, 9000)})
assert ends_well(child)
right()
"""
    python(BEGIN + code, **taking(layer))


@pytest.mark.parametrize("layer", LAYERS)
def test_while_a_thread_is_inside_a_kernel(layer):
    code = """
x = np.random.default_rng(0).normal(size=(200, 5000))
y = bits(softkern.softmax(x, 1))
stop, times = threading.Event(), []

def compute():
    while not stop.is_set():
        times.append(bits(softkern.softmax(x, 1)) == y)

computing = threading.Thread(target=compute)
computing.start()
for _ in range(8):
    seen = len(times)
    assert ends_well(right)
    while len(times) < seen + 2:  # it goes on
        time.sleep(0.001)
stop.set()
computing.join()
assert all(times)
right()
"""
    python(BEGIN + code, **taking(layer))


def test_a_fork_waits_for_threads_inside_the_layer():
    """A child has the locks of TBB that they hold: of some 30,000, one waited for them for ever."""
    earlier = """
import os
counts = []
# The last comes first: this looks while softkern lets no thread enter.
os.register_at_fork(before=lambda: forks.enter(counts.append, threads=2))
"""
    code = """
from softkern.backends.numba_cpu import forks

is_inside, left = threading.Event(), []

def stay(threads):
    is_inside.set()
    time.sleep(0.5)
    left.append(threads)

thread = threading.Thread(target=forks.enter, args=(stay,), kwargs={"threads": 2})
thread.start()
is_inside.wait()
assert ends_well(lambda: None)
assert left == [2]
assert counts == [1]
thread.join()
forks.enter(counts.append, threads=2)
assert counts == [1, 2]
"""
    python(earlier + BEGIN + code)


def test_while_a_thread_compiles():
    code = """
from numba.core.compiler_lock import global_compiler_lock
compiles = threading.Event()

def compile_long():
    with global_compiler_lock:  # as Numba does
        compiles.set()
        time.sleep(1)

def first_call():
    x = np.arange(3, dtype=np.float64)  # not of the kind of `everything`
    assert abs(softkern.softmax(x).sum() - 1) < 1e-15

compiling = threading.Thread(target=compile_long)
compiling.start()
compiles.wait()
assert ends_well(first_call)
compiling.join()
first_call()
"""
    python(BEGIN + code)


POOLED = """
from everything import Everything
everything = Everything({"few": (3, 7), "many": (40, 3000)})

def look(k):
    return everything.wrong(k, step=5)
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_pools(method, tmp_path):
    (tmp_path / "pooled.py").write_text(POOLED)
    code = f"""
import warnings
from multiprocessing import get_context
warnings.simplefilter("ignore", DeprecationWarning)
from pooled import look
assert look(0) == []
with get_context({method!r}).Pool(2) as pool:
    assert pool.map(look, range(4), chunksize=1) == [[]] * 4
assert look(0) == []
"""
    python(code, NUMBA_NUM_THREADS="2", PYTHONPATH=f"{tmp_path}:{TESTS}")
