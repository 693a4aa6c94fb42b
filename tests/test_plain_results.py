"""What plain calls return and leave: where results lie, who holds them, and what other threads may do."""

import gc
import subprocess
import sys
import threading

import numpy as np
import pytest
from test_plain_calls import (
    by_the_long_way,
    compile_all,
    every_dtype,
    every_operation,
    is_plain,
    misaligned,
    numbers,
    room,
)

import softkern


@pytest.fixture(autouse=True, scope="module")
def compiled():
    compile_all()


def wrong(name, x):
    """Arrays that `out` cannot be."""
    out = room(name, x)
    yield TypeError, out.astype(np.float32)
    yield TypeError, out.astype(np.float16)
    yield ValueError, np.zeros((*out.shape, 1))
    yield ValueError, np.zeros((2, *out.shape))
    yield ValueError, np.zeros((*out.shape[:-1], 7)) if out.ndim else np.zeros(1)


@every_operation
@pytest.mark.parametrize("shape", [(6,), (3, 6)])
def test_out_must_fit(name, shape):
    x = numbers(shape)
    for error, out in wrong(name, x):
        assert not is_plain(name, x, -1, out=out)
        with pytest.raises(error) as plain:
            getattr(softkern, name)(x, -1, out=out)
        with pytest.raises(error) as long:
            by_the_long_way(name, x, -1, out=out)
        assert str(plain.value) == str(long.value)


@every_operation
def test_out_may_be_no_plain_array(name):
    x = numbers((4, 6))
    expected = by_the_long_way(name, x, -1)
    shape = expected.shape
    outs = [np.zeros((*shape, 2))[..., 0], misaligned(np.zeros(shape)), np.zeros(shape, ">f8")]
    for out in outs:
        assert not is_plain(name, x, -1, out=out)
        if out.dtype.isnative:
            assert getattr(softkern, name)(x, -1, out=out) is out
            np.testing.assert_array_equal(out, expected)
    fixed = np.zeros(shape)
    fixed.flags.writeable = False
    assert not is_plain(name, x, -1, out=fixed)
    with pytest.raises(ValueError, match="read-only"):
        getattr(softkern, name)(x, -1, out=fixed)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("shift", range(-9, 10))
@pytest.mark.parametrize("n", [8, 33])
def test_out_may_overlap(name, n, shift):
    memory = numbers(n + 18)
    x, out = memory[9 : 9 + n], memory[9 + shift : 9 + shift + n]
    expected = by_the_long_way(name, x.copy())
    apart = abs(shift) >= n
    assert is_plain(name, x.copy(), out=out.copy())
    kept = memory.copy()
    assert is_plain(name, x, out=out) == (shift == 0 or apart)
    memory[:] = kept
    getattr(softkern, name)(x, out=out)
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("place", range(12))
def test_a_sum_may_lie_in_its_row(place):
    memory = numbers(12)
    x, out = memory[2:10], memory[place : place + 1].reshape(())
    expected = by_the_long_way("logsumexp", x.copy())
    kept = memory.copy()
    assert is_plain("logsumexp", x, out=out) == (place <= 2 or place >= 10)
    memory[:] = kept
    softkern.logsumexp(x, out=out)
    assert out == expected


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_out_may_lie_between_the_numbers_of_a_row(name):
    for step, start in ((2, 0), (-2, 99), (2, 1), (-1, 99)):
        memory = numbers(100)
        x = memory[start::step][:30]
        out = memory[40:70]
        expected = by_the_long_way(name, x.copy())
        getattr(softkern, name)(x, out=out)
        np.testing.assert_array_equal(out, expected)


@every_operation
@every_dtype
def test_references_are_kept(name, dtype):
    x, where = numbers(8, dtype), np.ones(8, bool)
    out, f = room(name, x), getattr(softkern, name)
    watched = [x, out, None, x.dtype, where, np.ndarray]
    gc.collect()  # what other tests left
    before = [sys.getrefcount(a) for a in watched]
    for _ in range(30_000):
        f(x)
        f(x, axis=-1, out=out)
        f(x, axis=0)
        is_plain(name, x, temperature=0.0)  # not plain
        is_plain(name, x, where=where)
    after = [sys.getrefcount(a) for a in watched]
    assert all(abs(a - b) < 100 for a, b in zip(after, before, strict=True))


@every_operation
def test_results_are_their_own(name):
    x = numbers((3, 8))
    y = getattr(softkern, name)(x, -1)
    assert y.flags.owndata
    assert y.flags.writeable
    assert y.base is None
    assert sys.getrefcount(y) == 2
    y.resize(0, refcheck=True)


@every_operation
@pytest.mark.parametrize("shape", [(8,), (40, 50)])  # with the GIL and without
def test_threads_may_call_at_once(name, shape):
    f, wrong = getattr(softkern, name), []

    def work(seed):
        x = numbers(shape, seed=seed)
        expected, out = by_the_long_way(name, x, -1), room(name, x)
        for _ in range(500):
            same = np.array_equal(f(x, -1), expected)
            if not same or not np.array_equal(f(x, -1, out=out), expected):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_many_numbers_let_other_threads_run():
    x, out = numbers(30_000), np.empty(30_000)
    locked, ran = threading.Lock(), []

    def wait():
        with locked:
            ran.append(True)

    other = threading.Thread(target=wait)
    before = sys.getswitchinterval()
    sys.setswitchinterval(60)  # a thread that keeps the GIL keeps it for a minute
    try:
        with locked:
            other.start()
        for _ in range(20_000):  # of which the other thread, awake now, needs to catch one
            softkern.softmax(x, out=out)
            if ran:
                break
        assert ran
    finally:
        sys.setswitchinterval(before)
        other.join()


def test_the_end_of_the_interpreter():
    code = (
        "import numpy as np, softkern, sys\n"
        "x = np.zeros(3)\n"
        "for _ in range(3): y = softkern.softmax(x)\n"
        "class Last:\n"
        "    f, g = softkern.softmax, softkern.softmax(x)\n"
        "    def __del__(self): assert self.f(x).shape == (3,)\n"
        "kept = sys.kept = Last()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=100)
