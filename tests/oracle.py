"""The truth: every operation by its definition, in arithmetic too wide to go wrong.

The functions have the names and arguments of softkern's and return arrays of mpmath numbers. They
want rows without NaN and +inf, unless `where` hides these. `LongRow` is the truth for a row too long
for mpmath, in extended precision; a test holds it against mpmath.
"""

from types import SimpleNamespace

import ml_dtypes
import numpy as np
from mpmath import mp

mp.prec = 1200  # so that 1 + exp(-600) still shows its second term

INF = mp.mpf("inf")


def _number(value):
    if isinstance(value, (mp.mpf, mp.mpc)):
        return value
    return mp.mpc(value) if isinstance(value, complex) else mp.mpf(float(value))


def _over(a, t):
    """a/t, where 0/0 is 0 and inf/inf is inf."""
    if a == 0 or mp.isinf(a):
        return a
    return mp.re(a) * INF if t == 0 else a / t


def number(a):
    with np.errstate(invalid="ignore"):  # NaN among floats of other widths
        return np.frompyfunc(_number, 1, 1)(a)


over = np.frompyfunc(_over, 2, 1)
times = np.frompyfunc(lambda a, t: a if a == 0 or mp.isinf(a) else a * t, 2, 1)
exp = np.frompyfunc(mp.exp, 1, 1)
log = np.frompyfunc(lambda s: -INF if s == 0 else mp.log(s), 1, 1)
real = np.frompyfunc(mp.re, 1, 1)
sign = np.frompyfunc(mp.sign, 1, 1)


def _rows(x, axis, temperature, where, b=1.0):
    """The rows' m, d = (x - m)/t, e = b exp(d), their sum s, and the arrays that belong to them."""
    x, b = np.broadcast_arrays(x, b)
    axis = tuple(range(x.ndim)) if axis is None else axis
    where = np.broadcast_to(where, x.shape)
    x = np.where(where & (b != 0), number(x), -INF)
    m = real(x).max(axis=axis, keepdims=True, initial=-INF)
    t = np.asarray(temperature)
    if t.ndim:
        t = np.expand_dims(np.broadcast_to(t, x.max(axis=axis, initial=-INF).shape), axis)
    t = number(t)
    d = over(x - m, t)
    e = np.where(where, number(b), 0) * exp(d)
    s = e.sum(axis=axis, keepdims=True)
    return SimpleNamespace(axis=axis, where=where, t=t, m=m, d=d, e=e, s=s)


def _hide(rows, a, value):
    return np.where(rows.where, a, value)


def _given(rows, a):
    """The tangent or cotangent `a`, with 0 where it is hidden."""
    return _hide(rows, number(np.broadcast_to(a, rows.where.shape)), 0)


def softmax(x, axis=None, *, temperature=1.0, where=True):
    rows = _rows(x, axis, temperature, where)
    return _hide(rows, rows.e / rows.s, 0)


def log_softmax(x, axis=None, *, temperature=1.0, where=True):
    rows = _rows(x, axis, temperature, where)
    return _hide(rows, rows.d - log(rows.s), -INF)


def logsumexp(
    a, axis=None, b=1.0, keepdims=False, return_sign=False, *, temperature=1.0, where=True
):
    rows = _rows(a, axis, temperature, where, b)
    is_complex = any(isinstance(s, mp.mpc) for s in rows.s.flat)
    empty = rows.m == -INF
    s = np.where(empty, 0, rows.s)
    modulus = abs(s) if return_sign or not is_complex else s
    L = np.where(empty, -INF, rows.m + times(log(modulus), rows.t))
    if not return_sign and not is_complex:
        L = np.where(s < 0, mp.nan, L)
    if not keepdims:
        L, s = np.squeeze(L, rows.axis), np.squeeze(s, rows.axis)
    return (L, sign(s)) if return_sign else L


def softmax_jvp(x, v, axis=None, *, temperature=1.0, where=True):
    y = softmax(x, axis, temperature=temperature, where=where)
    return y, softmax_vjp(x, v, axis, temperature=temperature, where=where)


def log_softmax_jvp(x, v, axis=None, *, temperature=1.0, where=True):
    rows = _rows(x, axis, temperature, where)
    v = _given(rows, v)
    mean = (rows.e / rows.s * v).sum(axis=rows.axis, keepdims=True)
    z = log_softmax(x, axis, temperature=temperature, where=where)
    return z, _hide(rows, over(v - mean, rows.t), 0)


def logsumexp_jvp(x, v, axis=None, *, keepdims=False, temperature=1.0, where=True):
    rows = _rows(x, axis, temperature, where)
    mean = (rows.e / rows.s * _given(rows, v)).sum(axis=rows.axis, keepdims=True)
    dL = np.where(rows.m == -INF, 0, mean)
    L = logsumexp(x, axis, keepdims=keepdims, temperature=temperature, where=where)
    return L, dL if keepdims else np.squeeze(dL, rows.axis)


def softmax_vjp(x, g, axis=None, *, temperature=1.0, where=True):
    rows = _rows(x, axis, temperature, where)
    y, g = rows.e / rows.s, _given(rows, g)
    mean = (y * g).sum(axis=rows.axis, keepdims=True)
    return _hide(rows, over(y * (g - mean), rows.t), 0)


def log_softmax_vjp(x, g, axis=None, *, temperature=1.0, where=True):
    rows = _rows(x, axis, temperature, where)
    y, g = rows.e / rows.s, _given(rows, g)
    return _hide(rows, over(g - y * g.sum(axis=rows.axis, keepdims=True), rows.t), 0)


def logsumexp_vjp(x, g, axis=None, *, keepdims=False, temperature=1.0, where=True):
    rows = _rows(x, axis, temperature, where)
    g = number(g) if keepdims else np.expand_dims(number(g), rows.axis)
    return _hide(rows, np.where(rows.m == -INF, 0, rows.e / rows.s * g), 0)


def labels(x, target, axis=-1, *, weight=None, ignore_index=None, label_smoothing=0.0):
    """What a row's label asks of each entry, and the row's share of the mean."""
    n, target = np.shape(x)[axis], np.asarray(target)
    weight = number(np.ones(n) if weight is None else weight)
    if target.dtype.kind in "iu":
        q = number(np.arange(n) == np.expand_dims(target, -1)) * 1
        counts = True if ignore_index is None else target != ignore_index
        share = np.where(counts, weight[np.where(counts, target, 0)], 0)
    else:
        q, counts = number(np.moveaxis(target, axis, -1)), True
        share = np.broadcast_to(1, q.shape[:-1])
    q = (q * (1 - number(label_smoothing)) + number(label_smoothing) / n) * weight
    q = np.where(np.expand_dims(np.broadcast_to(counts, share.shape), -1), q, 0)
    return np.moveaxis(q, -1, axis), share


def cross_entropy(x, target, axis=-1, *, reduction="mean", temperature=1.0, **options):
    q, share = labels(x, target, axis, **options)
    terms = np.where(q == 0, 0, q * log_softmax(x, axis, temperature=temperature))
    losses = -terms.sum(axis=axis)
    if reduction == "none":
        return losses
    return losses.sum() / (share.sum() if reduction == "mean" else 1)


def cross_entropy_vjp(x, target, g, axis=-1, *, reduction="mean", temperature=1.0, **options):
    q, share = labels(x, target, axis, **options)
    g = number(g) / (share.sum() if reduction == "mean" else 1)
    g = np.expand_dims(g, axis) if np.ndim(g) else g
    return log_softmax_vjp(x, -g * q, axis, temperature=temperature)


def _running(x, axis, temperature):
    """Of a positive temperature: the rows, and the sums of their exponentials so far."""
    rows = _rows(x, axis, temperature, True)
    return rows, np.add.accumulate(rows.e, rows.axis, object)


def _over_sums(a, sums):
    """a/s, 0 where nothing has been summed."""
    return np.where(sums == 0, 0, a / np.where(sums == 0, 1, sums))


def logcumsumexp(x, axis, *, temperature=1.0):
    rows, sums = _running(x, axis, temperature)
    return rows.m + times(log(sums), rows.t)


def logcumsumexp_jvp(x, v, axis, *, temperature=1.0):
    rows, sums = _running(x, axis, temperature)
    tangents = np.add.accumulate(rows.e * number(v), axis, object)
    return logcumsumexp(x, axis, temperature=temperature), _over_sums(tangents, sums)


def logcumsumexp_vjp(x, g, axis, *, temperature=1.0):
    rows, sums = _running(x, axis, temperature)
    shares = np.flip(_over_sums(number(g), sums), axis)
    return rows.e * np.flip(np.add.accumulate(shares, axis, object), axis)


def ulp(result, truth, at=None, dtype=None):
    """The largest error of `result` in units in the last place: of the truth, or of `at`.

    The units are those of `dtype`, by default the result's own.
    """
    result, truth = np.asarray(result), np.asarray(truth)
    info = ml_dtypes.finfo(dtype or result.dtype)
    high = truth.astype(np.float64)
    with np.errstate(invalid="ignore"):
        low = np.where(np.isfinite(high), truth - high, 0).astype(np.float64)
        error = abs(result.astype(np.result_type(result, np.float64)) - high - low)
    same = (result == high) | (np.isnan(result) & np.isnan(high))
    error = np.where(np.isfinite(high), error, np.where(same, 0.0, np.inf))
    size = abs(high) if at is None else np.asarray(at).astype(np.float64)
    size = np.where(np.isfinite(size), size, 1.0)
    exponent = np.where(size > 0, np.frexp(size)[1] - 1, info.minexp)
    unit = np.ldexp(1.0, np.maximum(exponent, info.minexp) - info.nmant)
    worst = float(np.max(error / unit, initial=0.0))
    return np.inf if np.isnan(worst) else worst


class LongRow:
    """The truth for one long row, in extended precision.

    It is not wide enough for the definitions: the largest entry is kept apart, so that neither a
    logarithm near log 1 nor a difference from a mean loses it.
    """

    def __init__(self, x):
        x = np.asarray(x, np.longdouble)
        self.top = np.argmax(x)
        self.m = m = x[self.top]
        self.d = x - m
        part = self.d - x
        self.lost = (x - (self.d - part)) - (m + part)  # the rounding error of x - m
        e = np.exp(self.d) * (1 + self.lost)
        self.rest = np.delete(e, self.top).sum()
        self.y = e / (1 + self.rest)

    def softmax(self):
        return self.y

    def log_softmax(self):
        return self.d - np.log1p(self.rest) + self.lost

    def logsumexp(self):
        return self.m + np.log1p(self.rest)

    def _pivoted(self, v):
        """v and its mean, both less v[top]."""
        v = np.asarray(v, np.longdouble)
        v = v - v[self.top]
        return v, (self.y * v).sum()

    def logsumexp_jvp(self, v):
        return v[self.top] + self._pivoted(v)[1]

    def log_softmax_jvp(self, v):
        v, mean = self._pivoted(v)
        return v - mean

    def softmax_vjp(self, g):
        return self.y * self.log_softmax_jvp(g)

    def log_softmax_vjp(self, g):
        g = np.asarray(g, np.longdouble)
        dx = g - self.y * g.sum()
        dx[self.top] = -np.delete(dx, self.top).sum()
        return dx
