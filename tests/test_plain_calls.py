"""Calls without options on contiguous rows, which take a shorter way: to the same results."""

import gc
import subprocess
import sys
import threading

import numpy as np
import pytest

import softkern

plain = pytest.importorskip("softkern.backends.numba_cpu.plain_functions")
PLAIN = plain.PLAIN
OPERATIONS = ("softmax", "log_softmax", "logsumexp")
every_operation = pytest.mark.parametrize("name", OPERATIONS)
every_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@pytest.fixture(autouse=True, scope="module")
def compiled():
    for name in OPERATIONS:
        for dtype in (np.float16, np.float32, np.float64):
            # Short rows have a kernel of their own, long ones another that merges their blocks.
            for n in (3, 100, 40_000):
                for _ in range(2):  # plain calls are compiled for the second
                    getattr(softkern, name)(np.zeros(n, dtype))


def numbers(shape, dtype=np.float64, seed=0):
    return np.random.default_rng(seed).normal(0, 3, shape).astype(dtype)


def by_the_long_way(name, x, axis=None, **options):
    """The result that `where` asks for, which is no plain call."""
    where = np.ones(x.shape, bool)
    return getattr(softkern, name)(x, axis, where=where, **options)


def is_plain(name, x, axis=None, temperature=1.0, where=None, out=None):
    arguments = (x, None, axis, False, temperature, where, out, None)
    alone = PLAIN[name](*arguments, 0)
    return alone is not None or plain.call_large(name, *arguments) is not None


def room(name, x):
    return np.full(x.shape[:-1] if name == "logsumexp" else x.shape, np.nan, x.dtype)


def assert_same(a, b):
    np.testing.assert_array_equal(a, b, strict=True)
    assert type(a) is type(b)


SHAPES = [(1,), (8,), (32,), (33,), (1000,), (4096,), (32768,), (1, 1), (4, 8), (70, 100)]
SHAPES += [(2, 3, 5), (1, 1, 1, 7), (5, 1), (2000, 32), (3000, 32), (70, 1000), (1, 32768)]
SHAPES += [(32769,), (5, 40_000), (1, 300_000)]


@every_operation
@every_dtype
@pytest.mark.parametrize("shape", SHAPES)
def test_bits_are_those_of_the_long_way(name, dtype, shape):
    x = numbers(shape, dtype)
    assert is_plain(name, x, -1)
    expected = by_the_long_way(name, x, -1)
    for axis in (-1, x.ndim - 1) + (None,) * (x.ndim == 1):
        assert_same(getattr(softkern, name)(x, axis), expected)
        assert_same(getattr(softkern, name)(x, axis=axis), expected)
        out = room(name, x)
        assert is_plain(name, x, axis, out=out)
        assert getattr(softkern, name)(x, axis, out=out) is out
        np.testing.assert_array_equal(out, expected)


@every_operation
@every_dtype
@pytest.mark.parametrize("shape", [(10, 500), (3, 2500), (2500, 3), (3, 5000, 7), (100_000, 2)])
def test_bits_along_other_axes(name, dtype, shape):
    x = numbers(shape, dtype)
    axis = x.ndim - 2
    assert is_plain(name, x, axis)
    assert_same(getattr(softkern, name)(x, axis), by_the_long_way(name, x, axis))


@every_operation
@pytest.mark.parametrize("step", [2, 3, -1, -2, 0])
def test_a_row_may_have_steps(name, step):
    x = numbers(100)
    x = np.broadcast_to(x[5], 20) if step == 0 else x[::step]
    assert is_plain(name, x)
    assert_same(getattr(softkern, name)(x), by_the_long_way(name, x.copy()))


class Own(np.ndarray):
    pass


def misaligned(x):
    buffer = np.zeros(x.nbytes + 1, np.uint8)
    other = buffer[1:].view(x.dtype).reshape(x.shape)
    other[...] = x
    return other


def in_records(x):
    records = np.zeros(x.shape, [("a", x.dtype), ("b", "u1")])
    records["a"] = x
    return records["a"]


OTHERS = {
    "other byte order": lambda x: x.astype(x.dtype.newbyteorder()),
    "misaligned": misaligned,
    "in records": in_records,
    "Fortran order": np.asfortranarray,
    "a part of longer rows": lambda x: np.repeat(x, 2, -1)[..., ::2],
    "read-only dtype with metadata": lambda x: x.astype(np.dtype(x.dtype, metadata={"a": 1})),
    "float16": lambda x: x.astype(np.float16),
    "integers": lambda x: x.astype(np.int32),
    "list": lambda x: x.tolist(),
}


@every_operation
@pytest.mark.parametrize("shape", [(6,), (3, 6)])
@pytest.mark.parametrize("other", OTHERS)
def test_other_arrays_go_the_long_way(name, shape, other):
    x = OTHERS[other](numbers(shape))
    expected = by_the_long_way(name, np.array(x, copy=True, order="C"), -1)
    assert is_plain(name, x, -1) == (other == "float16") or (
        len(shape) == 1 and other in ("Fortran order", "a part of longer rows")
    )
    np.testing.assert_array_equal(getattr(softkern, name)(x, -1), expected)


def test_a_first_call_on_an_equal_dtype():
    """It compiles the kernel for arrays of NumPy's own, too."""
    code = (
        "import numpy as np, softkern\n"
        "equal = np.dtype('f4').newbyteorder().newbyteorder()\n"
        "assert equal is not np.dtype('f4') == equal\n"
        "for _ in range(2): softkern.softmax(np.zeros(3, equal))\n"
        "from softkern.backends.numba_cpu.plain_functions import PLAIN\n"
        "arguments = np.zeros(3, 'f4'), None, None, False, 1.0, None, None, None, 0\n"
        "assert PLAIN['softmax'](*arguments) is not None\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=100)


@every_operation
def test_what_is_no_array(name):
    for x in (3.0, None, object(), [1.0, 2.0], np.float64(2), np.array(2.0), np.zeros(3).view(Own)):
        assert not is_plain(name, x)
    assert getattr(softkern, name)(np.float64(2)) == getattr(softkern, name)([2.0])
    with pytest.raises(TypeError, match="would lose its meaning"):
        getattr(softkern, name)(np.zeros(3).view(Own))
    with pytest.raises(TypeError):
        getattr(softkern, name)(object())


@every_operation
def test_axes(name):
    x = numbers((3, 3))
    plain = (-1, 1, 0, -2, None, np.int64(1), np.int64(-2))
    others = (True, np.int32(1), (1,), (0, 1))
    for axis in plain + others:
        assert is_plain(name, x, axis) == (axis is None or type(axis) in (int, np.int64))
        expected = by_the_long_way(name, x, axis)
        assert_same(getattr(softkern, name)(x, axis), expected)
    for axis in (2, -3, 1 << 70, -(1 << 70)):
        assert not is_plain(name, x, axis)
        with pytest.raises((ValueError, IndexError, OverflowError)) as plain:
            getattr(softkern, name)(x, axis)
        with pytest.raises(type(plain.value)):
            by_the_long_way(name, x, axis)
    with pytest.raises(TypeError):
        getattr(softkern, name)(x, 1.0)


@every_operation
def test_temperatures(name):
    x = numbers(7)
    expected = by_the_long_way(name, x)
    for one in (1, True, np.float64(1)):
        assert not is_plain(name, x, temperature=one)
        np.testing.assert_array_equal(getattr(softkern, name)(x, temperature=one), expected)
    assert not is_plain(name, x, temperature=np.ones(()))
    for other in (0.0, 1e-31, 1e31, np.inf, np.nan, -1.0, 2):
        assert not is_plain(name, x, temperature=other)
    for t in (1e-30, 0.1, float(np.nextafter(1.0, 2)), 1e30):
        assert is_plain(name, x, temperature=t)
        expected = by_the_long_way(name, x, temperature=t)
        assert_same(getattr(softkern, name)(x, temperature=t), expected)
    with pytest.raises(ValueError, match="temperature"):
        getattr(softkern, name)(x, temperature=-1.0)


@every_operation
@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), ()])
def test_empty_arrays_and_numbers(name, shape):
    assert not is_plain(name, np.zeros(shape), -1)


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
