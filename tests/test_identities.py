"""What holds between the operations, whatever they compute; and the oracle against itself."""

import numpy as np
import oracle
import pytest
from arrays import OPERATIONS, VALUES, array, call, to_numpy
from mpmath import mp

import softkern

inf = np.inf
rng = np.random.default_rng(20211221)
X, V, G = rng.normal(0, 3, (3, 4, 7))


def close(a, b, rtol=1e-13, atol=1e-13):
    np.testing.assert_allclose(to_numpy(a), to_numpy(b), rtol=rtol, atol=atol)


@pytest.mark.parametrize("c", [-1e3, 0.5, 1e6])
def test_a_shift_moves_logsumexp_and_nothing_else(xp, c):
    x = array(xp, np.round(X * 1024) / 1024)  # x + c is exact
    for name in ("softmax", "log_softmax"):
        f = getattr(softkern, name)
        close(f(x + c, 1), f(x, 1))
    close(softkern.logsumexp(x + c, 1), softkern.logsumexp(x, 1) + c)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1, 8), (9, 33), (9, 65), (5, 300), (1, 3000), (2, 70_000)])
def test_a_shift_of_all_entries_has_no_derivative(dtype, shape):
    x, c = rng.normal(0, 3, shape).astype(dtype), np.full(shape, dtype(rng.normal()))
    for a, v, axis in (x, c, 1), (np.ascontiguousarray(x.T), np.ascontiguousarray(c.T), 0):
        y = softkern.softmax(a, axis)
        assert not softkern.softmax_jvp(a, v, axis)[1].any()
        assert not softkern.softmax_vjp(a, v, axis).any()
        assert not softkern.softmax_vjp(None, v, axis, output=y).any()
        assert not softkern.log_softmax_jvp(a, v, axis)[1].any()


def test_nor_has_it_in_float16_at_low_temperatures():
    zeros, ones = np.zeros(47, np.float16), np.ones(47, np.float16)
    assert not softkern.softmax_jvp(zeros, ones, temperature=1e-29)[1].any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        ((10, 1003), 0),
        ((2, 21, 64, 64), 1),
        ((100, 70), 0),
        ((70, 20), 1),
        ((70, 40), 1),
        ((40, 300), 1),
    ],
)
def test_the_gradient_given_softmax_is_the_jacobians_product(dtype, shape, axis):
    y = softkern.softmax(rng.normal(0, 3, shape).astype(dtype), axis)
    v = rng.normal(0, 3, shape).astype(dtype)
    weights, g = y.astype(np.longdouble), v.astype(np.longdouble)
    weights /= weights.sum(axis, keepdims=True)  # but for their rounding
    truth = weights * (g - (weights * g).sum(axis, keepdims=True))
    dx = softkern.softmax_vjp(None, v, axis, output=y)
    assert (abs(dx - truth) <= 8 * np.finfo(dtype).eps * abs(truth).max(axis, keepdims=True)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("n", [2, 5, 12, 20, 33, 64, 65, 100])
def test_nor_is_it_lost_where_one_entry_outweighs_all_others(n, axis, dtype):
    x = rng.normal(size=(75, n))
    x[:, n // 2] += 17 if dtype == np.float32 else 37
    v = (1000 + rng.normal(size=x.shape)).astype(dtype)
    y = softkern.softmax(x.astype(dtype), 1)
    weights, g = y.astype(np.longdouble), v.astype(np.longdouble)
    weights /= weights.sum(1, keepdims=True)
    g -= g[:, n // 2 : n // 2 + 1]
    truth = weights * (g - (weights * g).sum(1, keepdims=True))
    truth, v, y = (truth, v, y) if axis == 1 else (truth.T, v.T.copy(), y.T.copy())
    dx = softkern.softmax_vjp(None, v, axis, output=y)
    assert (abs(dx - truth) <= 8 * np.finfo(dtype).eps * abs(truth).max(axis, keepdims=True)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("n", [1, 2, 5, 12, 20, 33, 64, 65, 100])
def test_it_is_zero_where_the_cotangent_is_the_same_everywhere(n, axis, dtype):
    x = rng.normal(0, 3, (75, n) if axis else (n, 75)).astype(dtype)
    y = softkern.softmax(x, axis)
    assert not softkern.softmax_vjp(None, np.full_like(x, 0.1), axis, output=y).any()


def test_a_permutation_permutes(xp):
    order = rng.permutation(X.shape[1])
    for name in OPERATIONS:
        plain = call(softkern, name, array(xp, X), array(xp, V), 1)
        if name == "logsumexp_vjp":
            permuted = (softkern.logsumexp_vjp(array(xp, X[:, order]), array(xp, V[:, 0]), 1),)
        else:
            permuted = call(softkern, name, array(xp, X[:, order]), array(xp, V[:, order]), 1)
        for a, b in zip(permuted, plain, strict=True):
            b = to_numpy(b)
            close(a, b[:, order] if b.ndim == 2 else b)


@pytest.mark.parametrize("temperature", [0.0, 0.5, 1.0, 3.0, inf])
def test_softmax_sums_to_one(xp, temperature):
    y = softkern.softmax(array(xp, X), 1, temperature=temperature)
    close(to_numpy(y).sum(1), np.ones(4))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_log_softmax_is_x_less_logsumexp(xp, temperature):
    x = array(xp, X)
    z = softkern.log_softmax(x, 1, temperature=temperature)
    L = softkern.logsumexp(x, 1, keepdims=True, temperature=temperature)
    close(z * temperature, x - L)
    close(xp.exp(z), softkern.softmax(x, 1, temperature=temperature))


def test_softmax_of_x_and_0_is_the_sigmoid(xp):
    x = np.linspace(-30, 30, 25)
    y = softkern.softmax(array(xp, np.stack([x, 0 * x], axis=1)), 1)
    close(to_numpy(y)[:, 0], 1 / (1 + np.exp(-x)), atol=0)


@pytest.mark.parametrize("temperature", [0.0, 0.1, 1.0, 10.0, inf])
def test_softmax_keeps_the_order(xp, temperature):
    x = np.sort(X, axis=1)
    y = to_numpy(softkern.softmax(array(xp, x), 1, temperature=temperature))
    assert np.all(np.diff(y, axis=1) >= 0)


@pytest.mark.parametrize("temperature", [0.0, 0.5, 1.0, 3.0, inf])
def test_the_gradient_of_logsumexp_is_softmax(xp, temperature):
    x = array(xp, X)
    g = array(xp, np.ones(4))
    gradient = softkern.logsumexp_vjp(x, g, 1, temperature=temperature)
    close(gradient, softkern.softmax(x, 1, temperature=temperature))


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_jvp_and_vjp_are_adjoint(xp, name, axis, temperature):
    x, v = array(xp, X), array(xp, V)
    options = {"temperature": temperature}
    _, dy = getattr(softkern, f"{name}_jvp")(x, v, axis, **options)
    g = array(xp, rng.normal(size=tuple(dy.shape)))
    dx = getattr(softkern, f"{name}_vjp")(x, g, axis, **options)
    close(np.sum(to_numpy(g) * to_numpy(dy)), np.sum(to_numpy(dx) * V))


@pytest.mark.parametrize("name", VALUES)
def test_the_jvp_returns_the_value(xp, name):
    x, v = array(xp, X), array(xp, V)
    y, _ = getattr(softkern, f"{name}_jvp")(x, v, 1)
    close(y, getattr(softkern, name)(x, 1))


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("kind", ["jvp", "vjp"])
def test_derivatives_are_linear(xp, name, kind):
    x, a = array(xp, X), 3.0

    def derivative(u):
        return to_numpy(call(softkern, f"{name}_{kind}", x, array(xp, u), 1)[-1])

    close(derivative(a * V + G), a * derivative(V) + derivative(G))


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_jvp_is_the_limit_of_differences(xp, name, temperature):
    x, v, h = array(xp, X), array(xp, V), 1e-5
    f = getattr(softkern, name)
    _, dy = getattr(softkern, f"{name}_jvp")(x, v, 1, temperature=temperature)
    ahead, behind = (f(x + s * h * v, 1, temperature=temperature) for s in (1, -1))
    close(dy, (ahead - behind) / (2 * h), rtol=1e-7, atol=1e-7)


def test_small_temperatures_tend_to_the_limit_at_0(xp):
    x = array(xp, [[1.0, 2.0, 2.0, -inf], [0.0, -1.0, 3.0, 2.0]])
    for name in ("softmax", "logsumexp"):
        f = getattr(softkern, name)
        close(f(x, 1, temperature=1e-3), f(x, 1, temperature=0.0), atol=1e-3)
    np.testing.assert_array_equal(
        to_numpy(softkern.softmax(x, 1, temperature=0)), [[0, 0.5, 0.5, 0], [0, 0, 1, 0]]
    )
    np.testing.assert_array_equal(to_numpy(softkern.logsumexp(x, 1, temperature=0)), [2, 3])


def test_great_temperatures_tend_to_the_limit_at_infinity(xp):
    x = array(xp, [[1.0, 2.0, 2.0, -inf], [0.0, -1.0, 3.0, 2.0], [-inf, -inf, 5.0, -inf]])
    for name in ("softmax", "log_softmax"):
        f = getattr(softkern, name)
        close(f(x, 1, temperature=1e15), f(x, 1, temperature=inf))
    L = softkern.logsumexp(x, 1, temperature=inf)
    np.testing.assert_array_equal(to_numpy(L), [inf, inf, 5.0])


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("temperature", [0.5, 1.0])
def test_the_oracle_differentiates_as_differences_do(name, temperature):
    h = mp.mpf(2) ** -300
    where = rng.random(X.shape) < 0.8
    f, options = getattr(oracle, name), {"temperature": temperature, "where": where}
    _, dy = getattr(oracle, f"{name}_jvp")(X, V, 1, **options)
    x, v = oracle.number(X), oracle.number(V)
    shown = where if dy.shape == where.shape else np.full(dy.shape, True)
    difference = (f(x + h * v, 1, **options)[shown] - f(x - h * v, 1, **options)[shown]) / (2 * h)
    assert max(abs(dy[shown] - difference)) < mp.mpf(2) ** -400
    g = oracle.number(rng.normal(size=dy.shape) * shown)
    dx = getattr(oracle, f"{name}_vjp")(X, g, 1, **options)
    assert abs(np.sum((g * dy)[shown]) - np.sum(dx * v)) < mp.mpf(2) ** -1000


def test_the_oracle_agrees_with_textbook_values():
    third = mp.mpf(1) / 3
    np.testing.assert_array_equal(oracle.softmax(np.zeros(3)), [third] * 3)
    assert oracle.logsumexp(np.zeros(3)) == mp.log(3)
    assert (
        abs(
            oracle.logsumexp(np.array([2.0, 1.0]), b=np.array([1.0, -1.0]))
            - mp.log(mp.exp(2) - mp.exp(1))
        )
        < mp.mpf(2) ** -1100
    )
    assert oracle.log_softmax(np.array([0.0, -600.0]))[0] < 0


@pytest.mark.parametrize(
    "x", [rng.normal(0, 3, 300), np.r_[600.0, rng.normal(0, 3, 300)], X[0] * 100]
)
def test_the_oracle_for_long_rows_agrees_with_the_oracle(x):
    row, u, options = oracle.LongRow(x), rng.normal(size=x.size), {"dtype": np.float64}
    for name in VALUES:
        assert oracle.ulp(getattr(row, name)(), getattr(oracle, name)(x), **options) < 0.1
    for name in ("softmax_vjp", "log_softmax_vjp", "log_softmax_jvp", "logsumexp_jvp"):
        truth = call(oracle, name, x, u)[-1]
        assert oracle.ulp(getattr(row, name)(u), truth, np.max(abs(truth)), **options) < 0.1
