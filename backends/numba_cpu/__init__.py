"""NumPy arrays: compiled kernels, with the array API formulas for whatever those do not take.

The kernels take real numbers of four kinds at positive, finite temperatures. Complex numbers,
weights `b`, hardmax (t = 0), uniform (t = inf) and empty arrays go to `array_api`.
"""

from typing import Any

import numpy as np

from .. import array_api
from ..array_api import merge_logsumexp as merge_logsumexp
from ..array_api import value_logsumexp as value_logsumexp
from ..array_api.labels import Labels
from ..rows import check_out, check_outs, reduced_shape
from .arrays import Rows, apart_from, as_numbers
from .own import CLASS, COTANGENT, LINES, LINES_OF_ALL, LOSS, MOST_CLASSES, SHARE, SHARE_OF_ALL
from .plain_functions import PLAIN, call_large
from .scan_calls import logcumsumexp as logcumsumexp
from .scan_calls import logcumsumexp_jvp as logcumsumexp_jvp
from .scan_calls import logcumsumexp_vjp as logcumsumexp_vjp
from .segments import on_segments as on_segments

INF = float("inf")


def softmax(x: Any, axis: Any, temperature: Any, where: Any, out: Any) -> Any:
    y = PLAIN["softmax"](x, None, axis, False, temperature, where, out, None, 0)
    return _entrywise("softmax", 0.0, x, axis, temperature, where, out) if y is None else y


def log_softmax(x: Any, axis: Any, temperature: Any, where: Any, out: Any) -> Any:
    y = PLAIN["log_softmax"](x, None, axis, False, temperature, where, out, None, 0)
    return _entrywise("log_softmax", -INF, x, axis, temperature, where, out) if y is None else y


def _entrywise(
    name: str, hidden: float, x: Any, axis: Any, temperature: Any, where: Any, out: Any
) -> Any:
    y = call_large(name, x, None, axis, False, temperature, where, out, None)
    if y is not None:
        return y
    rows = Rows.of(axis, temperature, where, x)
    if rows is None:
        return getattr(array_api, name)(np.asarray(x), axis, temperature, where, out)
    check_out(out, rows.shape, rows.dtype)
    y, _ = rows.run(name, x, out=(out, None))
    return rows.write(y, out, hidden)


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
    if b is None and not return_sign:
        L = _plain("logsumexp", a, None, axis, keepdims, temperature, where, out, None)
        if L is not None:
            return L
    rows = None if b is not None or return_sign else Rows.of(axis, temperature, where, a)
    if rows is None:
        a, b = np.asarray(a), np.asarray(b) if isinstance(b, (list, tuple)) else b
        return array_api.logsumexp(a, axis, b, keepdims, return_sign, temperature, where, out)
    check_out(out, reduced_shape(rows.shape, rows.axes, keepdims), rows.dtype)
    L, _ = rows.run("logsumexp", a, reduced=True, out=(out, None))
    return rows.write_reduced(L, out, keepdims)


def partial_logsumexp(a: Any, axis: Any, b: Any, temperature: Any, where: Any) -> Any:
    a = as_numbers(a)
    if a.dtype.kind not in "biu" and a.dtype.itemsize == 2:  # too short for a sum
        a = a.astype(np.float32)
    rows = None if b is not None else Rows.of(axis, temperature, where, a)
    if rows is None:
        return array_api.partial_logsumexp(a, axis, b, temperature, where)
    m, s = rows.run("partial_logsumexp", a, reduced=True, results=(True, True))
    return rows.write_reduced(m, None, False), rows.write_reduced(s.astype(float), None, False)


def softmax_jvp(
    x: Any, v: Any, axis: Any, temperature: Any, where: Any, output: Any, out: Any
) -> Any:
    if output is None:
        pair = _plain_pair("softmax_jvp", x, v, axis, False, temperature, where, out)
        if pair is not None:
            return pair
    rows = Rows.of(axis, temperature, where, x if output is None else output, v)
    if rows is None:
        x, output = _arrays(x, output)
        return array_api.softmax_jvp(x, v, axis, temperature, where, output, out)
    out = check_outs(out, rows.shape, rows.dtype, np.shares_memory)
    if output is None:
        y, dy = rows.run("softmax_jvp", x, v, results=(True, True), out=out)
    else:
        y = apart_from(rows.read(output, 0.0), out[1])
        _, dy = rows.run("jacobian_product", y, v, given=True, results=(False, True), out=out)
    return rows.write(y, out[0], 0.0), rows.write(dy, out[1], 0.0)


def log_softmax_jvp(
    x: Any, v: Any, axis: Any, temperature: Any, where: Any, output: Any, out: Any
) -> Any:
    if output is None:
        pair = _plain_pair("log_softmax_jvp", x, v, axis, False, temperature, where, out)
        if pair is not None:
            return pair
    rows = Rows.of(axis, temperature, where, x if output is None else output, v)
    if rows is None:
        x, output = _arrays(x, output)
        return array_api.log_softmax_jvp(x, v, axis, temperature, where, output, out)
    out = check_outs(out, rows.shape, rows.dtype, np.shares_memory)
    if output is None:
        z, dz = rows.run("log_softmax_jvp", x, v, results=(True, True), out=out)
    else:
        z = apart_from(rows.read(output, -INF), out[1])
        _, dz = rows.run("log_softmax_jvp", z, v, log_given=True, results=(False, True), out=out)
    return rows.write(z, out[0], -INF), rows.write(dz, out[1], 0.0)


def logsumexp_jvp(
    x: Any, v: Any, axis: Any, keepdims: bool, temperature: Any, where: Any, output: Any, out: Any
) -> Any:
    if output is None:
        pair = _plain_pair("logsumexp_jvp", x, v, axis, keepdims, temperature, where, out)
        if pair is not None:
            return pair
    rows = Rows.of(axis, temperature, where, x, v)
    if rows is None:
        x, output = _arrays(x, output)
        return array_api.logsumexp_jvp(x, v, axis, keepdims, temperature, where, output, out)
    shape = reduced_shape(rows.shape, rows.axes, keepdims)
    out = check_outs(out, shape, rows.dtype, np.shares_memory)
    given = None if output is None else np.broadcast_to(rows.copy(output), shape)
    L, dL = rows.run("logsumexp_jvp", x, v, reduced=True, results=(True, True), out=out)
    L = L if given is None else given
    return rows.write_reduced(L, out[0], keepdims), rows.write_reduced(dL, out[1], keepdims)


def _plain_pair(
    name: str, x: Any, v: Any, axis: Any, keepdims: Any, temperature: Any, where: Any, out: Any
) -> Any:
    """Both results of a JVP, or None where the call is not plain."""
    if out is None:
        return _plain(name, x, v, axis, keepdims, temperature, where, None, None)
    if type(out) is not tuple or len(out) != 2:
        return None
    return _plain(name, x, v, axis, keepdims, temperature, where, *out)


def _plain(name: str, *arguments: Any) -> Any:
    """The results of a plain call, or None where it is none."""
    results = PLAIN[name](*arguments, 0)
    return call_large(name, *arguments) if results is None else results


def softmax_vjp(
    x: Any, g: Any, axis: Any, temperature: Any, where: Any, output: Any, out: Any
) -> Any:
    given = output is not None
    primal = output if given else x
    name = "softmax_vjp_given" if given else "softmax_vjp"
    dx = _plain(name, primal, g, axis, False, temperature, where, None, out)
    if dx is not None:
        return dx
    rows = Rows.of(axis, temperature, where, primal, g)
    if rows is None:
        x, output = _arrays(x, output)
        return array_api.softmax_vjp(x, g, axis, temperature, where, output, out)
    check_out(out, rows.shape, rows.dtype)
    kernel = "jacobian_product" if given else "softmax_jvp"
    _, dx = rows.run(kernel, primal, g, given=given, results=(False, True), out=(None, out))
    return rows.write(dx, out, 0.0)


def log_softmax_vjp(
    x: Any, g: Any, axis: Any, temperature: Any, where: Any, output: Any, out: Any
) -> Any:
    given = output is not None
    primal = output if given else x
    name = "log_softmax_vjp_given" if given else "log_softmax_vjp"
    dx = _plain(name, primal, g, axis, False, temperature, where, None, out)
    if dx is not None:
        return dx
    rows = Rows.of(axis, temperature, where, primal, g)
    if rows is None:
        x, output = _arrays(x, output)
        return array_api.log_softmax_vjp(x, g, axis, temperature, where, output, out)
    check_out(out, rows.shape, rows.dtype)
    _, dx = rows.run(
        "log_softmax_vjp", primal, g, log_given=given, results=(False, True), out=(None, out)
    )
    return rows.write(dx, out, 0.0)


def logsumexp_vjp(
    x: Any, g: Any, axis: Any, keepdims: bool, temperature: Any, where: Any, output: Any, out: Any
) -> Any:
    dx = _plain("logsumexp_vjp", x, g, axis, keepdims, temperature, where, out, None)
    if dx is not None:
        return dx
    rows = Rows.of(axis, temperature, where, x, g)
    if rows is None:
        x, output = _arrays(x, output)
        return array_api.logsumexp_vjp(x, g, axis, keepdims, temperature, where, output, out)
    shape = reduced_shape(rows.shape, rows.axes, keepdims)
    check_out(out, rows.shape, rows.dtype)
    lines = rows.lines(1)
    g = np.asarray(g)
    lines[COTANGENT] = (np.broadcast_to(g, shape) if g.ndim and g.shape != shape else g).ravel()
    dx, _ = rows.run("logsumexp_vjp", x, lines=lines, out=(out, None))
    return rows.write(dx, out, 0.0)


def cross_entropy(x: Any, labels: Labels, temperature: Any, g: Any, value: bool) -> Any:
    of_all = labels.all is not None
    rows = Rows.of(labels.axis, temperature, None, x, *([labels.all] if of_all else []))
    if rows is None or x.shape[labels.axis] > MOST_CLASSES:
        return array_api.cross_entropy(x, labels, temperature, g, value)
    lines = rows.lines(LINES_OF_ALL if of_all else LINES)
    lines[CLASS] = 0 if labels.classes is None else labels.classes.ravel()
    lines[SHARE] = np.ravel(labels.share)
    if of_all:
        lines[SHARE_OF_ALL] = np.ravel(labels.share_of_all)
    if g is not None:
        lines[COTANGENT] = np.ravel(g)
    dx, _ = rows.run(
        "cross_entropy_of_all" if of_all else "cross_entropy_of_class",
        x,
        labels.all,
        lines=lines,
        labelled=True,
        reduced=g is None,
        results=(g is not None, False),
    )
    return lines[LOSS].reshape(reduced_shape(rows.shape, rows.axes, False)), dx


def _arrays(*values: Any) -> tuple[Any, ...]:
    return tuple(None if a is None else np.asarray(a) for a in values)
