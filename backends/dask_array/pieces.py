"""The mathematics of a row in pieces: what each leaves, how that merges, what it makes of the whole.

Piece k has the maximum m[k] and the sum s[k] = sum exp((x - m[k])/t); the row has M and S, where

    S = sum s[k] f[k]        f[k] = exp((m[k] - M)/t)

so that h[k] = s[k] f[k] / S is its share: what the softmax of the piece alone is multiplied by to
become that of the row. A tangent v is measured from P, its value at the row's largest entry, and

    <y, v> = P + Q/S         Q = sum (q[k] + s[k] (p[k] - P)) f[k]

with q[k] = sum exp((x - m[k])/t) (v - p[k]) over the piece.
"""

from math import inf, nan
from typing import Any, NamedTuple

from array_api_compat import array_namespace

from .. import array_api
from ..array_api.rows import Rows, rows_of
from .blocks import backend_of


class State(NamedTuple):
    """What a piece of every row leaves, or some of them together, with the reduced axes at 1."""

    m: Any
    r: Any  # s - 1, what the others add to the maximum, which keeps its digits where that is little
    p: Any
    q: Any
    t: Any


def state_for_softmax(x: Any, v: Any, t: Any, where: Any, *, axes: Any) -> State:
    """The state, with s as accurate as softmax wants it."""
    with rows_of(x.shape, axes, t, where, x, v) as rows:
        m, s = _pair(rows, x, t, where)
        return _with_tangent(rows, x, v, m, s - 1.0, t, where)


def state_for_log_softmax(x: Any, v: Any, t: Any, where: Any, *, axes: Any) -> State:
    """The state, with log s as accurate as log_softmax wants it."""
    with rows_of(x.shape, axes, t, where, x, v) as rows:
        xp = rows.xp
        m, s = _pair(rows, x, t, where)
        r = s - 1.0
        if xp.any(s < 8.0):  # there s - 1 loses digits
            z = backend_of(x).log_softmax(rows.read(x, -inf), axes, t, where, None)
            log_s = -_wide(xp, rows.max(z))  # z is -log s where x is largest
            r = xp.where((s < 8.0) & (s > 0.0), xp.expm1(log_s), r)
        return _with_tangent(rows, x, v, m, r, t, where)


def state_of_given(y: Any, v: Any, where: Any, *, axes: Any) -> State:
    """The state of a softmax that is at hand: as at infinite temperature, f = 1 for all pieces."""
    with rows_of(y.shape, axes, inf, where, y, v) as rows:
        xp = rows.xp
        y, v = _wide(xp, rows.read(y, 0.0)), _wide(xp, rows.read(v, 0.0))
        m = rows.max(y)
        p = _where_largest(rows, y == m, v)
        return State(m, rows.sum(y) - 1.0, p, rows.sum(y * (v - p)), inf)


def _with_tangent(rows: Rows, x: Any, v: Any, m: Any, r: Any, t: Any, where: Any) -> State:
    if v is None:
        return State(m, r, None, None, rows.t)
    xp, v = rows.xp, rows.read(v, 0.0)
    p = _where_largest(rows, rows.read(x, -inf) == xp.astype(m, rows.dtype), v)
    pair = backend_of(x).logsumexp_jvp(x, v - p, rows.axes, True, t, where, None, None)
    return State(m, r, _wide(xp, p), _wide(xp, xp.asarray(pair[1])) * (1.0 + r), rows.t)


def _pair(rows: Rows, x: Any, t: Any, where: Any) -> tuple[Any, Any]:
    xp = rows.xp
    m, s = backend_of(x).partial_logsumexp(x, rows.axes, None, t, where)
    shape = rows.one_a_row()
    return _wide(xp, xp.reshape(xp.asarray(m), shape)), _wide(xp, xp.reshape(xp.asarray(s), shape))


def _where_largest(rows: Rows, largest: Any, v: Any) -> Any:
    """The tangent at a largest entry, or 0 where there is none."""
    p = rows.max(rows.xp.where(largest, v, -inf))
    return rows.xp.where(p == -inf, 0.0, p)


def merge_states(*states: State) -> State:
    """The state of pieces together."""
    m, r, p, q, t = states[0]
    if len(states) == 1:
        return states[0]
    xp = array_namespace(m)
    m, r = (xp.stack([state[k] for state in states]) for k in (0, 1))
    M = xp.max(m, axis=0)
    f = _factor(m, M, t)
    largest = xp.reshape(xp.arange(len(states)), (-1,) + (1,) * M.ndim) == xp.argmax(m, axis=0)
    R = xp.sum(xp.where(largest, r, (1.0 + r) * f), axis=0)
    if p is None:
        return State(M, R, None, None, t)
    p, q = (xp.stack([state[k] for state in states]) for k in (2, 3))
    P = xp.sum(xp.where(largest, p, 0.0), axis=0)
    return State(M, R, P, xp.sum((q + (1.0 + r) * (p - P)) * f, axis=0), t)


def softmax(x: Any, own: State, row: State, t: Any, where: Any, *, axes: Any) -> Any:
    with rows_of(x.shape, axes, t, where, x) as rows:
        return rows.write(_softmax(rows, x, own, row, t, where), None)


def log_softmax(x: Any, own: State, row: State, t: Any, where: Any, *, axes: Any) -> Any:
    with rows_of(x.shape, axes, t, where, x) as rows:
        return rows.write(_log_softmax(rows, x, own, row, t, where), None)


def softmax_jvp(x: Any, v: Any, own: State, row: State, t: Any, where: Any, *, axes: Any) -> Any:
    with rows_of(x.shape, axes, t, where, x, v) as rows:
        y = _softmax(rows, x, own, row, t, where)
        return rows.write_pair(y, _softmax_tangent(rows, y, v, row), None)


def softmax_vjp(*arguments: Any, axes: Any) -> Any:
    return softmax_jvp(*arguments, axes=axes)[1]


def softmax_tangent(y: Any, v: Any, row: State, t: Any, where: Any, *, axes: Any) -> Any:
    """dy, with y at hand."""
    with rows_of(y.shape, axes, t, where, y, v) as rows:
        return rows.write(_softmax_tangent(rows, rows.read(y, 0.0), v, row), None)


def log_softmax_jvp(
    x: Any, v: Any, own: State, row: State, t: Any, where: Any, *, axes: Any
) -> Any:
    with rows_of(x.shape, axes, t, where, x, v) as rows:
        z = _log_softmax(rows, x, own, row, t, where)
        return rows.write_pair(z, _log_softmax_tangent(rows, v, row), None)


def log_softmax_tangent(z: Any, v: Any, row: State, t: Any, where: Any, *, axes: Any) -> Any:
    """dz, with z at hand."""
    with rows_of(z.shape, axes, t, where, z, v) as rows:
        return rows.write(_log_softmax_tangent(rows, v, row), None)


def log_softmax_vjp(
    x: Any, g: Any, own: State, row: State, total: Any, t: Any, where: Any, *, axes: Any
) -> Any:
    with rows_of(x.shape, axes, t, where, x, g) as rows:
        z = _log_softmax(rows, x, own, row, t, where)
        return rows.write(_log_softmax_cotangent(rows, z, g, total), None)


def log_softmax_cotangent(z: Any, g: Any, total: Any, t: Any, where: Any, *, axes: Any) -> Any:
    """dx, with z at hand."""
    with rows_of(z.shape, axes, t, where, z, g) as rows:
        return rows.write(_log_softmax_cotangent(rows, rows.read(z, -inf), g, total), None)


def logsumexp_tangent(row: State, *, axes: Any, keepdims: bool, dtype: Any) -> Any:
    """dL = <y, v>; 0 for a row of -inf alone, whose S is 0."""
    xp = array_namespace(row.m)
    dL = xp.where(row.r == -1.0, 0.0, row.p + row.q / (1.0 + row.r))
    return xp.astype(dL if keepdims else xp.squeeze(dL, axis=axes), dtype)


def logsumexp_vjp(
    x: Any, g: Any, own: State, row: State, t: Any, where: Any, *, axes: Any, keepdims: bool
) -> Any:
    with rows_of(x.shape, axes, t, where, x, g) as rows:
        h = rows.xp.where(row.r == -1.0, 0.0, _share(own, row))
        return rows.write(_weighted(rows, x, h * rows.read_reduced(g, keepdims), t, where), None)


def pair_of(a: Any, b: Any, t: Any, where: Any, *, axes: Any) -> tuple[Any, Any, Any]:
    """The pair (m, s) of a piece, with the temperature."""
    return *backend_of(a).partial_logsumexp(a, axes, b, t, where), t


def merge_pairs(*pairs: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
    (m, s, t), *others = pairs
    for other_m, other_s, _ in others:
        m, s = array_api.merge_logsumexp(m, s, other_m, other_s, t)
    return m, s, t


def pair_alone(pair: tuple[Any, Any, Any]) -> tuple[Any, Any]:
    return pair[:2]


def sum_of_shown(x: Any, g: Any, where: Any, *, axes: Any) -> Any:
    """G, the sum of a cotangent."""
    with rows_of(x.shape, axes, 1.0, where, x, g) as rows:
        return rows.sum(_wide(rows.xp, rows.read(g, 0.0)))


def merge_sums(*sums: Any) -> Any:
    return sum(sums)


def logsumexp(pair: Any, *, axes: Any, keepdims: bool, return_sign: bool, dtype: Any) -> Any:
    m, s, t = pair
    xp = array_namespace(m)
    value = array_api.value_logsumexp(m, s, return_sign, t)
    results = value if return_sign else (value,)
    if keepdims:
        for axis in axes:
            results = tuple(xp.expand_dims(a, axis=axis) for a in results)
    results = tuple(xp.astype(a, dtype) for a in results)
    return results if return_sign else results[0]


def _softmax(rows: Rows, x: Any, own: State, row: State, t: Any, where: Any) -> Any:
    y = _weighted(rows, x, _share(own, row), t, where)
    is_empty = row.r == -1.0
    if not rows.xp.any(is_empty):
        return y
    return rows.hide(rows.xp.where(is_empty, nan, y), 0.0)


def _weighted(rows: Rows, x: Any, weight: Any, t: Any, where: Any) -> Any:
    """The softmax of the piece alone, times a weight a row."""
    weight = rows.xp.astype(weight, rows.dtype)
    return backend_of(x).logsumexp_vjp(x, weight, rows.axes, True, t, where, None, None)


def _log_softmax(rows: Rows, x: Any, own: State, row: State, t: Any, where: Any) -> Any:
    xp = rows.xp
    z = backend_of(x).log_softmax(rows.read(x, -inf), rows.axes, t, where, None)
    log_h = xp.astype(_log_share(rows, own, row), rows.dtype)
    return rows.hide(xp.where(log_h == -inf, -inf, z + log_h), -inf)


def _deviation(rows: Rows, v: Any, row: State) -> Any:
    """v - <y, v>."""
    p, mean = (rows.xp.astype(a, rows.dtype) for a in (row.p, row.q / (1.0 + row.r)))
    return (rows.read(v, 0.0) - p) - mean


def _softmax_tangent(rows: Rows, y: Any, v: Any, row: State) -> Any:
    return rows.hide(rows.over_t(y * _deviation(rows, v, row)), 0.0)


def _log_softmax_tangent(rows: Rows, v: Any, row: State) -> Any:
    return rows.hide(rows.over_t(_deviation(rows, v, row)), 0.0)


def _log_softmax_cotangent(rows: Rows, z: Any, g: Any, total: Any) -> Any:
    """(g - y G)/t = (g (1 - y) - y (G - g))/t."""
    xp, g = rows.xp, rows.read(g, 0.0)
    others = xp.astype(total - g, rows.dtype)
    return rows.hide(rows.over_t(-xp.expm1(z) * g - xp.exp(z) * others), 0.0)


def _share(own: State, row: State) -> Any:
    """h = s[k] f[k] / S."""
    return (1.0 + own.r) * _factor(own.m, row.m, own.t) / (1.0 + row.r)


def _log_share(rows: Rows, own: State, row: State) -> Any:
    """log h, which keeps its digits where the piece is nearly alone."""
    xp = rows.xp
    is_largest = own.m == row.m
    d = xp.where(is_largest, 0.0, rows.over_t(own.m - row.m))
    less = xp.where(is_largest, (own.r - row.r) / (1.0 + row.r), -1.0)
    log_h = d + xp.log((1.0 + own.r) / (1.0 + row.r))
    return xp.where(less > -0.5, xp.log1p(less), log_h)


def _factor(m: Any, M: Any, t: Any) -> Any:
    """f = exp((m - M)/t), as the ratio of the softmax of the two: m - M would round."""
    xp = array_namespace(m)
    M = xp.broadcast_to(M, m.shape)
    y = backend_of(m).softmax(xp.stack([m, M], axis=-1), -1, t, None, None)
    return xp.where(m == M, 1.0, y[..., 0] / y[..., 1])


def _wide(xp: Any, a: Any) -> Any:
    return xp.astype(a, xp.float64, copy=False)
