"""Results go to `out`, and a result at hand comes in as `output`."""

import numpy as np
import oracle
import pytest
from arrays import (
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

import softkern

every_operation = pytest.mark.parametrize("name", OPERATIONS)
inf, nan = np.inf, np.nan


def empty_like(xp, results):
    buffers = tuple(xp.full(tuple(r.shape), nan, dtype=r.dtype) for r in results)
    return buffers if len(buffers) == 2 else buffers[0]


def needs_mutable_arrays(xp):
    if xp.__name__ == "jax.numpy":
        pytest.skip("JAX arrays cannot be written into")


@every_operation
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "complex128"])
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_out_receives_the_result(xp, name, dtype, axis):
    needs_mutable_arrays(xp)
    x, u = array(xp, X, dtype), array(xp, U, dtype)
    expected = call(softkern, name, x, u, axis)
    out = empty_like(xp, expected)
    results = call(softkern, name, x, u, axis, out=out)
    for result, buffer, value in zip(
        results, out if isinstance(out, tuple) else (out,), expected, strict=True
    ):
        assert result is buffer
        assert_close(buffer, to_numpy(value), ulps=0)


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("n", [4, 100])
@pytest.mark.parametrize("swapped", [False, True])
def test_out_may_be_an_input(xp, name, axis, n, swapped):
    needs_mutable_arrays(xp)
    if name.startswith("logsumexp"):
        pytest.skip("its results have another shape")
    rows, tangents = np.resize(X, (3, n)), np.resize(U, (3, n))
    x, u = array(xp, rows), array(xp, tangents)
    expected = call(softkern, name, array(xp, rows), array(xp, tangents), axis)
    first, second = (u, x) if swapped and name not in VALUES else (x, u)
    out = (first, second) if len(expected) == 2 else second if name not in VALUES else x
    for result, value in zip(call(softkern, name, x, u, axis, out=out), expected, strict=True):
        assert_close(result, to_numpy(value), ulps=0)


@every_operation
def test_out_must_fit(xp, name):
    needs_mutable_arrays(xp)
    x, u = array(xp, X), array(xp, U)
    results = call(softkern, name, x, u, 1)
    pair = len(results) == 2
    wrong_shape = xp.zeros((1, 7))
    shape = tuple(results[-1].shape)
    wrong_dtype = xp.zeros(shape, dtype=xp.float32)
    right = xp.zeros(tuple(results[0].shape), dtype=xp.float64)
    with pytest.raises(ValueError, match=str(shape).replace("(", r"\(").replace(")", r"\)")):
        call(softkern, name, x, u, 1, out=(right, wrong_shape) if pair else wrong_shape)
    with pytest.raises(TypeError, match="float64"):
        call(softkern, name, x, u, 1, out=(right, wrong_dtype) if pair else wrong_dtype)
    if pair:
        with pytest.raises(TypeError, match="pair"):
            call(softkern, name, x, u, 1, out=right)


def test_out_is_a_pair_if_the_sign_is_returned(xp):
    needs_mutable_arrays(xp)
    out = array(xp, [0.0, 0.0, 0.0]), array(xp, [0.0, 0.0, 0.0])
    results = softkern.logsumexp(array(xp, X), 1, -1.0, return_sign=True, out=out)
    assert results[0] is out[0]
    assert results[1] is out[1]
    assert_close(out[0], oracle.logsumexp(X, 1))
    assert_close(out[1], -np.ones(3), ulps=0)


@pytest.mark.parametrize("operation", ["softmax", "log_softmax"])
@pytest.mark.parametrize("kind", ["jvp", "vjp"])
@pytest.mark.parametrize("x", [None, np.full(X.shape, nan)])
@pytest.mark.parametrize("options", [{}, {"temperature": 0.5}, {"where": WHERE}])
def test_output_stands_in_for_x(xp, operation, kind, x, options):
    options = {k: array(xp, v, "bool") if k == "where" else v for k, v in options.items()}
    output = getattr(softkern, operation)(array(xp, X), 1, **options)
    derivative = getattr(softkern, f"{operation}_{kind}")
    expected = derivative(array(xp, X), array(xp, U), 1, **options)
    x = None if x is None else array(xp, x)
    result = derivative(x, array(xp, U), 1, output=output, **options)
    if kind == "jvp":
        assert_close(result[0], to_numpy(output), ulps=0)
        result, expected = result[1], expected[1]
    assert_close(result, to_numpy(expected))


def test_output_of_logsumexp_is_returned_and_the_weights_taken_from_x(xp):
    x, v, marked = array(xp, X), array(xp, U), array(xp, [7.0, 8.0, 9.0])
    L, dL = softkern.logsumexp_jvp(x, v, 1, output=marked)
    assert_close(L, [7.0, 8.0, 9.0], ulps=0)
    assert_close(dL, oracle.logsumexp_jvp(X, U, 1)[1])
    dx = softkern.logsumexp_vjp(x, v[:, 0], 1, output=marked)
    assert_close(dx, oracle.logsumexp_vjp(X, U[:, 0], 1))
