"""Running log-sum-exp in the array API standard: its sums in steps of 1, 2, 4 ... entries.

With m_i the maximum up to the entry i::

    L_i = m_i + t log s_i         s_i = sum_{j<=i} e_j exp((m_j - m_i)/t)    e_j = exp((x_j - m_j)/t)
    dL_i = p_i / s_i              p_i = sum_{j<=i} v_j e_j exp((m_j - m_i)/t)
    dx_j = e_j r_j                r_j = sum_{i>=j} g_i/s_i exp((m_j - m_i)/t)

No exponent is positive. The sum over twice as many entries is that over the last ones and, times what
the maximum has gained since, that over those before them.
"""

from collections.abc import Iterator
from math import inf
from typing import Any

from .rows import Rows, rows_of


def logcumsumexp(x: Any, axis: Any, temperature: Any, out: Any) -> Any:
    with rows_of(x.shape, axis, temperature, None, x) as rows:
        m, e = _maxima(rows, x)
        return rows.write(_value(rows, m, _sums(rows, m, e)), out)


def logcumsumexp_jvp(x: Any, v: Any, axis: Any, temperature: Any, out: Any) -> Any:
    with rows_of(x.shape, axis, temperature, None, x, v) as rows:
        m, e = _maxima(rows, x)
        s = _sums(rows, m, e)
        dL = _quotient(rows, _sums(rows, m, e * rows.read(v, 0)), m, s)
        return rows.write_pair(_value(rows, m, s), dL, out)


def logcumsumexp_vjp(x: Any, g: Any, axis: Any, temperature: Any, out: Any) -> Any:
    with rows_of(x.shape, axis, temperature, None, x, g) as rows:
        m, e = _maxima(rows, x)
        shares = _quotient(rows, rows.read(g, 0), m, _sums(rows, m, e))
        return rows.write(e * _sums_back(rows, m, shares), out)


def _maxima(rows: Rows, x: Any) -> tuple[Any, Any]:
    """m and e."""
    x = m = rows.read(x, -inf)
    for step in _steps(rows, m):
        before, after = _cut(rows, m, None, -step), _cut(rows, m, step, None)
        m = _join(rows, _cut(rows, m, None, step), rows.xp.maximum(before, after))
    return m, _exp(rows, x, m)


def _sums(rows: Rows, m: Any, terms: Any) -> Any:
    for step in _steps(rows, m):
        gain = _exp(rows, _cut(rows, m, None, -step), _cut(rows, m, step, None))
        sums = _cut(rows, terms, step, None) + gain * _cut(rows, terms, None, -step)
        terms = _join(rows, _cut(rows, terms, None, step), sums)
    return terms


def _sums_back(rows: Rows, m: Any, terms: Any) -> Any:
    for step in _steps(rows, m):
        gain = _exp(rows, _cut(rows, m, None, -step), _cut(rows, m, step, None))
        sums = _cut(rows, terms, None, -step) + gain * _cut(rows, terms, step, None)
        terms = _join(rows, sums, _cut(rows, terms, -step, None))
    return terms


def _exp(rows: Rows, low: Any, top: Any) -> Any:
    """exp((low - top)/t), 0 where both are the same infinity."""
    xp = rows.xp
    return xp.exp(rows.over_t(xp.where(xp.isinf(low) & (low == top), -inf, low - top)))


def _value(rows: Rows, m: Any, s: Any) -> Any:
    xp = rows.xp
    finite = xp.where(xp.isinf(m), 1.0, s)
    return xp.where(xp.isinf(m), m, m + rows.times_t(xp.log(finite)))


def _quotient(rows: Rows, p: Any, m: Any, s: Any) -> Any:
    """p/s, 0 where there was nothing but -inf; after +inf there is no number, for s is 0."""
    xp = rows.xp
    return xp.where(m == -inf, 0.0, p / xp.where(m == -inf, 1.0, s))


def _steps(rows: Rows, a: Any) -> Iterator[int]:
    step = 1
    while step < a.shape[rows.axes[0]]:
        yield step
        step *= 2


def _cut(rows: Rows, a: Any, start: int | None, stop: int | None) -> Any:
    return a[(slice(None),) * rows.axes[0] + (slice(start, stop), ...)]


def _join(rows: Rows, first: Any, second: Any) -> Any:
    return rows.xp.concat([first, second], axis=rows.axes[0])
