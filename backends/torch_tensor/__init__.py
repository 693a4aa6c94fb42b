"""PyTorch tensors: the kernels for NumPy and CuPy on torch's own memory, with torch's derivatives.

Complex numbers, weights `b`, and tensors that lie where there are no kernels go to `array_api`.
"""

from functools import partial
from typing import Any

import numpy as np
from torch import from_numpy

from .. import array_api, numba_cpu
from ..array_api import merge_logsumexp as merge_logsumexp
from ..array_api import partial_logsumexp as partial_logsumexp
from ..array_api import value_logsumexp as value_logsumexp
from ..array_api.labels import Labels, by_formula
from . import losses
from .derivatives import is_plain
from .rows import Rows


def softmax(x: Any, axis: Any, temperature: Any, where: Any, out: Any) -> Any:
    if where is None and out is None and is_plain(x, temperature):
        return from_numpy(numba_cpu.softmax(x.numpy(), axis, temperature, None, None))
    rows = Rows.of(axis, temperature, where, x)
    if rows is None:
        return array_api.softmax(x, axis, temperature, where, out)
    return rows.run("softmax", x, out=out)


def log_softmax(x: Any, axis: Any, temperature: Any, where: Any, out: Any) -> Any:
    if where is None and out is None and is_plain(x, temperature):
        return from_numpy(numba_cpu.log_softmax(x.numpy(), axis, temperature, None, None))
    rows = Rows.of(axis, temperature, where, x)
    if rows is None:
        return array_api.log_softmax(x, axis, temperature, where, out)
    return rows.run("log_softmax", x, out=out)


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
    no_options = b is None and where is None and out is None and not keepdims and not return_sign
    if no_options and is_plain(a, temperature):
        L = numba_cpu.logsumexp(a.numpy(), axis, None, False, False, temperature, None, None)
        return from_numpy(np.asarray(L))
    rows = None if b is not None or return_sign else Rows.of(axis, temperature, where, a)
    if rows is None:
        return array_api.logsumexp(a, axis, b, keepdims, return_sign, temperature, where, out)
    return rows.run("logsumexp", a, keepdims=keepdims, out=out)


def softmax_jvp(
    x: Any, v: Any, axis: Any, temperature: Any, where: Any, output: Any, out: Any
) -> Any:
    rows = Rows.of(axis, temperature, where, x if output is None else output, v)
    if rows is None:
        return array_api.softmax_jvp(x, v, axis, temperature, where, output, out)
    return rows.run("softmax_jvp", x, v, output=output, out=out)


def log_softmax_jvp(
    x: Any, v: Any, axis: Any, temperature: Any, where: Any, output: Any, out: Any
) -> Any:
    rows = Rows.of(axis, temperature, where, x if output is None else output, v)
    if rows is None:
        return array_api.log_softmax_jvp(x, v, axis, temperature, where, output, out)
    return rows.run("log_softmax_jvp", x, v, output=output, out=out)


def logsumexp_jvp(
    x: Any, v: Any, axis: Any, keepdims: bool, temperature: Any, where: Any, output: Any, out: Any
) -> Any:
    rows = None if output is not None else Rows.of(axis, temperature, where, x, v)
    if rows is None:
        return array_api.logsumexp_jvp(x, v, axis, keepdims, temperature, where, output, out)
    return rows.run("logsumexp_jvp", x, v, keepdims=keepdims, out=out)


def softmax_vjp(
    x: Any, g: Any, axis: Any, temperature: Any, where: Any, output: Any, out: Any
) -> Any:
    rows = Rows.of(axis, temperature, where, x if output is None else output, g)
    if rows is None:
        return array_api.softmax_vjp(x, g, axis, temperature, where, output, out)
    return rows.run("softmax_vjp", x, g, output=output, out=out)


def log_softmax_vjp(
    x: Any, g: Any, axis: Any, temperature: Any, where: Any, output: Any, out: Any
) -> Any:
    rows = Rows.of(axis, temperature, where, x if output is None else output, g)
    if rows is None:
        return array_api.log_softmax_vjp(x, g, axis, temperature, where, output, out)
    return rows.run("log_softmax_vjp", x, g, output=output, out=out)


def logsumexp_vjp(
    x: Any, g: Any, axis: Any, keepdims: bool, temperature: Any, where: Any, output: Any, out: Any
) -> Any:
    rows = Rows.of(axis, temperature, where, x, g)
    if rows is None:
        return array_api.logsumexp_vjp(x, g, axis, keepdims, temperature, where, output, out)
    return rows.run("logsumexp_vjp", x, per_row=g, keepdims=keepdims, out=out)


_by_formula = partial(by_formula, log_softmax, log_softmax_vjp)


def cross_entropy(x: Any, labels: Labels, temperature: Any, g: Any, value: bool) -> Any:
    return losses.run(_by_formula, x, labels, temperature, g, value)


def logcumsumexp(x: Any, axis: Any, temperature: Any, out: Any) -> Any:
    rows = Rows.of(axis, temperature, None, x)
    if rows is None:
        return array_api.logcumsumexp(x, axis, temperature, out)
    return rows.run("logcumsumexp", x, out=out)


def logcumsumexp_jvp(x: Any, v: Any, axis: Any, temperature: Any, out: Any) -> Any:
    rows = Rows.of(axis, temperature, None, x, v)
    if rows is None:
        return array_api.logcumsumexp_jvp(x, v, axis, temperature, out)
    return rows.run("logcumsumexp_jvp", x, v, out=out)


def logcumsumexp_vjp(x: Any, g: Any, axis: Any, temperature: Any, out: Any) -> Any:
    rows = Rows.of(axis, temperature, None, x, g)
    if rows is None:
        return array_api.logcumsumexp_vjp(x, g, axis, temperature, out)
    return rows.run("logcumsumexp_vjp", x, g, out=out)
