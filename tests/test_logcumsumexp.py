"""Running log-sum-exp and its derivatives, on every array, against their definitions."""

import numpy as np
import oracle
import pytest
from arrays import U, X, array, assert_close, dtype_of, to_numpy
from test_accuracy import ANYWHERE, CASES, LIMIT_OF_DERIVATIVES, LIMITS, LONG, SHORT, hard_rows

import softkern

inf, nan = np.inf, np.nan
LIMIT = LIMITS["logsumexp"]
NAMES = ("logcumsumexp", "logcumsumexp_jvp", "logcumsumexp_vjp")
every_operation = pytest.mark.parametrize("name", NAMES)
AXES = pytest.mark.parametrize("axis", [0, 1, -1])


def call(module, name, x, u, axis=None, **options):
    """The results of an operation, as a tuple."""
    operation = getattr(module, name)
    result = operation(x, axis, **options) if name == NAMES[0] else operation(x, u, axis, **options)
    return result if isinstance(result, tuple) else (result,)


def assert_true(name, x, u, axis, ulps=16, **options):
    results = call(softkern, name, x, u, axis, **options)
    known = {key: to_numpy(value) for key, value in options.items()}
    truths = call(oracle, name, to_numpy(x), to_numpy(u), axis, **known)
    for result, truth in zip(results, truths, strict=True):
        assert_close(result, truth, ulps)


# Accuracy, in units in the last place: of max(|L|, 1), or of a derivative without cancellation


def rows_of(case, n, dtype):
    if case in CASES:
        return hard_rows(case, n, dtype)
    rng = np.random.default_rng(n)
    x = np.linspace(0, 1, n) + np.zeros((4, 1))  # every entry a new maximum, and none of weight 0
    return (x if case == "rising" else -x).astype(dtype), rng.normal(size=(4, n)).astype(dtype)


def truths(x, u):
    """L, dL and dx with the places of the last two, by mpmath or, of long rows, in long doubles."""
    size = abs(u.astype(float))
    if x.shape[1] <= 100:
        L, dL = oracle.logcumsumexp_jvp(x, u, 1)
        places = oracle.logcumsumexp_jvp(x, size, 1)[1], oracle.logcumsumexp_vjp(x, size, 1)
        return L, dL, oracle.logcumsumexp_vjp(x, u, 1), *places
    if np.finfo(np.longdouble).nmant < 63:
        pytest.skip("no extended precision here to hold long rows against")
    m = x.max(axis=1, keepdims=True).astype(np.longdouble)
    e = np.exp(x - m)
    s = np.cumsum(e, axis=1)

    def tangent(v):
        return np.cumsum(e * v, axis=1) / s

    def cotangent(g):
        return e * np.cumsum((g / s)[:, ::-1], axis=1)[:, ::-1]

    return m + np.log(s), tangent(u), cotangent(u), tangent(size), cotangent(size)


def check(x, u, axis, known, limit, limit_of_derivatives):
    L, dL, dx, place, other_place = known
    found = *softkern.logcumsumexp_jvp(x, u, axis), softkern.logcumsumexp_vjp(x, u, axis)
    found = [to_numpy(a).T if axis == 0 else to_numpy(a) for a in found]
    assert oracle.ulp(found[0], L, np.maximum(abs(L), 1)) <= limit
    assert oracle.ulp(found[1], dL, place) <= limit_of_derivatives
    assert oracle.ulp(found[2], dx, other_place) <= limit_of_derivatives


@pytest.mark.parametrize("n", [*SHORT, 3000, *LONG])
@pytest.mark.parametrize("case", [*CASES, "rising", "falling"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numpy(case, n, dtype):
    x, u = rows_of(case, n, dtype)
    known = truths(x, u)
    check(x, u, 1, known, LIMIT, LIMIT_OF_DERIVATIVES)
    if n <= 3000:
        check(x.T.copy(), u.T.copy(), 0, known, LIMIT, LIMIT_OF_DERIVATIVES)


@pytest.mark.parametrize("n", [1, 7, 100])
@pytest.mark.parametrize("case", ANYWHERE)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_any_array(xp, case, n, dtype):
    x, u = rows_of(case, n, dtype)
    loose = 16 + np.ptp(x.astype(float))
    check(array(xp, x, dtype), array(xp, u, dtype), 1, truths(x, u), loose, loose)


@every_operation
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_halves_are_rounded_once(xp, name, dtype):
    x, u = array(xp, np.repeat(X, 9, 1), dtype), array(xp, np.repeat(U, 9, 1), dtype)
    for result in call(softkern, name, x, u, 1):
        assert result.dtype == dtype_of(xp, dtype)
    assert_true(name, x, u, 1, ulps=0.501)


# Values


@every_operation
@AXES
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 3, 1e-3])
def test_values(xp, name, axis, dtype, temperature):
    x, u = array(xp, X, dtype), array(xp, U, dtype)
    assert_true(name, x, u, axis, temperature=temperature)


@every_operation
def test_a_whole_array_is_one_row_in_c_order(xp, name):
    x, u = array(xp, X), array(xp, U)
    flat = call(oracle, name, X.ravel(), U.ravel(), 0)
    for result, truth in zip(call(softkern, name, x, u), flat, strict=True):
        assert_close(result, truth.reshape(X.shape))


@every_operation
def test_one_temperature_a_row(xp, name):
    x, u = array(xp, np.stack([X, X + 1, U])), array(xp, np.stack([U, X, X]))
    assert_true(name, x, u, 1, temperature=array(xp, [0.5, 1.0, 2.0, 4.0]))
    assert_true(name, x, u, 2, temperature=array(xp, [[0.5], [1.0], [2.0]]))


@every_operation
@pytest.mark.parametrize("shape", [(5, 2500), (2500, 11), (3, 1025, 2)])
def test_one_temperature_a_long_row(name, shape):
    rng = np.random.default_rng(0)
    x, u = rng.normal(0, 3, shape), rng.normal(size=shape)
    axis = int(np.argmax(shape))
    t = rng.uniform(0.5, 2, [n for k, n in enumerate(shape) if k != axis])
    together = call(softkern, name, x, u, axis, temperature=t)
    for place in np.ndindex(*t.shape):
        row = (*place[:axis], slice(None), *place[axis:])
        alone = call(softkern, name, x[row], u[row], temperature=t[place])
        for result, expected in zip(together, alone, strict=True):
            np.testing.assert_array_equal(result[row], expected)


def test_at_zero_it_is_the_running_maximum(xp):
    x = array(xp, np.sin(np.arange(60.0)).reshape(3, 20))
    for t in (0, array(xp, np.zeros(3))):
        found = to_numpy(softkern.logcumsumexp(x, 1, temperature=t))
        np.testing.assert_array_equal(found, np.maximum.accumulate(to_numpy(x), 1))


def test_at_zero_the_largest_share_the_weight(xp):
    x, u = array(xp, [[1.0, 3.0, 3.0, 2.0]]), array(xp, [[1.0, 2.0, 4.0, 8.0]])
    _, dL = softkern.logcumsumexp_jvp(x, u, 1, temperature=0)
    np.testing.assert_array_equal(to_numpy(dL), [[1, 2, 3, 3]])
    dx = softkern.logcumsumexp_vjp(x, u, 1, temperature=0)
    np.testing.assert_array_equal(to_numpy(dx), [[1, 8, 6, 0]])


def test_at_infinity_two_entries_make_infinity(xp):
    x = array(xp, [[-inf, 1.0, -inf, 0.0]])
    found = to_numpy(softkern.logcumsumexp(x, 1, temperature=inf))
    np.testing.assert_array_equal(found, [[-inf, 1, 1, inf]])


@pytest.mark.parametrize(("n", "temperature"), [(1, 1.0), (5, 0.25), (1024, 4.0), (1025, 1.0)])
def test_it_runs_from_the_first_entry_to_logsumexp_and_never_falls(xp, n, temperature):
    x = array(xp, np.random.default_rng(n).normal(0, 3, (3, n)))
    L = to_numpy(softkern.logcumsumexp(x, 1, temperature=temperature))
    whole = to_numpy(softkern.logsumexp(x, 1, temperature=temperature))
    unit = np.spacing(np.maximum(abs(L), 1))
    np.testing.assert_array_equal(L[:, 0], to_numpy(x)[:, 0])
    assert np.all(abs(L[:, -1] - whole) <= (1 if isinstance(x, np.ndarray) else 8) * unit[:, -1])
    assert np.all(np.diff(L, axis=1) >= -8 * unit[:, 1:])


@pytest.mark.parametrize("shape", [(3, 40), (2, 4000)])
def test_the_derivatives_are_each_others_transpose(xp, shape):
    x, v, g = np.random.default_rng(0).normal(size=(3, *shape))
    _, dL = softkern.logcumsumexp_jvp(array(xp, x), array(xp, v), 1)
    dx = softkern.logcumsumexp_vjp(array(xp, x), array(xp, g), 1)
    np.testing.assert_allclose((to_numpy(dL) * g).sum(), (to_numpy(dx) * v).sum(), rtol=1e-12)


def test_the_jvp_is_the_limit_of_differences(xp):
    x, v, h = array(xp, X), array(xp, U), 1e-5
    _, dL = softkern.logcumsumexp_jvp(x, v, 1, temperature=2.0)
    ahead, behind = (softkern.logcumsumexp(x + s * h * v, 1, temperature=2.0) for s in (1, -1))
    np.testing.assert_allclose(to_numpy(dL), to_numpy((ahead - behind) / (2 * h)), rtol=1e-7)


@pytest.mark.parametrize("axis", [0, 1])
def test_as_numpy_and_torch_have_it(axis):
    x = np.random.default_rng(0).normal(0, 3, (300, 200))
    L = softkern.logcumsumexp(x, axis)
    np.testing.assert_allclose(L, np.logaddexp.accumulate(x, axis), rtol=1e-13, atol=1e-13)
    torch = pytest.importorskip("torch")
    tensor = torch.tensor(x)
    torch.testing.assert_close(
        softkern.logcumsumexp(tensor, axis), torch.logcumsumexp(tensor, axis)
    )


# Infinities, NaN, and nothing at all


SPECIAL = {  # x: L, dL of ones, dx of ones
    (-inf, -inf, 0, -inf): ([-inf, -inf, 0, 0], [0, 0, 1, 1], [0, 0, 2, 0]),
    (0, inf, 1, -inf): ([0, inf, inf, inf], [1, nan, nan, nan], [nan] * 4),
    (inf, inf, 0, nan): ([inf, inf, inf, nan], [nan] * 4, [nan] * 4),
    (0, nan, inf, 1): ([0, nan, nan, nan], [1, nan, nan, nan], [nan] * 4),
    (-inf,) * 4: ([-inf] * 4, [0] * 4, [0] * 4),
}


@pytest.mark.parametrize(
    ("n", "temperature"), [(4, 0.0), (4, 0.5), (4, 1.0), (4, inf), (1030, 0.0), (1030, 1.0)]
)
def test_special_rows(xp, n, temperature):
    x = np.full((len(SPECIAL), n), -inf)
    x[:, -4:] = list(SPECIAL)
    x, ones = array(xp, x), array(xp, np.ones(x.shape))
    L, dL = softkern.logcumsumexp_jvp(x, ones, 1, temperature=temperature)
    dx = softkern.logcumsumexp_vjp(x, ones, 1, temperature=temperature)
    for result, expected in zip((L, dL, dx), zip(*SPECIAL.values(), strict=True), strict=True):
        np.testing.assert_array_equal(to_numpy(result)[:, -4:], expected)


def test_the_largest_numbers_there_are(xp):
    top = np.finfo(float).max
    x = array(xp, [[-top, -top, 0.0], [-top, top, -inf]])
    L, dL = softkern.logcumsumexp_jvp(x, array(xp, np.ones((2, 3))), 1)
    np.testing.assert_array_equal(to_numpy(L), [[-top, -top, 0], [-top, top, top]])
    np.testing.assert_allclose(to_numpy(dL), np.ones((2, 3)), rtol=1e-15)


@every_operation
@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0)])
def test_empty(xp, name, shape):
    x = array(xp, np.zeros(shape))
    for axis in (None, 0, -1):
        for result in call(softkern, name, x, x, axis):
            assert tuple(result.shape) == shape


def test_a_number(xp):
    x, u = array(xp, 3.0), array(xp, 2.0)
    results = *softkern.logcumsumexp_jvp(x, u), softkern.logcumsumexp_vjp(x, u, 0)
    assert [tuple(result.shape) for result in results] == [()] * 3
    assert [float(to_numpy(result)) for result in results] == [3, 2, 2]
    assert softkern.logcumsumexp(3) == 3
    np.testing.assert_array_equal(softkern.logcumsumexp([0, -inf]), [0, 0])
