"""Hard calls of every kind, drawn by hypothesis, against the truth: on every backend of NumPy's numbers.

`pytest -n 0 tests/test_fuzz.py --hypothesis-profile=long` goes on for hours.
"""

import hypothesis.strategies as st
import ml_dtypes
import numpy as np
import pytest
from arrays import OPERATIONS, VALUES, call
from cuda_emulator import stand_in
from hard_calls import LIMITING, MOST_OF_FORMULAS, assert_right, hard_calls, limit_of
from hypothesis import assume, given
from softkern.backends import array_api
from test_cupy import host, on_device
from test_properties import FLOATS

import softkern

every_operation = pytest.mark.parametrize("name", OPERATIONS)
any_float = st.sampled_from(FLOATS)


def dtype_named(name):
    return np.dtype(ml_dtypes.bfloat16 if name == "bfloat16" else name)


@every_operation
@pytest.mark.parametrize("dtype", FLOATS)
@given(data=st.data())
def test_compiled_kernels(name, dtype, data):
    x, u, axis, options = data.draw(hard_calls(name, dtype_named(dtype)))
    before = x.tobytes(), u.tobytes()
    results = call(softkern, name, x, u, axis, **options)
    assert (x.tobytes(), u.tobytes()) == before
    assert_right(name, x, u, axis, options, results)


@pytest.mark.parametrize("dtype", FLOATS)
@given(data=st.data())
def test_derivatives_of_a_given_softmax(dtype, data):
    x, u, axis, options = data.draw(hard_calls("softmax_vjp", dtype_named(dtype)))
    t = options.get("temperature", 1.0)
    # The rounding of y counts, over t.
    assume(np.min(t, initial=1.0) >= 1e-3 and not np.isin(t, LIMITING).any())
    y = softkern.softmax(x, axis, **options)
    dx = softkern.softmax_vjp(None, u, axis, output=y, **options)
    most = 1 + limit_of("softmax_vjp", 0, x.dtype, t)
    assert_right("softmax_vjp", x, u, axis, options, [dx], limit=most)


class Formulas:
    """The formulas by the signatures of softkern."""

    def __getattr__(self, name):
        def operation(x, *rest, temperature=1.0, where=None):
            *u, axis = rest
            more = {"logsumexp": (None, False, False), "logsumexp_jvp": (False,)}.get(name, ())
            more = (False,) if name == "logsumexp_vjp" else more
            given = (None,) if name not in VALUES else ()
            formula = getattr(array_api, name)
            return formula(x, *u, axis, *more, temperature, where, *given, None)

        return operation


@every_operation
@given(data=st.data())
def test_formulas(name, data):
    x, u, axis, options = data.draw(hard_calls(name, dtype_named(data.draw(any_float))))
    # Of their derivatives the rounding errors count, over t.
    assume(name in VALUES or np.min(options.get("temperature", 1.0), initial=1.0) >= 1e-3)
    x, u = np.asarray(x, x.dtype.newbyteorder("=")), np.asarray(u, u.dtype.newbyteorder("="))
    results = call(Formulas(), name, x, u, axis, **options)
    assert_right(name, x, u, axis, options, results, limit=MOST_OF_FORMULAS)


@every_operation
@given(data=st.data())
def test_cuda_kernels(cupy, name, data):
    """On the emulator, which looks at every access to memory."""
    x, u, axis, options = data.draw(hard_calls(name, dtype_named(data.draw(any_float))))
    assume(not np.isin(options.get("temperature", 1.0), LIMITING).any())
    moved = {
        key: on_device(cupy, a) if isinstance(a, np.ndarray) else a for key, a in options.items()
    }
    with stand_in.settings.using(checked=True, orders=("forward", "reverse")):
        results = call(softkern, name, on_device(cupy, x), on_device(cupy, u), axis, **moved)
    assert_right(name, x, u, axis, options, host(results), flushes=True)
