"""ONNX's own cases for the operators that softkern has."""

import warnings

import numpy as np
import pytest

import softkern

OPERATORS = {
    "Softmax": (softkern.softmax, -1),
    "LogSoftmax": (softkern.log_softmax, -1),
    "Hardmax": (softkern.hardmax, -1),
    "ReduceLogSumExp": (softkern.logsumexp, None),
}


def cases():
    """The cases, by their names, that consist of one of these operators."""
    pytest.importorskip("onnx")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ONNX's, about its own examples
        from onnx.backend.test.case.node import collect_testcases

        found = collect_testcases(None)
    return {case.name: case for case in found if case.model.graph.node[0].op_type in OPERATORS}


def test_onnx_cases():
    from onnx.helper import get_attribute_value

    tried = []
    for name, case in cases().items():
        (node,) = case.model.graph.node
        function, axis = OPERATORS[node.op_type]
        options = {item.name: get_attribute_value(item) for item in node.attribute}
        for (x, *axes), (expected,) in case.data_sets:
            axis = tuple(axes[0].tolist()) if axes and axes[0].size else options.get("axis", axis)
            reduces = node.op_type == "ReduceLogSumExp"
            options = {"keepdims": bool(options.get("keepdims", 1))} if reduces else {}
            found = function(x, axis, **options)
            np.testing.assert_allclose(found, expected, rtol=1e-5, err_msg=name)
            tried.append(node.op_type)
    assert set(tried) == set(OPERATORS)
    assert len(tried) > 25
