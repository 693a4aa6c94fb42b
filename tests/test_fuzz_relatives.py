"""Hard numbers for what is written with the operations, or has kernels of its own."""

from itertools import pairwise

import hypothesis.strategies as st
import ml_dtypes
import numpy as np
import oracle
from hard_calls import MOST_OF_FORMULAS, hard_numbers, narrowed, tangents, within
from hypothesis import assume, given
from hypothesis.extra.numpy import array_shapes
from test_properties import FLOATS, layouts

import softkern

inf = np.inf
dtypes = st.sampled_from(FLOATS).map(
    lambda name: np.dtype(ml_dtypes.bfloat16 if name == "bfloat16" else name)
)


@st.composite
def rows(draw):
    """Hard numbers without NaN and +inf, and tangents for them."""
    dtype, shape = draw(dtypes), draw(array_shapes(max_dims=2, max_side=16))
    with np.errstate(all="ignore"):
        x = draw(hard_numbers(dtype, shape))
        u = draw(tangents(dtype, shape))
        x = narrowed(np.where(np.isnan(x) | np.isposinf(x), dtype.type(0), x))
    return draw(layouts(x)), draw(layouts(u))


def is_near(result, truth, limit, at=None):
    sizes = np.maximum(abs(truth.astype(float)), 1) if at is None else at
    assert oracle.ulp(result, within(truth, result.dtype), sizes) <= limit


@given(given=rows())
def test_running_sums(given):
    x, u = given
    assume((x > -inf).any(-1).all())  # the truth is by division by the sum
    L, dL = softkern.logcumsumexp_jvp(x, u, -1)
    truth, tangent = oracle.logcumsumexp_jvp(x, u, -1)
    is_near(L, truth, 1.5)
    is_near(softkern.logcumsumexp(x, -1), truth, 1.5)
    at = np.maximum.accumulate(abs(u.astype(float)), -1)
    is_near(dL, tangent, 8, at)


@given(given=rows())
def test_weights(given):
    x, b = given
    L, sign = softkern.logsumexp(x, -1, abs(b), return_sign=True)
    truth, true_sign = map(
        np.asarray, oracle.logsumexp(x, -1, abs(b).astype(float), return_sign=True)
    )
    np.testing.assert_array_equal(sign, true_sign.astype(float))
    is_near(L, truth, MOST_OF_FORMULAS)


@given(given=rows(), data=st.data())
def test_segments(given, data):
    """The same bits as of rows by themselves, but where those are cut or laid out otherwise."""
    x, u = (np.ascontiguousarray(a.reshape(-1)) for a in given)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(x)), max_size=5)))
    offsets = [0, *cuts, len(x)]
    found = (*softkern.segment_softmax_jvp(x, u, offsets), softkern.segment_logsumexp(x, offsets))
    for k, (lo, hi) in enumerate(pairwise(offsets)):
        y, dy = oracle.softmax_jvp(x[lo:hi], u[lo:hi])
        at = np.sum(abs(u[lo:hi].astype(float)), initial=0.0)
        assert oracle.ulp(found[0][lo:hi], y) <= 2.5
        is_near(found[1][lo:hi], dy, 8, at + np.zeros(hi - lo))
        is_near(found[2][k], np.asarray(oracle.logsumexp(x[lo:hi])), 1.5)
