"""The mathematics of a row in pieces: what each leaves, how that merges, what it makes of the whole.

Piece k has the maximum m[k] and the sum s[k] = sum exp((x - m[k])/t); the row has M and S, with

    S = sum s[k] f[k]        f[k] = exp((m[k] - M)/t)

so that p[k] = s[k] f[k] / S is its share: what the softmax of the piece alone is multiplied by to
become that of the row. A tangent v is measured from P, its value at the row's largest entry, and

    <y, v> = P + Q/S         Q = sum (q[k] + s[k] (P[k] - P)) f[k]

with q[k] = sum exp((x - m[k])/t) (v - P[k]) over the piece.
"""

from math import inf, nan
from typing import Any, NamedTuple

from array_api_compat import array_namespace

from ..array_api.rows import Rows, rows_of
from .blocks import backend_of


class State(NamedTuple):
    """What a piece, or some pieces, of every row leave; float64, with the reduced axes at 1."""

    m: Any
    r: Any  # s - 1, what the others add to the maximum, which keeps its digits where that is little
    p: Any  # the tangent at the maximum
    q: Any
    t: Any


def of_softmax(x: Any, v: Any, t: Any, where: Any, *, axes: Any) -> State:
    """The state whose s is as accurate as softmax wants it."""
    with rows_of(x.shape, axes, t, where, x, v) as rows:
        m, s = backend_of(x).partial_logsumexp(x, axes, None, t, where)
        m, s = (_wide(rows, rows.xp.reshape(rows.xp.asarray(a), rows.one_a_row())) for a in (m, s))
        r = rows.xp.where(m == inf, nan, s - 1.0)
        return _with_tangent(rows, x, v, m, r, t, where)


def of_log_softmax(x: Any, v: Any, t: Any, where: Any, *, axes: Any) -> State:
    """The state whose log s is as accurate as log_softmax wants it."""
    with rows_of(x.shape, axes, t, where, x, v) as rows:
        xp = rows.xp
        z = backend_of(x).log_softmax(rows.read(x, -inf), axes, t, where, None)
        log_s = -_wide(rows, rows.max(rows.read(z, -inf)))  # where x is largest, z is -log s
        m = _wide(rows, rows.max(rows.read(x, -inf)))
        return _with_tangent(rows, x, v, m, xp.where(m == -inf, -1.0, xp.expm1(log_s)), t, where)


def of_given(y: Any, v: Any, where: Any, *, axes: Any) -> State:
    """The state of a softmax that is given: at infinite temperature all its pieces count alike."""
    with rows_of(y.shape, axes, inf, where, y, v) as rows:
        y, v = _wide(rows, rows.read(y, 0.0)), _wide(rows, rows.read(v, 0.0))
        m = rows.max(y)
        p = _at_maximum(rows, y == m, v)
        return State(m, rows.sum(y) - 1.0, p, rows.sum(y * (v - p)), inf)


def _with_tangent(rows: Rows, x: Any, v: Any, m: Any, r: Any, t: Any, where: Any) -> State:
    if v is None:
        return State(m, r, None, None, rows.t)
    v = rows.read(v, 0.0)
    p = _at_maximum(rows, rows.read(x, -inf) == _narrow(rows, m), v)
    _, mean = backend_of(x).logsumexp_jvp(
        rows.read(x, -inf), v - p, rows.axes, True, t, where, None, None
    )
    return State(m, r, _wide(rows, p), _wide(rows, rows.xp.asarray(mean)) * (1.0 + r), rows.t)


def _at_maximum(rows: Rows, largest: Any, v: Any) -> Any:
    return rows.sum(rows.xp.where(largest, v, 0.0)) / rows.sum(rows.xp.where(largest, 1.0, 0.0 * v))


def merge(states: list[State]) -> State:
    """The state of all pieces, which are next to each other in their order."""
    if len(states) == 1:
        return states[0]
    t = states[0].t
    xp = array_namespace(states[0].m)
    m, r = (xp.stack([state[k] for state in states]) for k in range(2))
    M = xp.max(m, axis=0)
    f = _factor(xp, m, M, t)
    first = xp.reshape(xp.arange(len(states)), (-1, *(1,) * M.ndim)) == xp.argmax(m, axis=0)
    R = xp.sum(xp.where(first, r, (1.0 + r) * f), axis=0)
    if states[0].p is None:
        return State(M, R, None, None, t)
    p, q = (xp.stack([state[k] for state in states]) for k in range(2, 4))
    P = xp.sum(xp.where(first, p, 0.0), axis=0)
    return State(M, R, P, xp.sum((q + (1.0 + r) * (p - P)) * f, axis=0), t)


def merge_pairs(pairs: list[Any]) -> Any:
    """The pair of all pieces, each with its temperature."""
    raise NotImplementedError


def _factor(xp: Any, m: Any, M: Any, t: Any) -> Any:
    """f = exp((m - M)/t), as the ratio of the two softmax: m - M would round."""
    M = xp.broadcast_to(M, m.shape)
    y = backend_of(m).softmax(xp.stack([m, M], axis=-1), -1, t, None, None)
    return xp.where(m == M, 1.0, y[..., 0] / y[..., 1])


def _wide(rows: Rows, a: Any) -> Any:
    return rows.xp.astype(a, rows.xp.float64, copy=False)


def _narrow(rows: Rows, a: Any) -> Any:
    return rows.xp.astype(a, rows.dtype, copy=False)
