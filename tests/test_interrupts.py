"""Ctrl-C: a long call ends, and the process goes on."""

import signal
import subprocess
import sys

import pytest
from processes import LONG, python

pytest.importorskip("softkern.backends.numba_cpu")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals are sent")

# Minutes of work, on one number that is read again and again.
ENDLESS = """
import signal, sys
import numpy as np, softkern
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
axis, *shape = map(int, sys.argv[1:4])
small = np.random.default_rng(0).normal(size=(40, 3000)).astype(np.float32)
before = softkern.logsumexp(small, axis)
x = np.broadcast_to(np.float32(1), shape)
softkern.logsumexp(x[:400, :40_000], axis)  # compiled
print("begun", flush=True)
try:
    with softkern.num_threads(int(sys.argv[4])):
        softkern.logsumexp(x, axis)
except KeyboardInterrupt:
    print("ended", flush=True)
assert np.array_equal(softkern.logsumexp(small, axis), before)
"""
SHAPES = {
    "rows": (1, 1 << 21, 1 << 15),
    "long row": (1, 2, 1 << 35),
    "columns": (0, 1 << 13, 1 << 23),
}
DEADLINE = 1 + 2  # seconds; two for a machine that is busy


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kind", SHAPES)
def test_a_long_call_ends_within_a_second(kind, threads, monkeypatch):
    monkeypatch.setenv("NUMBA_NUM_THREADS", "2")
    arguments = [str(number) for number in (*SHAPES[kind], threads)]
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", ENDLESS, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            assert process.stdout.readline() == "begun\n"
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(timeout=0.5)
            process.send_signal(signal.SIGINT)
            process.wait(timeout=DEADLINE)
        finally:
            process.kill()
        assert process.stdout.read() == "ended\n"
        assert process.stderr.read() == ""
    assert process.returncode == 0


BETWEEN_SLICES = """
import signal
from everything import *
from softkern.backends.numba_cpu import slices

everything = Everything({"many": (40, 3000), "long": (2, 150_000)})
signal.signal(signal.SIGINT, signal.default_int_handler)
slices.AT_ONCE = 50_000
cut = slices.cut

def interrupted(units, numbers):
    for k, part in enumerate(cut(units, numbers)):
        if k == 1:
            signal.raise_signal(signal.SIGINT)
        yield part

def ends(call):
    try:
        call()
    except KeyboardInterrupt:
        return True
    return False

for threads in (1, 2):
    with softkern.num_threads(threads):
        slices.cut = interrupted
        endless = [name for name in everything.calls if not ends(everything.calls[name])]
        slices.cut = cut
        print(*(f"{name}:{size}:{axis}" for name, size, axis in endless))
        found = everything.wrong()
        assert not found, found
"""
# By formulas of few steps, each of them NumPy's; or by few numbers alone.
FORMULAS = {"hardmax", "merge_logsumexp"}


def test_every_operation_is_cut_into_slices_of_the_same_bits():
    for line in python(BETWEEN_SLICES, NUMBA_NUM_THREADS="2").splitlines():
        assert {name.partition(":")[0] for name in line.split()} <= FORMULAS


COMPILING = """
import os, signal, sys, threading
import numpy as np, softkern

def logsumexp(dtype):
    x = np.log([1, 2, 3]).astype(dtype)
    assert abs(softkern.logsumexp(x) - np.log(6)) < 1e-2

signal.signal(signal.SIGINT, signal.default_int_handler)
sys.unraisablehook = lambda lost: os._exit(9)
for dtype, delay in zip(("float64", "float32", "float16"), map(float, sys.argv[1:])):
    timer = threading.Timer(delay, signal.raise_signal, [signal.SIGINT])
    timer.start()
    try:
        logsumexp(dtype)
        timer.join()
    except KeyboardInterrupt:
        pass
    else:
        raise AssertionError("the interrupt is lost")
    logsumexp(dtype)
"""


MOMENTS = [(k / 8, k / 12, k / 6) for k in range(1, 17)] if LONG else [(0.6, 0.1, 1.2)]


@pytest.mark.parametrize("delays", MOMENTS)
def test_a_first_call_ends_and_compiles_again(delays, tmp_path):
    python(COMPILING, *map(str, delays), NUMBA_CACHE_DIR=str(tmp_path))


LINKING = """
import sys
import numpy as np, softkern
from softkern.backends.numba_cpu import part

link, left = part._Library._link_parts, int(sys.argv[1])

def interrupted(*arguments):
    global left
    left -= 1
    if left == 0:
        raise KeyboardInterrupt
    return link(*arguments)

part._Library._link_parts = interrupted
for ends in (True, False):
    try:
        L = softkern.logsumexp(np.log([1.0, 2.0, 3.0]))
        assert abs(L - np.log(6)) < 1e-15
    except KeyboardInterrupt:
        assert ends
    else:
        assert not ends
"""


@pytest.mark.parametrize("at", [2, 25])
def test_a_first_call_that_ends_while_parts_are_linked_can_be_made_again(at, tmp_path):
    python(LINKING, str(at), NUMBA_CACHE_DIR=str(tmp_path))
