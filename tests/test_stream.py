"""A stream's log-sum-exp is that of the whole, however it is cut."""

import pickle

import numpy as np
import oracle
import pytest
from arrays import array, to_numpy
from hypothesis import given, settings
from hypothesis import strategies as st

import softkern
from softkern import LogSumExp, merge_logsumexp, partial_logsumexp

INF, NAN = np.inf, np.nan
LIMIT = 1.5  # ulp, as for logsumexp itself


def streamed(blocks, axis=-1, temperature=1.0, **options):
    stream = LogSumExp(temperature=temperature)
    for block in blocks:
        stream.update(block, axis, **options)
    return stream.value()


def cut(a, *places):
    return np.split(a, sorted(places), axis=-1)


def ulps(found, truth):
    found, truth = np.atleast_1d(to_numpy(found), truth)
    unit = np.spacing(np.maximum(abs(truth.astype(float)), 1).astype(found.dtype))
    return float(abs((oracle.number(found) - truth) / oracle.number(unit)).max())


def hard_rows(rng, n):
    dominant = rng.normal(size=n)
    dominant[n // 2] = 40
    return np.stack(
        [
            rng.normal(scale=3, size=n),
            -80 * rng.random(n),
            dominant,
            1000 + rng.normal(scale=1e-3, size=n),
            np.linspace(-5, 5, n),  # every block has a larger maximum
        ]
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("blocks", [1, 2, 7, 300])
def test_it_is_as_accurate_as_the_whole(xp, dtype, blocks):
    x = hard_rows(np.random.default_rng(0), 1200).astype(dtype)
    parts = [array(xp, part, dtype) for part in np.array_split(x, blocks, axis=1)]
    found = streamed(parts)
    assert str(to_numpy(found).dtype) == dtype
    assert ulps(found, oracle.logsumexp(x, -1)) <= LIMIT


@given(
    x=st.lists(st.floats(-700, 700), min_size=1, max_size=40),
    places=st.lists(st.integers(0, 40), max_size=6),
)
@settings(deadline=None, max_examples=60)
def test_any_cuts(x, places):
    x = np.array(x)
    assert ulps(streamed(cut(x, *places)), oracle.logsumexp(x, -1)) <= LIMIT


def test_the_same_cuts_give_the_same_bits():
    x = hard_rows(np.random.default_rng(1), 999)
    alone = [streamed(cut(x[k : k + 1], 100, 500, 501)) for k in range(len(x))]
    together = streamed(cut(x, 100, 500, 501))
    np.testing.assert_array_equal(np.concatenate(alone), together)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([1.0, INF, 2.0, -INF], INF),
        ([1.0, INF, INF, 2.0], INF),
        ([-INF, -INF, -INF, -INF], -INF),
        ([-INF, -INF, -INF, 3.0], 3.0),
        ([1.0, NAN, 2.0, 3.0], NAN),
        ([INF, NAN, 2.0, 3.0], NAN),
        ([-INF, NAN, -INF, -INF], NAN),
    ],
)
@pytest.mark.parametrize("places", [(), (2,), (1, 2, 3), (0, 0, 4)])
def test_infinities_and_nan(xp, row, expected, places):
    parts = [array(xp, part) for part in cut(np.array([row]), *places)]
    np.testing.assert_array_equal(to_numpy(streamed(parts)), [expected])


@pytest.mark.parametrize("temperature", [0.0, 0.5, 3.0])
def test_temperature(xp, temperature):
    x = np.random.default_rng(2).normal(size=(3, 50))
    parts = [array(xp, part) for part in cut(x, 10, 11)]
    truth = oracle.logsumexp(x, -1, temperature=temperature)
    assert ulps(streamed(parts, temperature=temperature), truth) <= LIMIT


def test_one_temperature_a_row(xp):
    x, t = np.random.default_rng(3).normal(size=(3, 50)), np.array([0.25, 1.0, 4.0])
    parts = [array(xp, part) for part in cut(x, 10, 11)]
    truth = oracle.logsumexp(x, -1, temperature=t)
    assert ulps(streamed(parts, temperature=array(xp, t)), truth) <= LIMIT


def test_weights_and_masks(xp):
    rng = np.random.default_rng(4)
    x, b, where = rng.normal(size=(3, 50)), rng.normal(size=(3, 50)), rng.random((3, 50)) > 0.3
    stream, masked = LogSumExp(), LogSumExp()
    for part, weights, mask in zip(cut(x, 20), cut(b, 20), cut(where, 20), strict=True):
        stream.update(array(xp, part), -1, array(xp, weights))
        masked.update(array(xp, part), -1, where=array(xp, mask, "bool"))
    L, sign = softkern.logsumexp(x, -1, b, return_sign=True)
    for found, expected in zip(stream.value(return_sign=True), (L, sign), strict=True):
        np.testing.assert_allclose(to_numpy(found), expected, rtol=1e-13)
    np.testing.assert_allclose(to_numpy(stream.value()), np.where(sign < 0, NAN, L), rtol=1e-13)
    expected = softkern.logsumexp(x, -1, where=where)
    np.testing.assert_allclose(to_numpy(masked.value()), expected, rtol=1e-15)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_sixteen_bits(xp, dtype):
    x = array(xp, np.random.default_rng(5).normal(size=(2, 5000)), dtype)
    m, s = partial_logsumexp(x, -1)
    assert to_numpy(m).dtype == np.float32
    exact = oracle.logsumexp(to_numpy(x).astype(float), -1)
    np.testing.assert_allclose(to_numpy(m) + np.log(to_numpy(s)), exact.astype(float), rtol=1e-6)


def test_streams_merge_and_travel():
    x = hard_rows(np.random.default_rng(6), 700)
    streams = [LogSumExp(), LogSumExp()]
    for k, part in enumerate(np.array_split(x, 10, axis=1)):
        streams[k % 2].update(part, 1)
    first, second = (pickle.loads(pickle.dumps(stream)) for stream in streams)
    first.merge(second)
    first.merge(LogSumExp())
    assert ulps(first.value(), oracle.logsumexp(x, 1)) <= LIMIT
    before = second.value()
    second.merge(second)
    np.testing.assert_allclose(second.value(), before + np.log(2), rtol=1e-15)


def test_the_value_of_one_row_is_a_number():
    stream = LogSumExp()
    stream.update(np.zeros(4))
    assert type(stream.value()) is type(softkern.logsumexp(np.zeros(4)))


def test_the_pair_is_what_it_says():
    x = np.array([[1.0, 3.0, 3.0], [-INF, -INF, -INF]])
    m, s = partial_logsumexp(x, 1)
    np.testing.assert_array_equal(m, [3, -INF])
    np.testing.assert_allclose(s, [2 + np.exp(-2), 0], rtol=1e-15)
    nothing = np.full(2, -INF), np.zeros(2)
    for pair in (merge_logsumexp((m, s), nothing), merge_logsumexp(nothing, (m, s))):
        np.testing.assert_array_equal(pair, (m, s))


def test_merging_is_associative_and_commutative():
    x = hard_rows(np.random.default_rng(7), 300)
    a, b, c = (partial_logsumexp(part, 1) for part in cut(x, 100, 200))
    left = merge_logsumexp(merge_logsumexp(a, b), c)
    for other in (
        merge_logsumexp(a, merge_logsumexp(b, c)),
        merge_logsumexp(c, merge_logsumexp(b, a)),
    ):
        np.testing.assert_array_equal(other[0], left[0])
        np.testing.assert_allclose(other[1], left[1], rtol=1e-15)


class TestErrors:
    def test_no_block(self):
        with pytest.raises(ValueError, match="no block yet"):
            LogSumExp().value()

    def test_blocks_that_do_not_fit(self):
        stream = LogSumExp()
        stream.update(np.zeros((3, 4)), 1)
        with pytest.raises(ValueError, match=r"\(2,\), after \(3,\)"):
            stream.update(np.zeros((2, 4)), 1)

    def test_pairs_that_do_not_fit(self):
        with pytest.raises(ValueError, match="different shapes"):
            merge_logsumexp(partial_logsumexp(np.zeros(3)), partial_logsumexp(np.zeros((3, 2)), 1))

    def test_complex(self, xp):
        with pytest.raises(TypeError, match="real"):
            partial_logsumexp(array(xp, [1 + 1j], "complex128"))

    def test_two_libraries(self):
        xp = pytest.importorskip("array_api_strict")
        with pytest.raises(TypeError, match="two libraries"):
            merge_logsumexp(partial_logsumexp(np.zeros(3)), partial_logsumexp(xp.zeros(3)))

    def test_temperature(self):
        with pytest.raises(ValueError, match="temperature"):
            partial_logsumexp(np.zeros(3), temperature=-1)
