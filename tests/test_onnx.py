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


def cases(operators):
    """The cases, by their names, that consist of one of these operators."""
    pytest.importorskip("onnx")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ONNX's, about its own examples
        from onnx.backend.test.case.node import collect_testcases

        found = collect_testcases(None)
    return {case.name: case for case in found if case.model.graph.node[0].op_type in operators}


def attributes(node):
    from onnx.helper import get_attribute_value

    return {item.name: get_attribute_value(item) for item in node.attribute}


def test_onnx_cases():
    tried = []
    for name, case in cases(OPERATORS).items():
        (node,) = case.model.graph.node
        function, axis = OPERATORS[node.op_type]
        options = attributes(node)
        for (x, *axes), (expected,) in case.data_sets:
            axis = tuple(axes[0].tolist()) if axes and axes[0].size else options.get("axis", axis)
            reduces = node.op_type == "ReduceLogSumExp"
            options = {"keepdims": bool(options.get("keepdims", 1))} if reduces else {}
            found = function(x, axis, **options)
            np.testing.assert_allclose(found, expected, rtol=1e-5, err_msg=name)
            tried.append(node.op_type)
    assert set(tried) == set(OPERATORS)
    assert len(tried) > 25


def test_onnx_losses():
    found = [
        case
        for name, case in cases(["SoftmaxCrossEntropyLoss"]).items()
        if not name.endswith("_expanded")
    ]
    for case in found:
        (node,) = case.model.graph.node
        options = attributes(node)
        for (x, labels, *weight), (expected, *log_prob) in case.data_sets:
            given = {
                "reduction": options["reduction"].decode(),
                "ignore_index": options.get("ignore_index"),
                "weight": weight[0] if weight else None,
            }
            loss = softkern.cross_entropy(x, labels, 1, **given)
            np.testing.assert_allclose(loss, expected, rtol=2e-5, err_msg=case.name)
            if log_prob:
                z = softkern.log_softmax(x, 1)
                np.testing.assert_allclose(z, log_prob[0], rtol=1e-4, err_msg=case.name)
    assert len(found) > 30
