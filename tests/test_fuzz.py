"""Hard calls of every kind, drawn by hypothesis: against the truth, and on every backend.

`pytest tests/test_fuzz.py --hypothesis-profile=long` goes on for hours.
"""

import hypothesis.strategies as st
import numpy as np
import pytest
from arrays import OPERATIONS, call
from hard_calls import assert_right, hard_calls
from hypothesis import given
from test_properties import FLOATS

import softkern

every_operation = pytest.mark.parametrize("name", OPERATIONS)
every_float = pytest.mark.parametrize("dtype", FLOATS)


@every_operation
@every_float
@given(data=st.data())
def test_compiled_kernels(name, dtype, data):
    import ml_dtypes

    own = np.dtype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)
    x, u, axis, options = data.draw(hard_calls(name, own))
    before = x.tobytes(), u.tobytes()
    results = call(softkern, name, x, u, axis, **options)
    assert (x.tobytes(), u.tobytes()) == before
    assert_right(name, x, u, axis, options, results)
