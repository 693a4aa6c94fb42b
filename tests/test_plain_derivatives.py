"""Derivatives of contiguous arrays without a mask, which take a shorter way: to the same results."""

import gc
import sys

import numpy as np
import pytest

import softkern

plain = pytest.importorskip("softkern.backends.numba_cpu.plain_functions")
PLAIN = plain.PLAIN
NAMES = [name for name in PLAIN if "vjp" in name or "jvp" in name]
every_name = pytest.mark.parametrize("name", NAMES)
every_dtype = pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
SHAPES = [(1,), (33,), (1, 100), (3, 20), (40, 50), (70, 40), (2, 3, 5), (1, 1, 1), (300, 300)]
SHAPES += [(32769,), (5, 40_000)]


def numbers(shape, dtype=np.float64, seed=0):
    return np.random.default_rng(seed).normal(0, 3, shape).astype(dtype)


def given_for(name, shape, axis=-1, dtype=np.float64, keepdims=False):
    x, v = numbers(shape, dtype), numbers(shape, dtype, 1)
    if name == "logsumexp_vjp":
        v = np.asarray(v.max(axis, keepdims=keepdims))
    if name.endswith("given"):
        x = getattr(softkern, name.removesuffix("_vjp_given"))(x, axis)
    return x, v


def derivative(name, x, v, axis=-1, **options):
    f = getattr(softkern, name.removesuffix("_given"))
    if name.endswith("given"):
        return f(None, v, axis, output=x, **options)
    return f(x, v, axis, **options)


def by_the_long_way(name, x, v, axis=-1, **options):
    """The result that `where` asks for, which is no plain call."""
    return derivative(name, x, v, axis, where=np.ones(np.shape(x), bool), **options)


@pytest.fixture(autouse=True, scope="module")
def compiled():
    for name in NAMES:
        for dtype in (np.float16, np.float32, np.float64):
            # Short rows have a kernel of their own, long ones another that merges their blocks.
            for n in (3, 100, 40_000):
                for _ in range(2):  # plain calls are compiled for the second
                    derivative(name, *given_for(name, (n,), dtype=dtype))


def is_plain(name, x, v, axis=-1, temperature=1.0, keepdims=False, out=None):
    if name.endswith("jvp") and "vjp" not in name:
        y, dy = (None, None) if out is None else out
    else:
        y, dy = (out, None) if name == "logsumexp_vjp" else (None, out)
    arguments = (x, v, axis, keepdims, temperature, None, y, dy)
    alone = PLAIN[name](*arguments, 0)
    return alone is not None or plain.call_large(name, *arguments) is not None


def room(results):
    if isinstance(results, tuple):
        return tuple(room(a) for a in results)
    return np.full(np.shape(results), np.nan, results.dtype)


def assert_same(a, b):
    if isinstance(b, tuple):
        assert len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            assert_same(one, other)
    else:
        np.testing.assert_array_equal(a, b, strict=True)
        assert type(a) is type(b)


@every_name
@every_dtype
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("axis", [-1, 0, None])
@pytest.mark.parametrize("t", [1.0, 0.3])
def test_bits_are_those_of_the_long_way(name, dtype, shape, axis, t):
    x, v = given_for(name, shape, axis, dtype)
    expected = by_the_long_way(name, x, v, axis, temperature=t)
    numbers_of_rows = name == "logsumexp_vjp" and (dtype == np.float16 or v.ndim == 0)
    assert is_plain(name, x, v, axis, t) != numbers_of_rows
    assert_same(derivative(name, x, v, axis, temperature=t), expected)
    out = room(expected)
    again = derivative(name, x, v, axis, temperature=t, out=out)
    if isinstance(out, tuple):
        assert all(a is b for a, b in zip(again, out, strict=True))
        np.testing.assert_array_equal(out, expected)
    else:
        assert again is out
        np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("name", ["logsumexp_jvp", "logsumexp_vjp"])
@pytest.mark.parametrize("axis", [-1, 1, 0, None])
def test_axes_may_be_kept(name, axis):
    x, v = given_for(name, (2, 3, 5), axis, keepdims=True)
    expected = by_the_long_way(name, x, v, axis, keepdims=True)
    assert is_plain(name, x, v, axis, keepdims=True)
    assert_same(derivative(name, x, v, axis, keepdims=True), expected)
    if name == "logsumexp_vjp":
        assert not is_plain(name, x, v, axis)
    for other in (1, np.True_, "yes"):
        assert not is_plain(name, x, v, axis, keepdims=other)


def misaligned(a):
    buffer = np.zeros(a.nbytes + 1, np.uint8)
    other = buffer[1:].view(a.dtype).reshape(a.shape)
    other[...] = a
    return other


OTHERS = {
    "of another dtype": lambda v: v.astype(np.float32),
    "of another byte order": lambda v: v.astype(v.dtype.newbyteorder()),
    "misaligned": misaligned,
    "in Fortran order": lambda v: np.asfortranarray(np.stack([v, v]))[0],
    "a list": lambda v: v.tolist(),
}


@every_name
@pytest.mark.parametrize("other", OTHERS)
def test_other_arrays_go_the_long_way(name, other):
    x, v = given_for(name, (3, 4, 6))
    derivative(name, x, v)
    assert is_plain(name, x, v)
    v = OTHERS[other](v)
    assert not is_plain(name, x, v)
    assert_same(derivative(name, x, v), by_the_long_way(name, x, v))


@every_name
def test_a_number_stands_for_all(name):
    x, _ = given_for(name, (3, 6))
    assert not is_plain(name, x, 2.0)
    assert not is_plain(name, x, None)
    assert_same(derivative(name, x, 2.0), by_the_long_way(name, x, 2.0))


@every_name
def test_a_row_may_have_steps(name):
    x, v = given_for(name, (60,))
    if name != "logsumexp_vjp":
        for own_x, own_v in ((x[::2], v[:30]), (x[:30], v[::-2]), (x[::-1], v)):
            assert is_plain(name, own_x, own_v)
            expected = by_the_long_way(name, own_x.copy(), own_v.copy())
            assert_same(derivative(name, own_x, own_v), expected)


@every_name
@pytest.mark.parametrize("shape", [(6,), (3, 6)])
def test_what_does_not_fit_is_refused_alike(name, shape):
    x, v = given_for(name, shape)
    out = room(derivative(name, x, v))
    wrong = [np.zeros((2, 7, 2)), np.zeros((*np.shape(v), 1, 1)), np.zeros(5)]
    for other in wrong:
        assert_refused_alike(name, x, other)
        pair = (other, out[1]) if isinstance(out, tuple) else other
        assert_refused_alike(name, x, v, out=pair)
    for axis in (3, -4):
        assert_refused_alike(name, x, v, axis=axis)
    if isinstance(out, tuple):
        for pair in (list(out), out[0], (*out, None), ()):
            assert_refused_alike(name, x, v, out=pair)


def assert_refused_alike(name, x, v, **options):
    with pytest.raises((ValueError, TypeError)) as plain:
        derivative(name, x, v, **options)
    with pytest.raises(type(plain.value)) as long:
        by_the_long_way(name, x, v, **options)
    if "out" in options:
        assert str(plain.value) == str(long.value)


@pytest.mark.parametrize("name", [name for name in NAMES if "vjp" in name])
@pytest.mark.parametrize("shift", [-9, -8, -1, 0, 1, 8, 9])
@pytest.mark.parametrize("which", [0, 1])
def test_out_may_overlap(name, shift, which):
    if name == "logsumexp_vjp" and which == 1:
        return
    memory = numbers(26)
    pair = list(given_for(name, (8,)))
    memory[9:17] = pair[which]
    pair[which] = memory[9:17]
    expected = by_the_long_way(name, *(np.array(a) for a in pair))
    derivative(name, *pair, out=memory[9 + shift : 17 + shift])
    np.testing.assert_array_equal(memory[9 + shift : 17 + shift], expected)


def test_out_may_hold_the_cotangents_of_rows():
    x, g = numbers((4, 1)), numbers(4)
    out = g.reshape(4, 1)
    expected = by_the_long_way("logsumexp_vjp", x, g.copy())
    assert not is_plain("logsumexp_vjp", x, g, out=out)
    softkern.logsumexp_vjp(x, g, -1, out=out)
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("name", [name for name in NAMES if "vjp" not in name])
def test_both_results_may_take_the_place_of_what_is_read(name):
    x, v = given_for(name, (3, 6))
    expected = by_the_long_way(name, x, v)
    if np.shape(expected[0]) == x.shape:
        assert softkern.__dict__[name](x, v, -1, out=(x, v))[0] is x
        np.testing.assert_array_equal((x, v), expected)


@every_name
@every_dtype
def test_references_are_kept(name, dtype):
    x, v = given_for(name, (1, 8), dtype=dtype)
    out = room(derivative(name, x, v))
    places = out if isinstance(out, tuple) else (out,)
    watched = [x, v, *places, None, True, x.dtype, np.ndarray]
    gc.collect()  # what other tests left
    before = [sys.getrefcount(a) for a in watched]
    for _ in range(20_000):
        derivative(name, x, v)
        derivative(name, x, v, out=out)
        is_plain(name, x, v, temperature=0.0)
        is_plain(name, x, x[0])
    after = [sys.getrefcount(a) for a in watched]
    assert all(abs(a - b) < 100 for a, b in zip(after, before, strict=True))


@every_name
def test_results_are_their_own(name):
    results = derivative(name, *given_for(name, (3, 8)))
    for y in results if isinstance(results, tuple) else (results,):
        assert y.flags.owndata
        assert y.flags.writeable
        assert y.base is None


def test_blocks_of_columns():
    x, v = numbers((2000, 3)), numbers((2000, 3), seed=1)
    softkern.softmax_vjp(x, v, 0)
    assert is_plain("softmax_vjp", x, v, 0)
    assert is_plain("softmax_vjp", x, v, 1)
    assert_same(softkern.softmax_vjp(x, v, 0), by_the_long_way("softmax_vjp", x, v, 0))
