"""Softmin, hardmax and the Boltzmann mean, on every array, against their definitions."""

import numpy as np
import oracle
import pytest
from arrays import HIDDEN_U, HIDDEN_X, WHERE, U, X, array, assert_close, to_numpy
from mpmath import mp
from test_accuracy import CASES, LIMIT_OF_DERIVATIVES, LIMITS, hard_rows

import softkern

inf, nan = np.inf, np.nan
AXES = pytest.mark.parametrize("axis", [None, 0, 1, (0, 1)])
DTYPES = pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32", "uint8"])


def kept(a, axis):
    return np.expand_dims(a, axis if axis is not None else (0, 1))


def boltzmann(x, v, axis, temperature=1.0, where=True):
    """The mean, its tangent, and y (1 + (x - B)/t), by their definitions."""
    options = {"temperature": temperature, "where": where}
    y = oracle.softmax(x, axis, **options)
    x = np.where(where & (x > -inf), oracle.number(np.where(where & (x > -inf), x, 0)), 0)
    v = np.where(where, oracle.number(np.where(where, v, 0)), 0)
    B = (y * x).sum(axis=axis)
    weights = y * (1 + oracle.over(x - kept(B, axis), mp.mpf(temperature)))
    return B, (weights * v).sum(axis=axis), weights


@AXES
@DTYPES
def test_softmin(xp, axis, dtype):
    x, v = array(xp, np.abs(X), dtype), array(xp, np.abs(U), dtype)
    negative, tangent = -to_numpy(x).astype(float), -to_numpy(v).astype(float)
    y, dy = oracle.softmax_jvp(negative, tangent, axis, temperature=0.5)
    limit = 16 if "float" in dtype else 1e9  # in units of the library's default float
    assert_close(softkern.softmin(x, axis, temperature=0.5), y, limit)
    for found, truth in zip(
        softkern.softmin_jvp(x, v, axis, temperature=0.5), (y, dy), strict=True
    ):
        assert_close(found, truth, limit)
    assert_close(softkern.softmin_vjp(x, v, axis, temperature=0.5), dy, limit)


@AXES
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_boltzmann(xp, axis, dtype, temperature):
    x, v = array(xp, X, dtype), array(xp, U, dtype)
    B, dB, weights = boltzmann(to_numpy(x), to_numpy(v), axis, temperature)
    options = {"temperature": temperature}
    found = softkern.boltzmann(x, axis, **options)
    assert found.dtype == x.dtype
    assert_close(found, B)
    assert_close(softkern.boltzmann(x, axis, keepdims=True, **options), kept(B, axis))
    for result, truth in zip(softkern.boltzmann_jvp(x, v, axis, **options), (B, dB), strict=True):
        assert result.dtype == x.dtype
        assert_close(result, truth)
    for result, truth in zip(
        softkern.boltzmann_jvp(x, v, axis, keepdims=True, **options), (B, dB), strict=True
    ):
        assert_close(result, kept(truth, axis))
    g = np.sin(1 + np.arange(np.size(B))).reshape(np.shape(B))
    rows = array(xp, g, dtype)
    dx = kept(to_numpy(rows).astype(float), axis) * weights
    assert_close(softkern.boltzmann_vjp(x, rows, axis, **options), dx)
    rows = array(xp, kept(g, axis), dtype)
    assert_close(softkern.boltzmann_vjp(x, rows, axis, keepdims=True, **options), dx)


@pytest.mark.parametrize("n", [1, 2, 17, 100])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_accuracy_on_hard_rows(case, n, dtype):
    x, v = hard_rows(case, n, dtype)
    B, dB, weights = boltzmann(x, v, 1)
    size = (oracle.softmax(x, 1) * abs(oracle.number(x))).sum(axis=1)
    place = (abs(weights) * abs(v.astype(float))).sum(axis=1)
    for found, truth, at, limit in [
        (softkern.boltzmann(x, 1), B, size, 1.5),
        (softkern.boltzmann_jvp(x, v, 1)[1], dB, place, LIMIT_OF_DERIVATIVES),
        (softkern.boltzmann_vjp(x, 1.0, 1), weights, abs(weights).max(1, keepdims=True), 4),
        (softkern.softmin(x, 1), oracle.softmax(-x, 1), None, LIMITS["softmax"]),
    ]:
        assert oracle.ulp(found, truth, at) <= limit


def test_a_cotangent_may_be_a_number_or_one_for_all_rows(xp):
    x = array(xp, X)
    _, _, weights = boltzmann(X, U, 1)
    assert_close(softkern.boltzmann_vjp(x, 2.0, 1), 2 * weights)
    assert_close(softkern.boltzmann_vjp(x, array(xp, [2.0]), 1), 2 * weights)


def test_where_hides_what_it_leaves_out(xp):
    x, v, where = array(xp, HIDDEN_X), array(xp, HIDDEN_U), array(xp, WHERE, "bool")
    shown = np.where(WHERE, X, 0.0), np.where(WHERE, U, 0.0)
    B, dB, weights = boltzmann(*shown, 1, where=WHERE)
    B[1] = -inf  # nothing takes part
    dB[1] = 0
    found = softkern.boltzmann_jvp(x, v, 1, where=where)
    for result, truth in zip(found, (B, dB), strict=True):
        assert_close(result, truth)
    dx = softkern.boltzmann_vjp(x, array(xp, np.ones(3)), 1, where=where)
    assert_close(dx, np.where(WHERE, weights, 0))
    y = softkern.softmin(x, 1, where=where)
    assert_close(y, oracle.softmax(-shown[0], 1, where=WHERE))


@pytest.mark.parametrize("temperature", [0.0, 0.5, 1.0, inf])
def test_special_rows_of_boltzmann(xp, temperature):
    rows = [[1, nan, 2], [1, inf, 2], [-inf] * 3, [-inf, 3, -inf], [2, 2, 2]]
    found = to_numpy(softkern.boltzmann(array(xp, rows), 1, temperature=temperature))
    np.testing.assert_array_equal(found, [nan, nan, -inf, 3, 2])
    x = array(xp, [[-inf, 3, -inf]])
    dx = softkern.boltzmann_vjp(x, array(xp, [1.0]), 1, temperature=temperature)
    np.testing.assert_array_equal(to_numpy(dx), [[0, 1, 0]])


def test_special_rows_of_softmin(xp):
    rows = [[1, nan, 2], [1, -inf, 2], [inf] * 3, [inf, 3, inf]]
    found = to_numpy(softkern.softmin(array(xp, rows), 1))
    np.testing.assert_array_equal(found[:3], np.full((3, 3), nan))
    np.testing.assert_array_equal(found[3], [0, 1, 0])


def test_temperature_runs_from_the_maximum_to_the_mean(xp):
    x = array(xp, X)
    assert_close(softkern.boltzmann(x, 1, temperature=0.0), X.max(axis=1))
    assert_close(softkern.boltzmann(x, 1, temperature=inf), X.mean(axis=1))
    t = array(xp, [0.0, 1.0, inf])
    found = to_numpy(softkern.boltzmann(x, 1, temperature=t))
    expected = X[0].max(), boltzmann(X, U, 1)[0][1], X[2].mean()
    assert_close(found, np.array(expected, object))


def test_the_mean_lies_below_the_maximum_and_logsumexp_above(xp):
    x = array(xp, np.random.default_rng(0).normal(0, 5, (50, 7)))
    top = to_numpy(x).max(axis=1)
    assert np.all(to_numpy(softkern.boltzmann(x, 1)) <= top)
    assert np.all(to_numpy(softkern.logsumexp(x, 1)) >= top)


def test_the_jvp_is_the_limit_of_differences(xp):
    x, v, h = array(xp, X), array(xp, U), 1e-5
    _, dB = softkern.boltzmann_jvp(x, v, 1)
    ahead, behind = (softkern.boltzmann(x + s * h * v, 1) for s in (1, -1))
    np.testing.assert_allclose(to_numpy(dB), to_numpy((ahead - behind) / (2 * h)), rtol=1e-7)


def test_torch_and_jax_differentiate_them():
    torch = pytest.importorskip("torch")
    x = torch.tensor(X, requires_grad=True)
    softkern.boltzmann(x, 1).sum().backward()
    assert_close(x.grad, boltzmann(X, U, 1)[2])
    jax = pytest.importorskip("jax")
    dx = jax.grad(lambda x: softkern.boltzmann(x, 1).sum())(jax.numpy.asarray(X))
    assert_close(dx, boltzmann(X, U, 1)[2])


@AXES
@DTYPES
def test_hardmax(xp, axis, dtype):
    x = array(xp, np.abs(np.round(X)), dtype)
    numbers = to_numpy(x).astype(float)
    rows = numbers.reshape(1, -1) if axis in (None, (0, 1)) else numbers if axis == 1 else numbers.T
    truth = np.zeros(rows.shape)
    truth[np.arange(len(rows)), rows.argmax(axis=1)] = 1
    truth = truth.T if axis == 0 else truth.reshape(X.shape)
    np.testing.assert_array_equal(to_numpy(softkern.hardmax(x, axis)), truth)


def test_special_rows_of_hardmax(xp):
    rows = [[1, nan, 2], [1, inf, inf], [-inf] * 3, [2, 3, 3]]
    found = to_numpy(softkern.hardmax(array(xp, rows), 1))
    np.testing.assert_array_equal(found, [[nan] * 3, [0, 1, 0], [1, 0, 0], [0, 1, 0]])
    where = array(
        xp, [[True, False, True], [True, False, True], [False] * 3, [True, True, False]], "bool"
    )
    found = to_numpy(softkern.hardmax(array(xp, rows), 1, where=where))
    np.testing.assert_array_equal(found, [[0, 0, 1], [0, 0, 1], [0, 0, 0], [0, 1, 0]])
    assert to_numpy(softkern.hardmax(array(xp, 3.0))) == 1
    assert softkern.hardmax(array(xp, np.zeros((0, 3))), 1).shape == (0, 3)
    hidden = array(xp, False, "bool")
    assert to_numpy(softkern.hardmax(array(xp, 3.0), where=hidden)) == 0


@pytest.mark.parametrize("name", ["hardmax", "boltzmann"])
def test_complex_numbers_have_no_order(xp, name):
    with pytest.raises(TypeError, match="complex"):
        getattr(softkern, name)(array(xp, [1j], "complex128"))


def test_numbers_and_sequences():
    assert softkern.boltzmann(3) == 3.0
    assert isinstance(softkern.boltzmann([1.0, 2.0]), float)
    np.testing.assert_array_equal(softkern.softmin([0, 0]), [0.5, 0.5])


def test_dask_stays_lazy():
    da = pytest.importorskip("dask.array")
    x = da.from_array(X, chunks=2)
    for result in (*softkern.boltzmann_jvp(x, x, 1), softkern.softmin(x, 1)):
        assert isinstance(result, da.Array)


class TestErrors:
    def test_two_libraries(self):
        strict = pytest.importorskip("array_api_strict")
        x, other = strict.asarray(X), np.ones(3)
        for call in (
            lambda: softkern.softmin_jvp(x, U, 1),
            lambda: softkern.boltzmann_jvp(x, U, 1),
            lambda: softkern.boltzmann_vjp(x, other, 1),
            lambda: softkern.hardmax(x, 1, where=WHERE),
        ):
            with pytest.raises(TypeError, match="two libraries"):
                call()

    @pytest.mark.parametrize("name", ["softmin", "boltzmann"])
    def test_no_array(self, name):
        with pytest.raises(TypeError, match="not an array softkern knows"):
            getattr(softkern, name)({"a": 1})

    @pytest.mark.parametrize("name", ["softmin", "boltzmann"])
    def test_no_numbers(self, name):
        with pytest.raises(TypeError, match="dtype"):
            getattr(softkern, name)(np.array(["a"]))

    @pytest.mark.parametrize("name", ["softmin", "boltzmann"])
    def test_temperature(self, name):
        with pytest.raises(ValueError, match="temperature"):
            getattr(softkern, name)(X, temperature=-1)
