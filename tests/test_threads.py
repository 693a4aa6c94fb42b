"""Threads and bits: a row's result depends on that row alone."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from arrays import OPERATIONS, call

import softkern

LENGTHS = (5, 33, 1000, 40_000, 1_100_000)


def rows(count, n, dtype, seed=0):
    return np.random.default_rng([seed, n]).normal(0, 3, (count, n)).astype(dtype)


@pytest.fixture
def two_threads(monkeypatch):
    """Two threads for any call; skipped where Numba was given one."""
    threads = pytest.importorskip("softkern.backends.numba_cpu.threads")
    backend = pytest.importorskip("softkern.backends.numba_cpu")

    def not_plain(*arguments):
        """Plain calls would keep few numbers to themselves."""

    monkeypatch.setattr(threads, "WORTH_SHARING", 0)
    monkeypatch.setattr(backend, "PLAIN", dict.fromkeys(backend.PLAIN, not_plain))
    monkeypatch.setattr(backend, "call_large", not_plain)
    if softkern.get_num_threads() < 2:
        pytest.skip("Numba has one thread here")
    return threads


@pytest.mark.parametrize("past", [1 << 25, -1])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("name", OPERATIONS)
def test_bits_do_not_depend_on_threads_or_batch(name, n, dtype, past, two_threads, monkeypatch):
    """Nor on whether exponentials are kept until their sum is known; `past`: results go past the cache."""
    monkeypatch.setattr("softkern.backends.numba_cpu.arrays.PAST_CACHE", past)
    count = 3 if n > 1000 else 70
    x, u = rows(count, n, dtype), rows(count, n, dtype, 1)
    shared = call(softkern, name, x, u, 1)
    with softkern.num_threads(1):
        alone = call(softkern, name, x, u, 1)
    last = call(softkern, name, x[-1:], u[-1:], 1)
    for a, b, c in zip(shared, alone, last, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a[-1:], c)


@pytest.mark.parametrize("name", OPERATIONS)
def test_bits_of_columns_do_not_depend_on_their_neighbours(name, two_threads):
    x, u = rows(2500, 70, "float32"), rows(2500, 70, "float32", 1)
    whole = call(softkern, name, x, u, 0)
    part = call(softkern, name, x[:, 5:8].copy(), u[:, 5:8].copy(), 0)
    for a, b in zip(whole, part, strict=True):
        np.testing.assert_array_equal(a[..., 5:8], b)


DIGEST = """
import hashlib, sys
sys.path.insert(0, {tests!r})
from test_threads import digest
print(digest())
"""


def digest():
    """One number for the bits of every operation on rows of many kinds."""
    found = hashlib.sha256()
    for dtype in ("float32", "float64"):
        for n in LENGTHS[:4]:
            for axis in (1, 0):
                x, u = rows(3, n, dtype), rows(3, n, dtype, 1)
                x, u = (x, u) if axis == 1 else (x.T.copy(), u.T.copy())
                for name in OPERATIONS:
                    for result in call(softkern, name, x, u, axis, temperature=0.7):
                        found.update(np.ascontiguousarray(result).tobytes())
    return found.hexdigest()


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="names x86-64 processors")
@pytest.mark.parametrize("cpu", ["haswell", "nehalem"])
def test_bits_do_not_depend_on_the_vector_width(cpu):
    code = DIGEST.format(tests=str(Path(__file__).parent))
    environment = {**os.environ, "NUMBA_CPU_NAME": cpu, "NUMBA_CPU_FEATURES": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == digest()


HALVES = """
import sys
sys.path.insert(0, {tests!r})
from test_threads import bytes_of_halves
sys.stdout.buffer.write(bytes_of_halves())
"""


def bytes_of_halves():
    """Results in float16: each number there is, and what is rounded to one: subnormal, halfway, and others."""
    every = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    kept = softkern.logsumexp(every[:, np.newaxis], 1)
    x = np.linspace(-20, 0, 60_000).astype(np.float16).reshape(3000, 20)
    between = np.stack([np.full(64, 2.0**-6), -32 - np.arange(64) / 32], axis=1).astype(np.float16)
    found = (kept, softkern.softmax(x, 1), *(softkern.log_softmax(z, 1) for z in (64 * x, between)))
    return b"".join(np.where(np.isnan(a), np.float16(np.nan), a).tobytes() for a in found)


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="names an x86-64 processor")
def test_halves_need_no_instructions_of_their_own():
    """sandybridge has none: LLVM would look for a function that is not there, and end the process."""
    code = HALVES.format(tests=str(Path(__file__).parent))
    environment = {**os.environ, "NUMBA_CPU_NAME": "sandybridge", "NUMBA_CPU_FEATURES": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, check=True
    )
    assert done.stdout == bytes_of_halves()


def test_a_forked_child_computes(two_threads):
    """The omp layer would end it."""
    if not hasattr(os, "fork"):
        pytest.skip("no fork here")
    x = rows(64, 5000, "float64")
    expected = softkern.softmax(x, 1)
    code = (
        "import os, warnings, numpy as np, softkern\n"
        "warnings.simplefilter('ignore', DeprecationWarning)\n"
        "x = np.random.default_rng(0).normal(size=(64, 5000))\n"
        "y = softkern.softmax(x, 1)\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    os._exit(0 if np.array_equal(softkern.softmax(x, 1), y) else 3)\n"
        "assert os.waitpid(pid, 0)[1] == 0\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)
    np.testing.assert_array_equal(softkern.softmax(x, 1), expected)


@pytest.mark.parametrize("layer", ["omp", "workqueue"])
def test_concurrent_callers(layer):
    """The workqueue layer would end the process."""
    code = (
        "import threading, numpy as np, softkern\n"
        "x = np.random.default_rng(0).normal(size=(64, 5000))\n"
        "y = softkern.softmax(x, 1)\n"
        "same = []\n"
        "work = lambda: same.extend(np.array_equal(softkern.softmax(x, 1), y) for _ in range(20))\n"
        "callers = [threading.Thread(target=work) for _ in range(4)]\n"
        "[c.start() for c in callers], [c.join() for c in callers]\n"
        "assert len(same) == 80 and all(same)\n"
    )
    environment = {**os.environ, "NUMBA_THREADING_LAYER": layer}
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    if layer == "omp" and "No threading layer could be loaded" in done.stderr:
        pytest.skip("no OpenMP library here")
    assert done.returncode == 0, done.stderr


def test_number_of_threads():
    before = softkern.get_num_threads()
    with softkern.num_threads(1):
        assert softkern.get_num_threads() == 1
    assert softkern.get_num_threads() == before
    for wrong in (0, -1, 10**6):
        with pytest.raises(ValueError, match="number of threads"):
            softkern.set_num_threads(wrong)
