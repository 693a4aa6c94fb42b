"""The weights `b` of logsumexp: of any sign, complex, zero and hidden."""

import numpy as np
import oracle
import pytest
from arrays import (
    OPERATIONS,
    U,
    X,
    array,
    assert_close,
    to_numpy,
)

import softkern

every_operation = pytest.mark.parametrize("name", OPERATIONS)
inf, nan = np.inf, np.nan


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("temperature", [1.0, 0.5])
@pytest.mark.parametrize(
    "b",
    [
        [1.0, 2.0, 0.5, 3.0],
        [1.0, -2.0, 0.5, 3.0],
        [[1.0], [-2.0], [0.0]],
        [[[1.0]], [[-1.0]]],
        [0.0, 0.0, 0.0, 0.0],
        [-1.0, -1.0, 0.0, -1.0],
    ],
)
def test_weights(xp, b, dtype, temperature):
    a, b = array(xp, X, dtype), array(xp, b, dtype)
    options = {"temperature": temperature}
    axis = -1
    known = oracle.logsumexp(X, axis, to_numpy(b), **options)
    assert_close(softkern.logsumexp(a, axis, b, **options), known)
    known = oracle.logsumexp(X, axis, to_numpy(b), return_sign=True, **options)
    results = softkern.logsumexp(a, axis, b, return_sign=True, **options)
    for result, truth in zip(results, known, strict=True):
        assert result.dtype == a.dtype
        assert_close(result, truth)


def test_complex_weights(xp):
    a, b = X + 0.5j * U, U + 2j
    truth = oracle.logsumexp(a, 1, b)
    assert_close(
        softkern.logsumexp(array(xp, a, "complex128"), 1, array(xp, b, "complex128")), truth
    )
    L, sign = softkern.logsumexp(
        array(xp, a, "complex128"), 1, array(xp, b, "complex128"), return_sign=True
    )
    truth = oracle.logsumexp(a, 1, b, return_sign=True)
    assert L.dtype == xp.float64
    assert_close(L, truth[0])
    assert_close(sign, truth[1])


@pytest.mark.parametrize("hidden", [nan, inf, 1e300])
def test_weight_zero_hides_its_entry(xp, hidden):
    a, b = array(xp, [1.0, hidden, 2.0]), array(xp, [1.0, 0.0, 1.0])
    assert_close(softkern.logsumexp(a, b=b), oracle.logsumexp(np.array([1.0, 2.0])))


def test_weights_of_infinities(xp):
    def signed(a, b):
        L, sign = softkern.logsumexp(array(xp, a), b=array(xp, b), return_sign=True)
        return float(L), float(sign)

    assert signed([inf, 900.0], [-1.0, 1.0]) == (inf, -1.0)
    assert signed([inf, 900.0], [1.0, -1.0]) == (inf, 1.0)
    assert signed([-inf, -inf], [1.0, -1.0]) == (-inf, 0.0)
    assert np.all(np.isnan(signed([inf, inf], [1.0, -1.0])))
    assert np.isnan(float(softkern.logsumexp(array(xp, [inf]), b=array(xp, [-1.0]))))


def test_hidden_weights_may_be_nan(xp):
    a, b = array(xp, [1.0, nan, 2.0]), array(xp, [1.0, nan, 1.0])
    where = array(xp, [True, False, True], "bool")
    assert_close(softkern.logsumexp(a, b=b, where=where), oracle.logsumexp(np.array([1.0, 2.0])))
