"""Many threads and processes at once: the bits that one thread alone finds, no abort, no deadlock."""

import pytest
from processes import LONG, TESTS, python, taking

pytest.importorskip("softkern.backends.numba_cpu")

TWO_THREADS = {"NUMBA_NUM_THREADS": "2"}
BEGIN = f"""
from everything import *
everything = Everything({{**SHAPES, **HUGE}} if {LONG} else SHAPES)
"""
END = """
assert not found, found
"""


@pytest.mark.parametrize("layer", ["omp", "tbb", "workqueue"])
def test_threads(layer):
    code = f"""{BEGIN}
found = everything.wrong() + everything.wrong_at_once() + everything.wrong()
import numba
assert numba.threading_layer() == {layer!r}
{END}"""
    python(code, **taking(layer))


def test_threads_that_compile_at_once(tmp_path):
    """No kernel is there before all of them ask for it."""
    code = f"""
from everything import *
everything = Everything({{}})
everything.calls = calls({{"few": (3, 7)}})
names = [name for name in everything.calls if {LONG} or name[0].startswith("logsumexp")]
everything.calls = {{name: everything.calls[name] for name in names}}
everything.truth = dict.fromkeys(names)
results = everything.wrong_at_once()  # all, for there is no truth yet
everything.truth = {{name: bits(call()) for name, call in everything.calls.items()}}
found = everything.wrong_at_once()
assert len(results) == CALLERS * len(names)
{END}"""
    python(code, **TWO_THREADS, NUMBA_CACHE_DIR=str(tmp_path))


def test_threads_that_python_does_not_count():
    """`threading` knows those alone that it has started; the workqueue layer ends the process."""
    code = """
import _thread, threading, numpy as np, softkern
x = np.random.default_rng(0).normal(size=(64, 5000))
y = softkern.softmax(x, 1)
assert softkern.get_num_threads() == 2
found, left = [], threading.Semaphore(0)

def work():
    found.extend(np.array_equal(softkern.softmax(x, 1), y) for _ in range(50))
    left.release()

for _ in range(4):
    _thread.start_new_thread(work, ())
for _ in range(4):
    left.acquire()
assert found == [True] * 200
"""
    python(code, **taking("workqueue"))


@pytest.mark.parametrize("layer", ["omp", "workqueue"])
def test_beside_the_threads_of_blas_and_torch(layer):
    pytest.importorskip("torch")
    code = f"""
import threading
import numpy as np, torch
{BEGIN}
torch.set_num_threads(2)
a, stop, done = np.ones((600, 600)), threading.Event(), []

def multiply():
    while not stop.is_set():
        done.append((a @ a)[0, 0])

def multiply_in_torch():
    while not stop.is_set():
        done.append(float((torch.from_numpy(a) @ torch.from_numpy(a)).softmax(1).sum()))

others = [threading.Thread(target=work) for work in (multiply, multiply_in_torch)]
for other in others:
    other.start()
found = everything.wrong() + everything.wrong()
x = torch.from_numpy(np.random.default_rng(0).normal(size=(64, 5000)))
y = softkern.softmax(x, 1)
found += [k for k in range(50) if not torch.equal(softkern.softmax(x, 1), y)]
stop.set()
for other in others:
    other.join()
assert set(done) == {{600.0}}
{END}"""
    python(code, **taking(layer))


ENGINES = {
    "dask": """
import dask
work = [dask.delayed(everything.wrong)(k * 11) for k in range(CALLERS)]
found = sum(dask.compute(*work, scheduler="threads", num_workers=CALLERS), [])
""",
    "joblib": """
from joblib import Parallel, delayed
work = [delayed(everything.wrong)(k * 11) for k in range(CALLERS)]
found = sum(Parallel(CALLERS, backend="threading")(work), [])
""",
    "concurrent": """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(CALLERS) as pool:
    found = sum(pool.map(everything.wrong, range(0, 11 * CALLERS, 11)), [])
""",
}


@pytest.mark.parametrize("engine", ENGINES)
def test_threads_of(engine):
    pytest.importorskip(engine)
    shapes = "SHAPES" if LONG else '{"few": (3, 7), "many": (40, 3000)}'
    code = f"from everything import *\neverything = Everything({shapes})\n"
    python(code + ENGINES[engine] + END, **TWO_THREADS)


# Functions go to other processes from a module alone.
FARM = """
from everything import Everything

def look(k):
    return Everything({"few": (3, 7), "many": (40, 3000)}).wrong(k)
"""
FARMERS = {
    "joblib": "Parallel(2, backend='loky')(delayed(look)(k) for k in range(4))",
    "concurrent": "ProcessPoolExecutor(2, get_context('spawn')).map(look, range(4))",
}


@pytest.mark.parametrize("engine", FARMERS)
def test_processes_of(engine, tmp_path):
    pytest.importorskip(engine)
    (tmp_path / "farm.py").write_text(FARM)
    code = f"""
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from farm import look
if {engine!r} == "joblib":
    from joblib import Parallel, delayed
assert look(0) == []
found = sum({FARMERS[engine]}, [])
{END}"""
    python(code, **TWO_THREADS, PYTHONPATH=f"{tmp_path}:{TESTS}")
