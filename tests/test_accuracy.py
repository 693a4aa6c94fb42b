"""How accurate, in units in the last place, on rows chosen to be hard.

NumPy and CuPy arrays have compiled kernels, held to fixed limits; a row that Dask has in pieces loses
a little where they meet. Other arrays take the formulas as they
stand: there the rounding of x - m, and of m + log s, reaches the result.
"""

from functools import cache

import numpy as np
import oracle
import pytest
from arrays import OPERATIONS, VALUES, array, call, to_numpy

import softkern

ANYWHERE = ("typical", "wide", "dominant", "near-equal", "two maxima", "offset")
CASES = (*ANYWHERE, "late")  # late maxima make subnormal results, which XLA flushes to zero
SHORT = (1, 2, 3, 7, 10, 16, 17, 100, 1000)
LONG = (32769, 1_000_000)
LIMITS = {"softmax": 2.5, "log_softmax": 1.5, "logsumexp": 1.5}
LIMITS_IN_PIECES = {"softmax": 5.0, "log_softmax": 3.0, "logsumexp": 1.5}
LIMIT_OF_DERIVATIVES = 8.0


def hard_rows(case, n, dtype):
    """Rows of this kind, and tangents for them."""
    rng = np.random.default_rng([CASES.index(case), n])
    count = 16 if n <= 17 else 4 if n <= 1000 else 1
    x = rng.normal(0, 3, (count, n))
    one = np.arange(count), rng.integers(n, size=count)
    if case == "wide":
        x = rng.uniform(-0.5, 0.5, (count, n)) * (600 if dtype == "float64" else 80)
    elif case == "dominant":
        x[one] = 38 + x.max(axis=1)
    elif case == "near-equal":
        x = 0.1 + 1e-4 * x
    elif case == "two maxima":
        other = (one[1] + n // 2) % n
        x[one] = x[one[0], other] = 30
    elif case == "offset":
        x += 1e8 if dtype == "float64" else 1e4
    elif case == "late":  # far above what a glance at the first entries promises
        x[:, : n // 2] -= 650 if dtype == "float64" else 72
    return x.astype(dtype), rng.normal(size=(count, n)).astype(dtype)


@cache
def truths(case, n, dtype):
    return truths_of(*hard_rows(case, n, dtype))


def truths_of(x, u):
    """Name of an operation -> its true results for the rows of x; of a JVP, the tangents."""
    others = ("softmax_vjp", "log_softmax_vjp", "log_softmax_jvp", "logsumexp_jvp")
    if x.shape[1] <= 100:
        known = {name: call(oracle, name, x, u, 1)[-1] for name in (*VALUES, *others)}
    elif np.finfo(np.longdouble).nmant < 63:
        pytest.skip("no extended precision here to hold long rows against")
    else:
        rows = [oracle.LongRow(row) for row in x]
        known = {name: np.array([getattr(row, name)() for row in rows]) for name in VALUES}
        for name in others:
            known[name] = np.array([getattr(r, name)(v) for r, v in zip(rows, u, strict=True)])
    known["softmax_jvp"] = known["softmax_vjp"]
    known["logsumexp_vjp"] = known["softmax"] * np.asarray(u[:, :1], known["softmax"].dtype)
    return known


def flushed(a, dtype):
    """As CuPy compiles it, a float32 below the normal numbers is 0."""
    tiny = np.finfo(dtype).tiny if dtype == "float32" else 0
    return np.where(abs(a) < tiny, 0 * a, a)


def errors(x, u, axis, known):
    """Name of an operation -> its largest error, in units in the last place.

    For logsumexp the place is that of max(|L|, 1); for a derivative that of the row's largest entry,
    or what that would be without cancellation where entries of the tangent cancel each other.
    """
    results = {name: call(softkern, name, x, u, axis)[-1] for name in OPERATIONS}
    matrices = [name for name in results if known[name].ndim == 2 and name not in VALUES]
    places = {name: abs(known[name]).max(1, keepdims=True) for name in matrices}
    y, u = known["softmax"], abs(to_numpy(u if axis == 1 else u.T).astype(float))
    places["logsumexp"] = np.maximum(abs(known["logsumexp"]), 1)
    places["logsumexp_jvp"] = (y * u).sum(1)
    others = u.sum(1, keepdims=True) - u
    places["log_softmax_vjp"] = ((1 - y) * u + y * others).max(1, keepdims=True)
    found = {}
    for name, result in results.items():
        result = to_numpy(result)
        result = result.T if axis == 0 else result
        found[name] = oracle.ulp(result, known[name], places.get(name))
    return found


def too_large(found, limits, limit_of_derivatives):
    return {name: e for name, e in found.items() if e > limits.get(name, limit_of_derivatives)}


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("n", SHORT)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numpy(case, n, dtype, axis):
    x, u = hard_rows(case, n, dtype)
    x, u = (x, u) if axis == 1 else (x.T.copy(), u.T.copy())
    found = errors(x, u, axis, truths(case, n, dtype))
    assert too_large(found, LIMITS, LIMIT_OF_DERIVATIVES) == {}


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("n", LONG)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numpy_long_rows(case, n, dtype, axis):
    x, u = hard_rows(case, n, dtype)
    known = truths_of(x, u)
    if axis == 0:  # one row alone would lie in memory as it does over axis 1
        x, u = np.repeat(x.T, 2, axis=1), np.repeat(u.T, 2, axis=1)
        known = {name: np.repeat(rows, 2, axis=0) for name, rows in known.items()}
    found = errors(x, u, axis, known)
    assert too_large(found, LIMITS, LIMIT_OF_DERIVATIVES) == {}


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("temperature", [1e-20, 0.01, 0.7, 123.456, 1e20])
@pytest.mark.parametrize("case", ["typical", "dominant", "near-equal", "two maxima", "offset"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_temperatures(case, temperature, dtype, axis):
    """x/t is the row of the case, but for rounding; the place of logsumexp is that of max(|L|, t)."""
    x = (hard_rows(case, 100, dtype)[0].astype(float) * temperature).astype(dtype)
    lying = x if axis == 1 else x.T.copy()
    for name, limit in LIMITS.items():
        known = getattr(oracle, name)(x, 1, temperature=temperature)
        place = np.maximum(abs(known), temperature) if name == "logsumexp" else None
        result = getattr(softkern, name)(lying, axis, temperature=temperature)
        result = result.T if axis == 0 else result
        assert oracle.ulp(result, known, place) <= limit


TANGENTS = {
    "far from 0": lambda x, u: u + 1000,
    "of the rarest": lambda x, u: np.eye(x.shape[1], dtype=x.dtype)[x.argmin(1)],
    "of the likeliest": lambda x, u: np.eye(x.shape[1], dtype=x.dtype)[x.argmax(1)],
    "of one sign": lambda x, u: abs(u),
}


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("n", [7, 33, 100])
@pytest.mark.parametrize("kind", TANGENTS)
@pytest.mark.parametrize("case", ["typical", "near-equal", "dominant", "two maxima"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tangents_that_nearly_cancel(case, kind, n, dtype, axis):
    x, u = hard_rows(case, n, dtype)
    v = TANGENTS[kind](x, u).astype(dtype)
    known = oracle.softmax_jvp(x, v, 1)[1]
    if axis == 0:
        x, v = x.T.copy(), v.T.copy()
    found = softkern.softmax_jvp(x, v, axis)[1]
    found = found if axis == 1 else found.T
    assert oracle.ulp(found, known, abs(known).max(1, keepdims=True)) <= LIMIT_OF_DERIVATIVES


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("n", [*SHORT, 40, 5000, 20_000, 40_000, 100_000])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_cupy(cupy, case, n, dtype, axis):
    x, u = hard_rows(case, n, dtype)
    known = {name: flushed(a, dtype) for name, a in truths(case, n, dtype).items()}
    x, u = (x, u) if axis == 1 else (x.T.copy(), u.T.copy())
    found = errors(cupy.asarray(x), cupy.asarray(u), axis, known)
    assert too_large(found, LIMITS, LIMIT_OF_DERIVATIVES) == {}


@pytest.mark.parametrize("n", [1, 7, 100])
@pytest.mark.parametrize("case", ["typical", "wide", "dominant", "near-equal", "two maxima"])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("library", ["numpy", "cupy"])
def test_halves_are_rounded_once(request, library, case, n, dtype):
    x, u = hard_rows(case, n, dtype)
    known = truths(case, n, dtype)
    if library == "cupy":
        asarray = request.getfixturevalue("cupy").asarray
        x, u = asarray(x), asarray(u)
    found = errors(x, u, 1, known)
    assert too_large(found, {}, 1.0) == {}


@pytest.mark.parametrize("pieces", [2, 7])
@pytest.mark.parametrize("n", [3, 17, 1000, 32769])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dask_rows_in_pieces(case, n, dtype, pieces):
    da = pytest.importorskip("dask.array")
    rows = hard_rows(case, n, dtype)
    x, u = (da.from_array(a, chunks=(-1, -(-n // pieces))) for a in rows)
    found = errors(x, u, 1, truths(case, n, dtype))
    assert too_large(found, LIMITS_IN_PIECES, LIMIT_OF_DERIVATIVES) == {}


@pytest.mark.parametrize("n", [1, 7, 100, 1000])
@pytest.mark.parametrize("case", ANYWHERE)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_any_array(xp, case, n, dtype):
    x, u = hard_rows(case, n, dtype)
    known = truths(case, n, dtype)
    found = errors(array(xp, x, dtype), array(xp, u, dtype), 1, known)
    loose = 16 + np.ptp(x.astype(float))
    assert too_large(found, {}, loose) == {}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_gradient_of_a_sure_prediction_does_not_vanish(xp, dtype):
    x, g = hard_rows("dominant", 10, dtype)
    g = np.where(x == x.max(1, keepdims=True), -1, 0).astype(dtype)
    truth = oracle.log_softmax_vjp(x, g, 1)
    result = softkern.log_softmax_vjp(array(xp, x, dtype), array(xp, g, dtype), 1)
    limit = LIMIT_OF_DERIVATIVES if isinstance(result, np.ndarray) else 16 + np.ptp(x)
    assert oracle.ulp(to_numpy(result), truth, abs(truth).max(1, keepdims=True)) <= limit


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize(
    "options", [{}, {"b": np.ones((1, 1), np.float32)}, {"temperature": np.ones(2, np.float32)}]
)
def test_float32_sums_do_not_drift(axis, options):
    n = 1_000_000
    x = np.random.default_rng(n).normal(0, 3, (n, 2) if axis == 0 else (2, n)).astype(np.float32)
    truth = [oracle.LongRow(row).logsumexp() for row in (x.T if axis == 0 else x)]
    assert oracle.ulp(softkern.logsumexp(x, axis, **options), truth) <= LIMITS["logsumexp"]
