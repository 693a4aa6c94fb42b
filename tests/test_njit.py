"""softkern inside functions that Numba compiles: the bits of a call from outside, on the same thread."""

import subprocess
import sys

import numpy as np
import pytest
from numba import njit, prange
from numba.core.errors import TypingError
from numba.core.runtime import _nrt_python, rtsys

import softkern

inf = np.inf


@njit
def values(x, axis, t):
    return (
        softkern.softmax(x, axis, temperature=t),
        softkern.log_softmax(x, axis, temperature=t),
        softkern.logsumexp(x, axis, temperature=t),
    )


@njit
def values_of_all(x):
    return softkern.softmax(x), softkern.log_softmax(x), softkern.logsumexp(x)


@njit
def jvps(x, v, axis):
    return (
        softkern.softmax_jvp(x, v, axis),
        softkern.log_softmax_jvp(x, v, axis),
        softkern.logsumexp_jvp(x, v, axis),
    )


@njit
def vjps(x, g, rows, axis, t):
    y, z = softkern.softmax(x, axis, temperature=t), softkern.log_softmax(x, axis)
    return (
        softkern.softmax_vjp(x, g, axis, temperature=t),
        softkern.log_softmax_vjp(x, g, axis, temperature=t),
        softkern.logsumexp_vjp(x, rows, axis, temperature=t),
        softkern.softmax_vjp(None, g, axis, temperature=t, output=y),
        softkern.log_softmax_vjp(None, g, axis, output=z),
    )


@njit
def losses(x, classes, g, axis):
    return (
        softkern.cross_entropy(x, classes, axis, reduction="none"),
        softkern.cross_entropy_vjp(x, classes, g, axis, temperature=2.0),
        softkern.cross_entropy_value_and_grad(x, classes, axis, reduction="sum"),
        softkern.cross_entropy(x, classes, axis),
    )


def assert_same(found, expected):
    for a, b in zip(found, expected, strict=True):
        if isinstance(b, tuple):
            assert_same(a, b)
        else:
            assert np.asarray(a).dtype == b.dtype or isinstance(a, float)
            np.testing.assert_array_equal(a, b)


def numbers(*shape, dtype="float64"):
    return np.random.default_rng(sum(shape)).normal(0, 3, shape).astype(dtype)


FLOATS = pytest.mark.parametrize("dtype", ["float32", "float64"])


@FLOATS
def test_rows_of_any_length(dtype):
    for n in (1, 7, 32, 33, 1000, 2048, 2049, 40_000):
        for x in (numbers(n, dtype=dtype), numbers(n, 2, dtype=dtype)[::-1, 1].copy()):
            assert_same(values(x, -1, 1.0), values.py_func(x, -1, 1.0))
            assert_same(values(x, 0, 2.5), values.py_func(x, 0, 2.5))


@FLOATS
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_any_axis(dtype, axis):
    x, v = numbers(2, 6, 40, 3, dtype=dtype)
    assert_same(values(x, axis, 0.5), values.py_func(x, axis, 0.5))
    assert_same(jvps(x, v, axis), jvps.py_func(x, v, axis))
    rows = v.sum(axis)
    assert_same(vjps(x, v, rows, axis, 0.5), vjps.py_func(x, v, rows, axis, 0.5))


def test_a_whole_array_in_any_layout():
    x = numbers(30, 40)
    for view in (x, x.T, x[::2, ::-3], x[:0]):
        assert_same(values_of_all(view), values_of_all.py_func(view))


def test_kinds_of_numbers_meet_as_outside():
    x, single = np.arange(12, dtype="int16").reshape(3, 4), np.ones((3, 4), "float32")
    assert_same(values(x, 1, 1.0), values.py_func(x, 1, 1.0))
    for a, b in ((x, single), (single, single.astype(float)), (x, x)):
        assert_same(jvps(a, b, 1), jvps.py_func(a, b, 1))
    for g in (2.0, 2, single[:, 0], single[:, 0].astype(float)):
        assert_same([carried_back(single, g)], [carried_back.py_func(single, g)])
    with pytest.raises(TypingError, match="array of float64"):
        into_single(single, single.astype(float), single)


@njit
def carried_back(x, g):
    return softkern.logsumexp_vjp(x, g, 1)


@njit
def into_single(x, g, out):
    softkern.softmax_vjp(x, g, 1, out=out)


def test_special_rows():
    x = np.array([[0, -inf, 1], [-inf] * 3, [0, inf, 1], [0, np.nan, 1]])
    assert_same(values(x, 1, 1.0), values.py_func(x, 1, 1.0))
    assert softkern.logsumexp(x[:, :0], 1).tolist() == values(x[:, :0], 1, 1.0)[2].tolist()


@FLOATS
def test_cross_entropy(dtype):
    for x, classes in (
        (numbers(50, 10, dtype=dtype), np.arange(50) % 10),
        (numbers(3, 4, 200, dtype=dtype), np.arange(12, dtype="int32").reshape(3, 4)),
        (numbers(10, dtype=dtype), 3),
    ):
        found, expected = losses(x, classes, 0.5, -1), losses.py_func(x, classes, 0.5, -1)
        assert_same(found[:2], expected[:2])
        assert_same(found[2][1:], expected[2][1:])
        # A sum of losses is added up in another order.
        np.testing.assert_allclose(found[2][0], expected[2][0], rtol=np.finfo(dtype).eps)
        np.testing.assert_allclose(found[3], expected[3], rtol=np.finfo(dtype).eps)
    x, classes = numbers(10, 7, dtype=dtype), np.arange(7)
    assert_same(losses(x, classes, 2.0, 0)[:2], losses.py_func(x, classes, 2.0, 0)[:2])


@njit
def into(x, y, t):
    softkern.softmax(x, out=y, temperature=t)
    softkern.log_softmax(x, out=y)
    softkern.softmax_vjp(x, x, out=y)
    return softkern.softmax(x, out=x)


def test_out():
    x, y = numbers(3, 40), np.empty((3, 40))
    expected = softkern.softmax_vjp(x, x), softkern.softmax(x)
    assert into(x, y, 2.0) is not None
    assert_same((y, x), expected)
    with pytest.raises(ValueError, match="out has not the shape"):
        into(numbers(3, 40), np.empty((3, 41)), 2.0)
    base = numbers(1100)
    expected = softkern.softmax(base[:-3])
    beside(base[:-3], base[3:])
    np.testing.assert_array_equal(base[3:], expected)


@njit
def beside(x, y):
    softkern.softmax(x, out=y)


@njit
def through(x, y, times):
    total = 0.0
    for _ in range(times):
        softkern.softmax(x, out=y)
        softkern.log_softmax(x, out=y, temperature=2.0)
        total += softkern.logsumexp(y)
    return total


@pytest.fixture
def allocations():
    """How often a call takes memory."""
    _nrt_python.memsys_enable_stats()

    def count(call, *arguments):
        before = rtsys.get_allocation_stats().alloc
        call(*arguments)
        return rtsys.get_allocation_stats().alloc - before

    yield count
    _nrt_python.memsys_disable_stats()


@pytest.mark.parametrize("n", [1, 32, 33, 1000, 2048])
def test_a_row_takes_no_memory(allocations, n):
    x, y = numbers(n), np.empty(n)
    through(x, y, 1)
    assert allocations(through, x, y, 100) == allocations(through, x, y, 0)


@njit(parallel=True)
def shared(x, y):
    L = np.empty(len(x))
    for i in prange(len(x)):
        softkern.softmax(x[i], out=y[i])
        L[i] = softkern.logsumexp(x[i])
    return L


@pytest.mark.parametrize("n", [20, 1000, 5000])
def test_inside_prange(n):
    x = numbers(200, n)
    y = np.empty_like(x)
    L = shared(x, y)
    assert_same((y, L), (softkern.softmax(x, 1), softkern.logsumexp(x, 1)))


BAD = {
    "complex": (TypingError, "real numbers", lambda x: x + 1j, -1, 1.0),
    "a number": (TypingError, "one or more dimensions", lambda x: 1.0, -1, 1.0),
    "half": (TypingError, "real numbers", lambda x: x.astype("float16"), -1, 1.0),
    "axis": (ValueError, "axis is out of bounds", lambda x: x, 2, 1.0),
    "no axis": (TypingError, "axis must be", lambda x: x, 0.5, 1.0),
    "axes": (TypingError, "axis must be", lambda x: x, (0, 1), 1.0),
    "cold": (ValueError, "from 1e-30", lambda x: x, 1, 0.0),
    "negative": (ValueError, "temperature must be", lambda x: x, 1, -1.0),
    "no temperature": (ValueError, "temperature must be", lambda x: x, 1, np.nan),
}


@pytest.mark.parametrize("bad", BAD)
def test_bad_arguments(bad):
    error, message, change, axis, t = BAD[bad]
    with pytest.raises(error, match=message):
        values(change(numbers(3, 4)), axis, t)


def test_what_is_not_taken_is_refused_when_it_is_compiled():
    x = numbers(3, 4)
    for call, message in (
        (lambda x: softkern.softmax(x, where=x > 0), "where"),
        (lambda x: softkern.logsumexp(x, 0, x), "b, keepdims"),
        (lambda x: softkern.logsumexp(x, 0, keepdims=True), "b, keepdims"),
        (lambda x: softkern.softmax(x, out=x.T), "C-contiguous"),
        (lambda x: softkern.softmax(x, temperature=x), "temperature must be a number"),
        (lambda x: softkern.softmax_jvp(x, 2.0), "one or more dimensions"),
        (lambda x: softkern.logsumexp_vjp(x, x, 1), "g must be a number a row"),
        (lambda x: softkern.cross_entropy(x, x), "number a row"),
        (lambda x: softkern.cross_entropy(x, x[:, 0]), "classes"),
        (lambda x: softkern.cross_entropy(x, 1), "classes"),
        (lambda x: softkern.cross_entropy(x, np.arange(3), axis=None), "one axis"),
        (lambda x: softkern.cross_entropy_vjp(x, np.arange(3), x[:, 0]), "g must be a number"),
        (lambda x: softkern.cross_entropy(x, np.arange(3), label_smoothing=0.1), "smoothing"),
        (lambda x: softkern.cross_entropy(x, np.arange(3), reduction="all"), "reduction"),
    ):
        with pytest.raises(TypingError, match=message):
            njit(call)(x)


def test_classes_out_of_range():
    for classes in (np.array([0, 4, 1]), np.array([0, -1, 1])):
        with pytest.raises(IndexError, match="out of range"):
            losses(numbers(3, 4), classes, 1.0, -1)


def test_one_number_a_row_has_the_shape_of_the_rows():
    x, turned = numbers(2, 3, 4), np.zeros((3, 2), int)
    with pytest.raises(ValueError, match="shape of the rows"):
        losses(x, turned, 1.0, -1)
    with pytest.raises(ValueError, match="shape of the rows"):
        njit(lambda x, g: softkern.logsumexp_vjp(x, g, 2))(x, turned.astype(float))
    classes, g = np.array([0, 3, 1]), np.array([1.0, 2.0, 3.0])
    of_each = njit(lambda x, c, g: softkern.cross_entropy_vjp(x, c, g, reduction="none"))
    assert_same([of_each(x[0], classes, g)], [of_each.py_func(x[0], classes, g)])


SCRIPT = """
import numpy as np
from numba import njit
import softkern

@njit(cache=True)
def mean_of_weights(x):
    return softkern.softmax(x, axis=1).sum() / len(x)

found = mean_of_weights(np.ones((4, 50)))
print(round(found, 9), sum(mean_of_weights.stats.cache_hits.values()))
"""


def test_users_code_may_be_cached(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    runs = [
        subprocess.run(
            [sys.executable, "-W", "error", script], capture_output=True, text=True, check=True
        ).stdout.split()
        for _ in range(2)
    ]
    assert runs == [["1.0", "0"], ["1.0", "1"]]
