"""What every operation promises of its results on every array, dtype by dtype and case by case."""

import numpy as np
import pytest
from arrays import (
    HIDDEN_U,
    HIDDEN_X,
    OPERATIONS,
    VALUES,
    WHERE,
    U,
    X,
    array,
    assert_close,
    assert_true,
    call,
    dtype_of,
    to_numpy,
)

import softkern

every_operation = pytest.mark.parametrize("name", OPERATIONS)
inf, nan = np.inf, np.nan


@every_operation
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("axis", [None, 0, 1, -1, (0, 1), (-1,)])
def test_values(xp, name, dtype, axis):
    assert_true(name, array(xp, X, dtype), array(xp, U, dtype), axis)


# Dtypes


@every_operation
@pytest.mark.parametrize("dtype", [f"{u}int{bits}" for u in ("", "u") for bits in (8, 16, 32, 64)])
def test_integers_become_floats_before_any_subtraction(xp, name, dtype):
    limits = np.iinfo(dtype)
    low, high = max(limits.min, -200), min(limits.max, 200)
    x = array(xp, [[low, high, 3], [high, high, low]], dtype)
    u = array(xp, [[low, 1, high], [2, high, 5]], dtype)
    default = xp.zeros(()).dtype
    for result in call(softkern, name, x, u, 1):
        assert result.dtype == default
    assert_true(name, x, u, 1)


@every_operation
def test_bools_become_floats(xp, name):
    x, u = array(xp, X > 0, "bool"), array(xp, U > 0, "bool")
    for result in call(softkern, name, x, u, 1):
        assert result.dtype == xp.zeros(()).dtype
    assert_true(name, x, u, 1)


@every_operation
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_halves_are_rounded_once(xp, name, dtype):
    x, u = array(xp, np.repeat(X, 50, 1), dtype), array(xp, np.repeat(U, 50, 1), dtype)
    for result in call(softkern, name, x, u, 1):
        assert result.dtype == dtype_of(xp, dtype)
    assert_true(name, x, u, 1, ulps=0.501)


@every_operation
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_complex(xp, name, dtype):
    x, u = array(xp, X + 1j * U, dtype), array(xp, U - 2j * X, dtype)
    for result in call(softkern, name, x, u, 1):
        assert result.dtype == dtype_of(xp, dtype)
    assert_true(name, x, u, 1, ulps=32)


@pytest.mark.parametrize("name", OPERATIONS[len(VALUES) :])
@pytest.mark.parametrize("dtypes", [("float32", "float64"), ("float64", "float32")])
def test_mixed_floats_promote(xp, name, dtypes):
    x, u = array(xp, X, dtypes[0]), array(xp, U, dtypes[1])
    for result in call(softkern, name, x, u, 1):
        assert result.dtype == xp.float64


def test_a_number_has_no_say_in_the_dtype(xp):
    x = array(xp, X, "float32")
    assert softkern.logsumexp(x, 1, 2.0).dtype == xp.float32
    assert softkern.logsumexp_vjp(x, 1.0, 1).dtype == xp.float32
    assert_close(softkern.logsumexp_vjp(x, 1.0, 1), to_numpy(softkern.softmax(x, 1)))


@every_operation
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_temperature_never_changes_the_dtype(xp, name, dtype):
    x, u = array(xp, X, dtype), array(xp, U, dtype)
    for t in (2, 0.5, array(xp, [0.5, 2.0, 4.0], "float64")):
        for result in call(softkern, name, x, u, 1, temperature=t):
            assert result.dtype == x.dtype


# Special rows: the good ones beside them must not notice


def with_rows(xp, *rows):
    """The rows given, and X, whose answers are known."""
    return array(xp, np.vstack([np.broadcast_to(rows, (len(rows), X.shape[1])), X]))


@every_operation
def test_special_rows_stay_among_themselves(xp, name):
    rows = [[-inf] * 4, [inf, 0, 1, 2], [inf, -inf, inf, 1], [nan, 0, 1, 2], [nan, inf, 0, -inf]]
    x, u = with_rows(xp, *rows), array(xp, np.vstack([np.ones((5, 4)), U]))
    alone = call(softkern, name, array(xp, X), array(xp, U), 1)
    for result, expected in zip(call(softkern, name, x, u, 1), alone, strict=True):
        assert_close(to_numpy(result)[5:], to_numpy(expected), ulps=1)


@every_operation
@pytest.mark.parametrize("temperature", [1.0, 0.0, 2.0, inf])
def test_a_row_of_minus_infinity(xp, name, temperature):
    x, u = with_rows(xp, -inf), array(xp, np.vstack([np.ones(4), U]))
    *value, derivative = (
        to_numpy(r)[0] for r in call(softkern, name, x, u, 1, temperature=temperature)
    )
    if name == "logsumexp":
        assert derivative == -inf
    elif name.startswith("logsumexp"):
        assert np.all(derivative == 0)
        assert value in ([], [-inf])
    else:
        assert np.all(np.isnan([*value, derivative]))


@every_operation
@pytest.mark.parametrize("temperature", [1.0, 0.0, 2.0, inf])
@pytest.mark.parametrize("row", [[inf, 0, 1, 2], [inf, inf, -inf, 1]])
def test_infinity_in_a_row(xp, name, row, temperature):
    x, u = with_rows(xp, row), array(xp, np.vstack([np.ones(4), U]))
    first = to_numpy(call(softkern, name, x, u, 1, temperature=temperature)[0])[0]
    if name in ("logsumexp", "logsumexp_jvp"):
        assert first == inf
    else:
        assert np.all(np.isnan(first))


@every_operation
@pytest.mark.parametrize("temperature", [1.0, 0.0, 2.0, inf])
@pytest.mark.parametrize("row", [[nan, 0, 1, 2], [0, 1, nan, 2], [nan, inf, -inf, 1], [nan] * 4])
def test_nan_in_a_row(xp, name, row, temperature):
    x, u = with_rows(xp, row), array(xp, np.vstack([np.ones(4), U]))
    for result in call(softkern, name, x, u, 1, temperature=temperature):
        assert np.all(np.isnan(to_numpy(result)[0]))


@pytest.mark.parametrize("n", [4, 40, 3000])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("step", [1, 2])
def test_rows_do_not_spoil_their_neighbours(n, dtype, step):
    x = np.zeros((20, n * step), dtype)[:, ::step]
    x[::4, -1], x[1::4, n // 2], x[2::4] = nan, inf, -inf
    L = np.tile([nan, inf, -inf, np.log(n)], 5).astype(dtype)
    np.testing.assert_allclose(softkern.logsumexp(x, 1), L, rtol=np.finfo(dtype).eps)
    y = softkern.softmax(x, 1)
    assert np.isnan(y[np.arange(20) % 4 < 3]).all()
    np.testing.assert_array_equal(y[3::4], np.asarray(1 / n, dtype))


@every_operation
def test_minus_infinity_is_an_entry_of_weight_zero(xp, name):
    x = X.copy()
    x[0, 1], x[2, :3] = -inf, -inf
    assert_true(name, array(xp, x), array(xp, U), 1)


# where


def hidden_values(name):
    """What the results of an operation are where `where` is False."""
    value = -inf if name.startswith("log_softmax") else 0.0
    return (value, 0.0) if "jvp" in name else (0.0,) if "vjp" in name else (value,)


@every_operation
@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize("dtype", ["float16", "float64"])
@pytest.mark.parametrize("temperature", [1.0, 0.0, 0.5, inf])
def test_where_hides_what_it_leaves_out(xp, name, axis, dtype, temperature):
    x, u = array(xp, HIDDEN_X, dtype), array(xp, HIDDEN_U, dtype)
    if name == "logsumexp_vjp":
        u = array(xp, U, dtype)
    options = {"where": array(xp, WHERE, "bool"), "temperature": temperature}
    assert_true(name, x, u, axis, **options)
    results = call(softkern, name, x, u, axis, **options)
    for result, value in zip(results, hidden_values(name), strict=True):
        if tuple(result.shape) == WHERE.shape:
            assert np.all(to_numpy(result)[~WHERE] == value)


@every_operation
@pytest.mark.parametrize("bad", [nan, inf])
def test_where_hides_beside_nan_and_infinity(xp, name, bad):
    x, u = array(xp, [[0.0, bad, 1.0]]), array(xp, [[1.0, 2.0, 3.0]])
    results = call(softkern, name, x, u, 1, where=array(xp, [True, True, False], "bool"))
    for result, hidden in zip(results, hidden_values(name), strict=True):
        if tuple(result.shape) == (1, 3):
            assert to_numpy(result)[0, 2] == hidden
            assert np.all(np.isnan(to_numpy(result)[0, :2]))


@every_operation
def test_where_broadcasts(xp, name):
    x, u = array(xp, X), array(xp, U)
    assert_true(name, x, u, 1, where=array(xp, [True, False, True, True], "bool"))
    assert_true(name, x, u, 0, where=array(xp, [[True], [False], [True]], "bool"))
    assert_true(name, x, u, None, where=True)


@every_operation
def test_where_must_be_boolean(xp, name):
    with pytest.raises(TypeError, match="bool"):
        call(softkern, name, array(xp, X), array(xp, U), where=array(xp, WHERE, "int64"))


# Temperature


TEMPERATURE_X = np.array([[1.0, 3.0, -2.0, 3.0], [-inf, 0.5, -inf, -inf], [-inf, 2.0, 1.0, 0.0]])


@every_operation
@pytest.mark.parametrize(
    "temperature", [0, 0.0, 0.5, 3, inf, [0.0, inf, 2.0], [[inf], [0.0], [0.5]]]
)
def test_temperature(xp, name, temperature):
    axis = 1
    if isinstance(temperature, list):
        temperature = array(xp, temperature)
        axis = 1 if temperature.ndim == 1 else (1,)
        temperature = xp.reshape(temperature, (3,))
    x, u = array(xp, TEMPERATURE_X), array(xp, U)
    assert_true(name, x, u, axis, temperature=temperature)


@every_operation
def test_temperature_broadcasts_against_the_rows(xp, name):
    x, u = array(xp, np.stack([X, X + 1, U])), array(xp, np.stack([U, X, X]))
    assert_true(name, x, u, 1, temperature=array(xp, [0.5, 1.0, 2.0, 0.0]))
    assert_true(name, x, u, 1, temperature=array(xp, [[0.5], [1.0], [2.0]]))
    assert_true(name, x, u, None, temperature=array(xp, 2.0))


@pytest.mark.parametrize("name", ["log_softmax", "log_softmax_jvp"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [2, 100, 70_000])
@pytest.mark.parametrize("axis", [0, 1])
def test_a_temperature_takes_the_lowest_float_to_minus_infinity(name, dtype, n, axis):
    x = np.zeros((2, n), dtype)
    x[:, 0] = np.finfo(dtype).min / 2, np.finfo(dtype).min
    x = x if axis == 1 else x.T.copy()
    z = call(softkern, name, x, np.ones_like(x), axis, temperature=0.25)[0]
    z = z if axis == 1 else z.T
    assert (z[:, 0] == -inf).all()
    np.testing.assert_allclose(z[:, 1:], -np.log(n - 1), rtol=1e-6)


@every_operation
@pytest.mark.parametrize("temperature", [-1, -0.5, nan, -inf])
def test_temperature_must_not_be_negative_or_nan(xp, name, temperature):
    with pytest.raises(ValueError, match="temperature"):
        call(softkern, name, array(xp, X), array(xp, U), 1, temperature=temperature)


@every_operation
@pytest.mark.parametrize("bad", [-1.0, nan])
def test_no_entry_of_a_temperature_may_be_negative_or_nan(xp, name, bad):
    temperature = array(xp, [1.0, bad, 1.0])
    if xp.__name__ in ("jax.numpy", "array_api_compat.cupy"):  # whose values are not looked at
        last = call(softkern, name, array(xp, X), array(xp, U), 1, temperature=temperature)[-1]
        assert np.all(np.isnan(to_numpy(last)[1]))
        return
    with pytest.raises(ValueError, match="temperature"):  # Dask looks when it computes
        to_numpy(call(softkern, name, array(xp, X), array(xp, U), 1, temperature=temperature)[-1])
