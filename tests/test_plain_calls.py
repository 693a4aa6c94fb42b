"""Calls without options on contiguous rows, which take a shorter way: to the same results."""

import subprocess
import sys

import numpy as np
import pytest

import softkern

plain = pytest.importorskip("softkern.backends.numba_cpu.plain_functions")
PLAIN = plain.PLAIN
OPERATIONS = ("softmax", "log_softmax", "logsumexp")
every_operation = pytest.mark.parametrize("name", OPERATIONS)
every_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def compile_all():
    for name in OPERATIONS:
        for dtype in (np.float16, np.float32, np.float64):
            # Short rows have a kernel of their own, long ones another that merges their blocks.
            for n in (3, 100, 40_000):
                for _ in range(2):  # plain calls are compiled for the second
                    getattr(softkern, name)(np.zeros(n, dtype))


@pytest.fixture(autouse=True, scope="module")
def compiled():
    compile_all()


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
