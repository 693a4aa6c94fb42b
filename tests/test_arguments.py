"""What every operation promises of its arguments: their axes, and what is no array."""

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
    call,
    to_numpy,
)
from numpy.exceptions import AxisError

import softkern

every_operation = pytest.mark.parametrize("name", OPERATIONS)
inf, nan = np.inf, np.nan


# What is no argument


@every_operation
@pytest.mark.parametrize("out", [3, 2.0, [1.0], (1.0,), (1.0, 2.0), ([], [])])
def test_out_must_be_arrays(name, out):
    with pytest.raises(TypeError, match="out must be"):
        call(softkern, name, X, U, 1, out=out)


@every_operation
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("temperature", [1j, np.array(1j), np.ones(3, "complex64")])
def test_temperature_must_be_real(name, dtype, temperature):
    with pytest.raises(TypeError, match="temperature must be real"):
        call(softkern, name, X.astype(dtype), U.astype(dtype), 1, temperature=temperature)


def test_a_complex_output_is_none_of_real_rows():
    with pytest.raises(TypeError, match="same_kind"):
        softkern.logsumexp_jvp(X, U, 1, output=np.zeros(3, complex))


# Shapes and axes


@every_operation
@pytest.mark.parametrize(
    ("shape", "axis"), [((0,), None), ((2, 0), 1), ((0, 3), 1), ((0, 3), None)]
)
def test_empty(xp, name, shape, axis):
    x = array(xp, np.zeros(shape))
    rows = () if axis is None else shape[:1]
    if name in ("logsumexp", "logsumexp_jvp"):
        expected = [(rows, -inf), (rows, 0.0)]
    else:
        expected = [(shape, 0.0), (shape, 0.0)]
    results = call(softkern, name, x, x, axis)
    for result, (result_shape, value) in zip(results, expected, strict=False):
        assert tuple(result.shape) == result_shape
        assert np.all(to_numpy(result) == value)


@pytest.mark.parametrize("b", [None, -1.0])
def test_the_sign_of_an_empty_sum_is_0(xp, b):
    x = array(xp, [])
    L, sign = softkern.logsumexp(x, b=b, return_sign=True)
    assert (float(L), float(sign)) == (-inf, 0.0)
    L, sign = softkern.logsumexp(array(xp, [-inf, -inf]), b=b, return_sign=True)
    assert (float(L), float(sign)) == (-inf, 0.0)


@every_operation
@pytest.mark.parametrize("axis", [None, 0, -1])
def test_0d_is_a_row_of_one(xp, name, axis):
    x, u = array(xp, 3.0), array(xp, 5.0)
    truths = {"softmax": [1, 0], "log_softmax": [0, 0], "logsumexp": [3, 5]}
    operation, _, kind = name.rpartition("_") if name not in VALUES else (name, "", "")
    expected = truths[operation][1:] if kind == "vjp" else truths[operation]
    results = (
        (getattr(softkern, name)(x, u, axis),)
        if kind == "vjp"
        else call(softkern, name, x, u, axis)
    )
    for result, value in zip(results, expected, strict=False):
        assert tuple(result.shape) == ()
        assert float(result) == value


@pytest.mark.parametrize("name", ["logsumexp", "logsumexp_jvp"])
@pytest.mark.parametrize(
    ("shape", "axis", "kept"),
    [((), None, ()), ((2, 3), None, (1, 1)), ((2, 3), 0, (1, 3)), ((2, 3, 4), (0, -1), (1, 3, 1))],
)
def test_keepdims(xp, name, shape, axis, kept):
    x = array(xp, np.arange(np.prod(shape)).reshape(shape))
    without = call(softkern, name, x, x, axis)
    for result, flat in zip(call(softkern, name, x, x, axis, keepdims=True), without, strict=True):
        assert tuple(result.shape) == kept
        assert_close(xp.reshape(result, flat.shape), to_numpy(flat), ulps=0)


def test_keepdims_of_a_cotangent(xp):
    x, g = array(xp, X), array(xp, [1.0, 2.0, 3.0])
    kept = softkern.logsumexp_vjp(x, xp.reshape(g, (3, 1)), 1, keepdims=True)
    assert_close(kept, to_numpy(softkern.logsumexp_vjp(x, g, 1)), ulps=0)


@every_operation
@pytest.mark.parametrize(
    ("axis", "error"),
    [
        (2, AxisError),
        (-3, AxisError),
        ((0, 5), AxisError),
        ((0, 0), ValueError),
        ((1, -1), ValueError),
        (0.0, TypeError),
        ("0", TypeError),
        ((0, 1.0), TypeError),
    ],
)
def test_wrong_axes(xp, name, axis, error):
    x, u = array(xp, X), array(xp, U)
    u = u[:, 0] if name == "logsumexp_vjp" else u
    arguments = (x,) if name in VALUES else (x, u)
    with pytest.raises(error):
        getattr(softkern, name)(*arguments, axis)


@pytest.mark.parametrize("name", OPERATIONS[len(VALUES) :])
def test_tangents_and_cotangents_of_another_shape(xp, name):
    with pytest.raises((ValueError, RuntimeError)):
        getattr(softkern, name)(array(xp, X), array(xp, np.ones((3, 5))), 1)


@every_operation
def test_inputs_are_left_as_they_were(xp, name):
    x, u, where = array(xp, HIDDEN_X), array(xp, HIDDEN_U), array(xp, WHERE, "bool")
    t = array(xp, [0.5, 0.0, inf])
    call(softkern, name, x, u, 1, where=where, temperature=t)
    np.testing.assert_array_equal(to_numpy(x), HIDDEN_X)
    np.testing.assert_array_equal(to_numpy(u), HIDDEN_U)
    np.testing.assert_array_equal(to_numpy(where), WHERE)
    np.testing.assert_array_equal(to_numpy(t), [0.5, 0.0, inf])


# What is no array


class Metres(np.ndarray):
    """An array that is more than its numbers."""


class Series:
    """A table's column: no NumPy array, but one can be made of it."""

    def __array__(self, dtype=None, copy=None):
        return np.ones(3)


@every_operation
@pytest.mark.parametrize(
    ("x", "way_out"),
    [
        (np.ma.array([1.0, 2.0], mask=[True, False]), r"where=~x\.mask"),
        (np.ones(2).view(Metres), r"numpy\.asarray"),
        (np.array([1.0, 2.0], dtype=object), "object"),
        (np.array(["a", "b"]), r"<U\d+"),
        (np.array(["2026-01-01"], dtype="datetime64[D]"), "(?i)datetime64"),
        ("ab", r"numpy\.asarray"),
        (Series(), r"numpy\.asarray"),
        (None, "NoneType"),
        ({1.0, 2.0}, r"numpy\.asarray"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_type_errors_name_the_way_out(name, x, way_out):
    arguments = (x,) if name in VALUES else (x, 1.0)
    with pytest.raises(TypeError, match=way_out):
        getattr(softkern, name)(*arguments)


@every_operation
@pytest.mark.parametrize("place", ["second", "where", "temperature", "out"])
def test_arrays_of_two_libraries(xp, name, place):
    other = pytest.importorskip("array_api_strict")
    if xp is other:
        other = np
    x, u = array(xp, X), array(xp, U[:, 0] if name == "logsumexp_vjp" else U)
    options = {}
    if place == "where":
        options["where"] = other.asarray(WHERE)
    elif place == "temperature":
        options["temperature"] = other.asarray([1.0, 1.0, 1.0])
    elif place == "out":
        shape = (3,) if name.startswith("logsumexp") and "vjp" not in name else X.shape
        out = other.zeros(shape)
        options["out"] = (out, out) if "jvp" in name else out
    elif name in VALUES:
        pytest.skip("takes no second array")
    else:
        u = other.asarray(to_numpy(u))
    arguments = (x,) if name in VALUES else (x, u)
    with pytest.raises(TypeError):
        getattr(softkern, name)(*arguments, 1, **options)


def test_weights_of_another_library():
    strict = pytest.importorskip("array_api_strict")
    with pytest.raises(TypeError, match="two libraries"):
        softkern.logsumexp(strict.asarray(X), b=np.ones(4))


@every_operation
def test_arrays_on_two_devices(name):
    strict = pytest.importorskip("array_api_strict")
    device = strict.Device("device1")
    x, u = strict.asarray(X), strict.asarray(U[:, 0] if name == "logsumexp_vjp" else U)
    arguments = (strict.asarray(X),) if name in VALUES else (x, strict.asarray(u, device=device))
    options = {"where": strict.asarray(WHERE, device=device)} if name in VALUES else {}
    with pytest.raises(TypeError, match="device"):
        getattr(softkern, name)(*arguments, 1, **options)


@every_operation
def test_results_stay_on_their_device(name):
    strict = pytest.importorskip("array_api_strict")
    device = strict.Device("device1")
    x, u = strict.asarray(X, device=device), strict.asarray(U, device=device)
    for result in call(softkern, name, x, u, 1):
        assert result.device == device


# NumPy's own ways


@every_operation
def test_numbers_and_sequences(name):
    for x, u in (([1, 2.5, 3], [1, 0, 2]), ((True, False), (1.0, 2.0)), ([[1], [2]], [[3], [4]])):
        expected = call(softkern, name, np.asarray(x), np.asarray(u))
        second = u[0][0] if isinstance(u[0], list) else u[0]
        if name == "logsumexp_vjp":
            results = (softkern.logsumexp_vjp(x, second),)
        else:
            results = call(softkern, name, x, u)
        for result, value in zip(results, expected, strict=True):
            assert_close(result, value, ulps=0)


@pytest.mark.parametrize("number", [3, 3.0, True, np.float32(3), np.int8(3), 3j])
def test_a_number_gives_a_numpy_scalar(number):
    for result in (softkern.softmax(number), softkern.logsumexp(number)):
        assert isinstance(result, np.generic)
        assert np.isscalar(result)


@every_operation
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_results_are_native_c_ordered_and_writeable(name, dtype):
    x = np.asfortranarray(X.astype(dtype)).astype(np.dtype(dtype).newbyteorder())
    x.flags.writeable = False
    for result in call(softkern, name, x, x, 0):
        assert result.dtype == np.dtype(dtype)
        assert result.dtype.isnative
        assert result.flags.c_contiguous
        assert result.flags.writeable
