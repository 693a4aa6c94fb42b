"""CuPy arrays: CUDA kernels, with the array API formulas for whatever those do not take.

The kernels take real numbers of four kinds. Complex numbers, weights `b` and empty arrays go to
`array_api`. Nothing waits for the device, so that a temperature in an array is not checked: where it is
negative or NaN, the results of its row are NaN.
"""

from typing import Any

import cupy
import numpy as np

from .. import array_api
from ..array_api import logcumsumexp as logcumsumexp
from ..array_api import logcumsumexp_jvp as logcumsumexp_jvp
from ..array_api import logcumsumexp_vjp as logcumsumexp_vjp
from ..array_api import merge_logsumexp as merge_logsumexp
from ..array_api import partial_logsumexp as partial_logsumexp
from ..array_api import value_logsumexp as value_logsumexp
from ..array_api.labels import Labels
from ..rows import check_out, check_outs, reduced_shape
from .arrays import Rows, deliver
from .segments import on_segments as on_segments

INF = float("inf")
LOSS = 3  # of the lines: Line in kernel.cuh


def softmax(x: Any, axis: Any, temperature: Any, where: Any, out: Any) -> Any:
    rows = Rows.of(axis, temperature, where, x)
    if rows is None:
        return array_api.softmax(x, axis, temperature, where, out)
    check_out(out, rows.shape, rows.dtype)
    return rows.run("Softmax", x, out=(out, None))[0]


def log_softmax(x: Any, axis: Any, temperature: Any, where: Any, out: Any) -> Any:
    rows = Rows.of(axis, temperature, where, x)
    if rows is None:
        return array_api.log_softmax(x, axis, temperature, where, out)
    check_out(out, rows.shape, rows.dtype)
    return rows.run("LogSoftmax", x, out=(out, None))[0]


def logsumexp(
    a: Any,
    axis: Any,
    b: Any,
    keepdims: bool,
    return_sign: bool,
    temperature: Any,
    where: Any,
    out: Any,
) -> Any:
    rows = None if b is not None or return_sign else Rows.of(axis, temperature, where, a)
    if rows is None:
        return array_api.logsumexp(a, axis, b, keepdims, return_sign, temperature, where, out)
    check_out(out, reduced_shape(rows.shape, rows.axes, keepdims), rows.dtype)
    return rows.run("LogSumExp", a, reduced=True, keepdims=keepdims, out=(out, None))[0]


def softmax_jvp(
    x: Any, v: Any, axis: Any, temperature: Any, where: Any, output: Any, out: Any
) -> Any:
    rows = Rows.of(axis, temperature, where, x if output is None else output, v)
    if rows is None:
        return array_api.softmax_jvp(x, v, axis, temperature, where, output, out)
    out = check_outs(out, rows.shape, rows.dtype, cupy.shares_memory)
    if output is None:
        return rows.run("SoftmaxJvp", x, v, results=(True, True), out=out)
    y = rows.given(output, 0.0, out[1])
    _, dy = rows.run("SoftmaxGiven", output, v, results=(False, True), out=(None, out[1]))
    return deliver(y, out[0]), dy


def log_softmax_jvp(
    x: Any, v: Any, axis: Any, temperature: Any, where: Any, output: Any, out: Any
) -> Any:
    rows = Rows.of(axis, temperature, where, x if output is None else output, v)
    if rows is None:
        return array_api.log_softmax_jvp(x, v, axis, temperature, where, output, out)
    out = check_outs(out, rows.shape, rows.dtype, cupy.shares_memory)
    if output is None:
        return rows.run("LogSoftmaxJvp", x, v, results=(True, True), out=out)
    z = rows.given(output, -INF, out[1])
    results, places = (False, True), (None, out[1])
    _, dz = rows.run("LogSoftmaxJvp", output, v, unit=True, results=results, out=places)
    return deliver(z, out[0]), dz


def logsumexp_jvp(
    x: Any, v: Any, axis: Any, keepdims: bool, temperature: Any, where: Any, output: Any, out: Any
) -> Any:
    rows = Rows.of(axis, temperature, where, x, v)
    if rows is None:
        return array_api.logsumexp_jvp(x, v, axis, keepdims, temperature, where, output, out)
    shape = reduced_shape(rows.shape, rows.axes, keepdims)
    out = check_outs(out, shape, rows.dtype, cupy.shares_memory)
    given = None if output is None else rows.given_reduced(output, keepdims, out[1])
    results = (output is None, True)
    L, dL = rows.run(
        "LogSumExpJvp", x, v, reduced=True, keepdims=keepdims, results=results, out=out
    )
    return (L if output is None else deliver(given, out[0])), dL


def softmax_vjp(
    x: Any, g: Any, axis: Any, temperature: Any, where: Any, output: Any, out: Any
) -> Any:
    rows = Rows.of(axis, temperature, where, x if output is None else output, g)
    if rows is None:
        return array_api.softmax_vjp(x, g, axis, temperature, where, output, out)
    check_out(out, rows.shape, rows.dtype)
    operation, primal = ("SoftmaxJvp", x) if output is None else ("SoftmaxGiven", output)
    return rows.run(operation, primal, g, results=(False, True), out=(None, out))[1]


def log_softmax_vjp(
    x: Any, g: Any, axis: Any, temperature: Any, where: Any, output: Any, out: Any
) -> Any:
    rows = Rows.of(axis, temperature, where, x if output is None else output, g)
    if rows is None:
        return array_api.log_softmax_vjp(x, g, axis, temperature, where, output, out)
    check_out(out, rows.shape, rows.dtype)
    given = output is not None
    primal, results = output if given else x, (False, True)
    return rows.run("LogSoftmaxVjp", primal, g, unit=given, results=results, out=(None, out))[1]


def logsumexp_vjp(
    x: Any, g: Any, axis: Any, keepdims: bool, temperature: Any, where: Any, output: Any, out: Any
) -> Any:
    rows = Rows.of(axis, temperature, where, x, g)
    if rows is None:
        return array_api.logsumexp_vjp(x, g, axis, keepdims, temperature, where, output, out)
    check_out(out, rows.shape, rows.dtype)
    return rows.run("LogSumExpVjp", x, g, per_row=True, keepdims=keepdims, out=(out, None))[0]


def cross_entropy(x: Any, labels: Labels, temperature: Any, g: Any, value: bool) -> Any:
    rows = Rows.of(labels.axis, temperature, None, x, labels.all)
    if rows is None:
        return array_api.cross_entropy(x, labels, temperature, g, value)
    of_all, classes = labels.all is not None, labels.classes
    with x.device:
        if classes is not None:
            classes = cupy.ascontiguousarray(classes, np.int64)
        share_of_all = labels.share_of_all if of_all else None
        lines = rows.lines(g, labels.share, share_of_all, None)
    dx, _ = rows.run(
        f"CrossEntropy{'OfAll' if of_all else ''}{'' if g is None else 'Vjp'}",
        x,
        labels.all,
        classes=classes,
        lines=lines,
        reduced=g is None,
        results=(g is not None, False),
    )
    return lines[LOSS], dx
