"""Segments that are none, and what is said of them."""

import numpy as np
import pytest

import softkern

BAD = {
    "neither": ({}, TypeError, "one of the two"),
    "both": ({"offsets": [0, 3], "segment_ids": [0, 0, 0]}, TypeError, "one of the two"),
    "number of offsets": ({"offsets": [0, 3], "num_segments": 1}, TypeError, "num_segments"),
    "no offsets": ({"offsets": []}, ValueError, "from 0 to"),
    "a wrong begin": ({"offsets": [1, 3]}, ValueError, "from 0 to"),
    "a wrong end": ({"offsets": [0, 2]}, ValueError, "from 0 to"),
    "beyond the end": ({"offsets": [0, 4]}, ValueError, "from 0 to"),
    "falling offsets": ({"offsets": [0, 2, 1, 3]}, ValueError, "decrease"),
    "floats": ({"offsets": [0.0, 3.0]}, TypeError, "integers"),
    "bools": ({"segment_ids": [False, True, True]}, TypeError, "integers"),
    "two dimensions": ({"offsets": [[0, 3]]}, ValueError, "one-dimensional"),
    "too few": ({"segment_ids": [0, 1]}, ValueError, "one for each"),
    "not sorted": ({"segment_ids": [0, 2, 1]}, ValueError, "argsort"),
    "negative": ({"segment_ids": [-1, 0, 1]}, IndexError, "negative"),
    "too far": ({"segment_ids": [0, 1, 2], "num_segments": 2}, IndexError, "too far"),
    "no number": ({"segment_ids": [0, 1, 2], "num_segments": 2.5}, TypeError, "integer"),
    "cold": ({"offsets": [0, 3], "temperature": -1}, ValueError, "temperature"),
    "too many temperatures": (
        {"offsets": [0, 3], "temperature": np.ones(2)},
        ValueError,
        "broadcast",
    ),
}


@pytest.mark.parametrize("bad", BAD)
def test_bad_arguments(bad):
    options, error, message = BAD[bad]
    with pytest.raises(error, match=message):
        softkern.segment_softmax(np.ones(3), **options)
    with pytest.raises(error, match=message):
        softkern.segment_logsumexp(np.ones(3), **options)


def test_bad_arrays():
    with pytest.raises(ValueError, match="single number"):
        softkern.segment_softmax(3.0, [0, 1])
    with pytest.raises(ValueError, match="broadcast"):
        softkern.segment_softmax_jvp(np.ones(3), np.ones(2), [0, 3])
    strict = pytest.importorskip("array_api_strict")
    with pytest.raises(TypeError, match="two libraries"):
        softkern.segment_softmax_vjp(np.ones(3), strict.ones(3), [0, 3])
