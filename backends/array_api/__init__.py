"""Every operation in the array API standard: the mathematics as code, on any array.

For a row x at temperature t, with m = max x and d = (x - m)/t::

    softmax      y = exp(d) / s        s = sum exp(d)
    log_softmax  z = d - log s
    logsumexp    L = m + t log s

and for a tangent v and a cotangent g, with <a, b> = sum a b, nothing conjugated::

    softmax      dy = y (v - <y, v>) / t       dx = y (g - <y, g>) / t
    log_softmax  dz = (v - <y, v>) / t         dx = (g - y sum g) / t
    logsumexp    dL = <y, v>                   dx = y g
"""

from functools import partial
from math import inf, nan
from typing import Any

import numpy as np

from .labels import by_formula
from .rows import Rows, rows_of, widest
from .scan import logcumsumexp as logcumsumexp
from .scan import logcumsumexp_jvp as logcumsumexp_jvp
from .scan import logcumsumexp_vjp as logcumsumexp_vjp


def softmax(x: Any, axis: Any, temperature: Any, where: Any, out: Any) -> Any:
    with rows_of(x.shape, axis, temperature, where, x) as rows:
        return rows.write(_softmax(rows, x), out)


def log_softmax(x: Any, axis: Any, temperature: Any, where: Any, out: Any) -> Any:
    with rows_of(x.shape, axis, temperature, where, x) as rows:
        return rows.write(_log_softmax(rows, x), out)


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
    shape = np.broadcast_shapes(a.shape, np.shape(b))
    with rows_of(shape, axis, temperature, where, a, b) as rows:
        xp = rows.xp
        L, s = _logsumexp(rows, a, b)
        if return_sign:
            L = xp.real(L) if rows.is_complex else L
            return rows.write_pair(L, xp.sign(s), out, rows.reduced(keepdims))
        L = L if rows.is_complex else xp.where(s < 0, nan, L)
        return rows.write(L, out, rows.reduced(keepdims))


def partial_logsumexp(a: Any, axis: Any, b: Any, temperature: Any, where: Any) -> Any:
    """(m, s), s in the widest float there is."""
    shape = np.broadcast_shapes(a.shape, np.shape(b))
    with rows_of(shape, axis, temperature, where, a, b) as rows:
        if rows.is_complex:
            raise TypeError("the pair of a part is of real numbers; logsumexp takes complex ones")
        xp = rows.xp
        m, _, e = _exponentials(rows, a, b)
        s = xp.sum(xp.astype(e, widest(xp)), axis=rows.axes, keepdims=True)
        return tuple(xp.reshape(y, rows.reduced(False)) for y in (m, s))


def merge_logsumexp(m: Any, s: Any, other_m: Any, other_s: Any, temperature: Any) -> Any:
    """(m, s) + (m', s') = (M, s exp((m - M)/t) + s' exp((m' - M)/t)), with M = max(m, m')."""
    with rows_of(m.shape, (), temperature, None, s, other_s) as rows:
        xp = rows.xp
        M = xp.maximum(m, other_m)
        parts = []
        for own, weight in ((m, s), (other_m, other_s)):
            d = xp.where(own == M, 0.0, rows.read(own, 0) - rows.read(M, 0))  # inf - inf is NaN
            parts.append(rows.read(weight, 0) * xp.exp(rows.over_t(d)))
        return M, xp.reshape(parts[0] + parts[1], m.shape)


def value_logsumexp(m: Any, s: Any, return_sign: bool, temperature: Any) -> Any:
    """L = m + t log s, in the dtype of m."""
    with rows_of(m.shape, (), temperature, None, s) as rows:
        xp = rows.xp
        t_log_s = rows.times_t(xp.log(xp.abs(rows.read(s, 0))))
        L = xp.where(xp.isinf(t_log_s), t_log_s, rows.read(m, 0) + t_log_s)
        L = L if return_sign else xp.where(s < 0, nan, L)
        L = xp.astype(xp.reshape(L, m.shape), m.dtype)
        L = L if m.shape else L[()]
        return (L, xp.sign(s)) if return_sign else L


def softmax_jvp(
    x: Any, v: Any, axis: Any, temperature: Any, where: Any, output: Any, out: Any
) -> Any:
    primal = x if output is None else output
    with rows_of(primal.shape, axis, temperature, where, primal, v) as rows:
        y = _softmax(rows, x) if output is None else rows.read(output, 0)
        dy = rows.over_t(y * _centred(rows, y, v))
        return rows.write_pair(y, rows.hide(dy, 0), out)


def log_softmax_jvp(
    x: Any, v: Any, axis: Any, temperature: Any, where: Any, output: Any, out: Any
) -> Any:
    primal = x if output is None else output
    with rows_of(primal.shape, axis, temperature, where, primal, v) as rows:
        z = _log_softmax(rows, x) if output is None else rows.read(output, -inf)
        dz = rows.over_t(_centred(rows, rows.xp.exp(z), v))
        return rows.write_pair(z, rows.hide(dz, 0), out)


def logsumexp_jvp(
    x: Any, v: Any, axis: Any, keepdims: bool, temperature: Any, where: Any, output: Any, out: Any
) -> Any:
    with rows_of(x.shape, axis, temperature, where, x, v, output) as rows:
        dL = rows.sum(_weights(rows, x) * rows.read(v, 0))
        L = _logsumexp(rows, x)[0] if output is None else rows.read_reduced(output, keepdims)
        return rows.write_pair(L, dL, out, rows.reduced(keepdims))


def softmax_vjp(
    x: Any, g: Any, axis: Any, temperature: Any, where: Any, output: Any, out: Any
) -> Any:
    primal = x if output is None else output
    with rows_of(primal.shape, axis, temperature, where, primal, g) as rows:
        y = _softmax(rows, x) if output is None else rows.read(output, 0)
        dx = rows.over_t(y * _centred(rows, y, g))
        return rows.write(rows.hide(dx, 0), out)


def log_softmax_vjp(
    x: Any, g: Any, axis: Any, temperature: Any, where: Any, output: Any, out: Any
) -> Any:
    primal = x if output is None else output
    with rows_of(primal.shape, axis, temperature, where, primal, g) as rows:
        xp = rows.xp
        z = _log_softmax(rows, x) if output is None else rows.read(output, -inf)
        y, g = xp.exp(z), rows.read(g, 0)
        dx = rows.over_t(-xp.expm1(z) * g - y * _sum_of_others(rows, y, g))
        return rows.write(rows.hide(dx, 0), out)


def logsumexp_vjp(
    x: Any, g: Any, axis: Any, keepdims: bool, temperature: Any, where: Any, output: Any, out: Any
) -> Any:
    with rows_of(x.shape, axis, temperature, where, x, g) as rows:
        dx = _weights(rows, x) * rows.read_reduced(g, keepdims)
        return rows.write(rows.hide(dx, 0), out)


cross_entropy = partial(by_formula, log_softmax, log_softmax_vjp)


def _softmax(rows: Rows, x: Any) -> Any:
    """y = exp(d) / s."""
    x = rows.read(x, -inf)
    e = rows.xp.exp(rows.over_t(x - rows.max(x)))
    return rows.hide(e / rows.sum(e), 0)


def _log_softmax(rows: Rows, x: Any) -> Any:
    """z = d - log s, never x - L: that loses |m| ulp."""
    x = rows.read(x, -inf)
    d = rows.over_t(x - rows.max(x))
    return rows.hide(d - _log_sum(rows, d, rows.xp.exp(d)), -inf)


def _logsumexp(rows: Rows, a: Any, b: Any = None) -> tuple[Any, Any]:
    """L = m + t log|s| (complex: log s) and s = sum b exp(d)."""
    xp = rows.xp
    m, d, e = _exponentials(rows, a, b)
    t_log_s = rows.times_t(_log_sum(rows, d, e))
    L = xp.where(xp.isinf(t_log_s), t_log_s, m + t_log_s)  # complex inf + inf is NaN in torch
    return L, rows.sum(e)


def _exponentials(rows: Rows, a: Any, b: Any) -> tuple[Any, Any, Any]:
    """m, d and b exp(d)."""
    xp = rows.xp
    a = rows.read(a, -inf)
    if b is not None:
        b = rows.read(b, 0)
        a = xp.where(b == 0, -inf, a)
    m = rows.max(a)
    d = rows.over_t(xp.where(xp.isinf(a), a, a - m))  # inf - inf would be NaN
    return m, d, xp.exp(d) if b is None else b * xp.exp(d)


def _log_sum(rows: Rows, d: Any, e: Any) -> Any:
    """log|sum e|: the terms at the maximum, d = 0, stand apart, so that log1p sees the rest."""
    xp = rows.xp
    if rows.is_complex:
        return xp.log(rows.sum(e))
    largest = rows.sum(xp.where(d == 0, e, 0.0))
    rest = rows.sum(xp.where(d == 0, 0.0, e))
    q = rest / largest
    split = xp.log(xp.abs(largest)) + xp.log1p(q)
    return xp.where(xp.abs(q) < 0.5, split, xp.log(xp.abs(largest + rest)))


def _centred(rows: Rows, y: Any, v: Any) -> Any:
    """v - <y, v>, with v measured from its value at the largest y: no dominant v has to cancel.

    That value is linear in v (of several largest y, the mean), as a library that turns a tangent map
    around needs it.
    """
    xp = rows.xp
    v = rows.read(v, 0)
    if not rows.is_complex:
        largest = y == rows.max(y)
        v = v - rows.sum(xp.where(largest, v, 0.0)) / rows.sum(xp.where(largest, 1.0, y * 0.0))
    return v - rows.sum(y * v)


def _sum_of_others(rows: Rows, y: Any, g: Any) -> Any:
    """sum g less the entry's own g, which does not cancel at the largest y."""
    xp = rows.xp
    largest = xp.abs(y) == rows.max(xp.abs(y))
    return rows.sum(xp.where(largest, g, 0.0)) - g + rows.sum(xp.where(largest, 0.0, g))


def _weights(rows: Rows, x: Any) -> Any:
    """y; 0 in a row with nothing above -inf, where it is 0/0 and yet logsumexp is constant."""
    y = _softmax(rows, x)
    return rows.xp.where(rows.max(rows.read(x, -inf)) == -inf, 0.0, y)
