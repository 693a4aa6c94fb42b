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

from collections.abc import Iterator
from contextlib import contextmanager
from math import inf, nan
from typing import Any

import numpy as np
from array_api_compat import (
    array_namespace,
    device,
    is_jax_namespace,
    is_lazy_array,
    is_numpy_namespace,
)

from .rows import check_out, reduced_axes, reduced_shape


def softmax(x: Any, axis: Any, temperature: Any, where: Any, out: Any) -> Any:
    with _rows(x.shape, axis, temperature, where, x) as rows:
        return rows.write(_softmax(rows, x), out)


def log_softmax(x: Any, axis: Any, temperature: Any, where: Any, out: Any) -> Any:
    with _rows(x.shape, axis, temperature, where, x) as rows:
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
    with _rows(shape, axis, temperature, where, a, b) as rows:
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
    with _rows(shape, axis, temperature, where, a, b) as rows:
        if rows.is_complex:
            raise TypeError("the pair of a part is of real numbers; logsumexp takes complex ones")
        xp = rows.xp
        m, _, e = _exponentials(rows, a, b)
        s = xp.sum(xp.astype(e, _widest(xp)), axis=rows.axes, keepdims=True)
        return tuple(xp.reshape(y, rows.reduced(False)) for y in (m, s))


def merge_logsumexp(m: Any, s: Any, other_m: Any, other_s: Any, temperature: Any) -> Any:
    """(m, s) + (m', s') = (M, s exp((m - M)/t) + s' exp((m' - M)/t)), with M = max(m, m')."""
    with _rows(m.shape, (), temperature, None, s, other_s) as rows:
        xp = rows.xp
        M = xp.maximum(m, other_m)
        parts = []
        for own, weight in ((m, s), (other_m, other_s)):
            d = xp.where(own == M, 0.0, rows.read(own, 0) - rows.read(M, 0))  # inf - inf is NaN
            parts.append(rows.read(weight, 0) * xp.exp(rows.over_t(d)))
        return M, xp.reshape(parts[0] + parts[1], m.shape)


def value_logsumexp(m: Any, s: Any, return_sign: bool, temperature: Any) -> Any:
    """L = m + t log s, in the dtype of m."""
    with _rows(m.shape, (), temperature, None, s) as rows:
        xp = rows.xp
        t_log_s = rows.times_t(xp.log(xp.abs(rows.read(s, 0))))
        L = xp.where(xp.isinf(t_log_s), t_log_s, rows.read(m, 0) + t_log_s)
        L = xp.astype(xp.reshape(L, m.shape), m.dtype)
        return (L, xp.sign(s)) if return_sign else xp.where(s < 0, nan, L)


def softmax_jvp(
    x: Any, v: Any, axis: Any, temperature: Any, where: Any, output: Any, out: Any
) -> Any:
    primal = x if output is None else output
    with _rows(primal.shape, axis, temperature, where, primal, v) as rows:
        y = _softmax(rows, x) if output is None else rows.read(output, 0)
        dy = rows.over_t(y * _centred(rows, y, v))
        return rows.write_pair(y, rows.hide(dy, 0), out)


def log_softmax_jvp(
    x: Any, v: Any, axis: Any, temperature: Any, where: Any, output: Any, out: Any
) -> Any:
    primal = x if output is None else output
    with _rows(primal.shape, axis, temperature, where, primal, v) as rows:
        z = _log_softmax(rows, x) if output is None else rows.read(output, -inf)
        dz = rows.over_t(_centred(rows, rows.xp.exp(z), v))
        return rows.write_pair(z, rows.hide(dz, 0), out)


def logsumexp_jvp(
    x: Any, v: Any, axis: Any, keepdims: bool, temperature: Any, where: Any, output: Any, out: Any
) -> Any:
    with _rows(x.shape, axis, temperature, where, x, v, output) as rows:
        dL = rows.sum(_weights(rows, x) * rows.read(v, 0))
        L = _logsumexp(rows, x)[0] if output is None else rows.read_reduced(output, keepdims)
        return rows.write_pair(L, dL, out, rows.reduced(keepdims))


def softmax_vjp(
    x: Any, g: Any, axis: Any, temperature: Any, where: Any, output: Any, out: Any
) -> Any:
    primal = x if output is None else output
    with _rows(primal.shape, axis, temperature, where, primal, g) as rows:
        y = _softmax(rows, x) if output is None else rows.read(output, 0)
        dx = rows.over_t(y * _centred(rows, y, g))
        return rows.write(rows.hide(dx, 0), out)


def log_softmax_vjp(
    x: Any, g: Any, axis: Any, temperature: Any, where: Any, output: Any, out: Any
) -> Any:
    primal = x if output is None else output
    with _rows(primal.shape, axis, temperature, where, primal, g) as rows:
        xp = rows.xp
        z = _log_softmax(rows, x) if output is None else rows.read(output, -inf)
        y, g = xp.exp(z), rows.read(g, 0)
        dx = rows.over_t(-xp.expm1(z) * g - y * _sum_of_others(rows, y, g))
        return rows.write(rows.hide(dx, 0), out)


def logsumexp_vjp(
    x: Any, g: Any, axis: Any, keepdims: bool, temperature: Any, where: Any, output: Any, out: Any
) -> Any:
    with _rows(x.shape, axis, temperature, where, x, g) as rows:
        dx = _weights(rows, x) * rows.read_reduced(g, keepdims)
        return rows.write(rows.hide(dx, 0), out)


def _softmax(rows: "_Rows", x: Any) -> Any:
    """y = exp(d) / s."""
    x = rows.read(x, -inf)
    e = rows.xp.exp(rows.over_t(x - rows.max(x)))
    return rows.hide(e / rows.sum(e), 0)


def _log_softmax(rows: "_Rows", x: Any) -> Any:
    """z = d - log s, never x - L: that loses |m| ulp."""
    x = rows.read(x, -inf)
    d = rows.over_t(x - rows.max(x))
    return rows.hide(d - _log_sum(rows, d, rows.xp.exp(d)), -inf)


def _logsumexp(rows: "_Rows", a: Any, b: Any = None) -> tuple[Any, Any]:
    """L = m + t log|s| (complex: log s) and s = sum b exp(d)."""
    xp = rows.xp
    m, d, e = _exponentials(rows, a, b)
    t_log_s = rows.times_t(_log_sum(rows, d, e))
    L = xp.where(xp.isinf(t_log_s), t_log_s, m + t_log_s)  # complex inf + inf is NaN in torch
    return L, rows.sum(e)


def _exponentials(rows: "_Rows", a: Any, b: Any) -> tuple[Any, Any, Any]:
    """m, d and b exp(d)."""
    xp = rows.xp
    a = rows.read(a, -inf)
    if b is not None:
        b = rows.read(b, 0)
        a = xp.where(b == 0, -inf, a)
    m = rows.max(a)
    d = rows.over_t(xp.where(xp.isinf(a), a, a - m))  # inf - inf would be NaN
    return m, d, xp.exp(d) if b is None else b * xp.exp(d)


def _log_sum(rows: "_Rows", d: Any, e: Any) -> Any:
    """log|sum e|: the terms at the maximum, d = 0, stand apart, so that log1p sees the rest."""
    xp = rows.xp
    if rows.is_complex:
        return xp.log(rows.sum(e))
    largest = rows.sum(xp.where(d == 0, e, 0.0))
    rest = rows.sum(xp.where(d == 0, 0.0, e))
    q = rest / largest
    split = xp.log(xp.abs(largest)) + xp.log1p(q)
    return xp.where(xp.abs(q) < 0.5, split, xp.log(xp.abs(largest + rest)))


def _centred(rows: "_Rows", y: Any, v: Any) -> Any:
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


def _sum_of_others(rows: "_Rows", y: Any, g: Any) -> Any:
    """sum g less the entry's own g, which does not cancel at the largest y."""
    xp = rows.xp
    largest = xp.abs(y) == rows.max(xp.abs(y))
    return rows.sum(xp.where(largest, g, 0.0)) - g + rows.sum(xp.where(largest, 0.0, g))


def _weights(rows: "_Rows", x: Any) -> Any:
    """y; 0 in a row with nothing above -inf, where it is 0/0 and yet logsumexp is constant."""
    y = _softmax(rows, x)
    return rows.xp.where(rows.max(rows.read(x, -inf)) == -inf, 0.0, y)


@contextmanager
def _rows(shape: Any, axis: Any, temperature: Any, where: Any, *arrays: Any) -> Iterator["_Rows"]:
    """The rows of one call; NumPy's warnings are off, for infinities are at home here."""
    with np.errstate(all="ignore"):
        yield _Rows(shape, axis, temperature, where, *arrays)


class _Rows:
    """The rows of one call: how arrays are read into them, summed along them and written back.

    While computing, every array has the shape of x, or that shape with the reduced axes at 1;
    a 0-d array is a row of one number.
    """

    def __init__(self, shape: Any, axis: Any, temperature: Any, where: Any, *arrays: Any) -> None:
        arrays = tuple(a for a in arrays if hasattr(a, "dtype"))
        self.xp = array_namespace(*arrays)
        self.device = _common_device(*arrays, temperature, where)
        self.shape = tuple(shape)
        self.axes = reduced_axes(axis, len(self.shape))
        self.result_dtype = _result_dtype(self.xp, [a.dtype for a in arrays])
        self.dtype = self.xp.float32 if _is_half(self.result_dtype) else self.result_dtype
        self.is_complex = self.xp.isdtype(self.dtype, "complex floating")
        self.t = self._read_temperature(temperature)
        ordinary = isinstance(self.t, float) and 1e-30 < self.t < 1e30
        self.divides_by_t = ordinary and not self.is_complex  # complex infinities are never divided
        self.where = None if where is None else self._read_where(where)

    def read(self, a: Any, hidden: float) -> Any:
        """The array in the dtype to compute in, with `hidden` where `where` is False."""
        return self.hide(self._spread(self._convert(a), self.shape, self.shape or (1,)), hidden)

    def read_reduced(self, a: Any, keepdims: bool) -> Any:
        """An array with one number a row, shaped to broadcast against the rows."""
        return self._spread(self._convert(a), self.reduced(keepdims), self._one_a_row())

    def hide(self, a: Any, hidden: float) -> Any:
        return a if self.where is None else self.xp.where(self.where, a, hidden)

    def reduced(self, keepdims: bool) -> tuple[int, ...]:
        return reduced_shape(self.shape, self.axes, keepdims)

    def sum(self, a: Any) -> Any:
        """The sum; NumPy takes that over an outer axis one by one, where float32 would drift."""
        xp = self.xp
        wide = xp.result_type(a.dtype, xp.float64) if is_numpy_namespace(xp) else a.dtype
        return xp.astype(xp.sum(a, axis=self.axes, keepdims=True, dtype=wide), a.dtype, copy=False)

    def max(self, a: Any) -> Any:
        """The maximum, of the real parts where complex; that of no numbers at all is -inf."""
        a = self.xp.real(a) if self.xp.isdtype(a.dtype, "complex floating") else a
        if 0 in self.shape:
            return self.xp.full(self._one_a_row(), -inf, dtype=a.dtype, device=self.device)
        return self.xp.max(a, axis=self.axes, keepdims=True)

    def over_t(self, a: Any) -> Any:
        """a/t, and its limits where t is 0 or inf: 0/0 = 0 and inf/inf = inf."""
        return a / self.t if self.divides_by_t else self._kept(a, a / self.t)

    def times_t(self, a: Any) -> Any:
        """a t, and its limits where t is 0 or inf: 0 inf = 0 and inf 0 = inf."""
        return a * self.t if self.divides_by_t else self._kept(a, a * self.t)

    def _kept(self, a: Any, otherwise: Any) -> Any:
        """a itself where it is 0 or infinite and t is, or may be."""
        xp = self.xp
        kept = (a == 0) | xp.isinf(a)
        if not isinstance(self.t, float) and not self.is_complex:
            kept = kept & ((self.t == 0) | xp.isinf(self.t))
        return xp.where(kept, a, otherwise)

    def write(self, y: Any, out: Any, shape: tuple[int, ...] | None = None) -> Any:
        """The result in its own shape and dtype, in `out` if there is one."""
        shape = self.shape if shape is None else shape
        y = self.xp.reshape(y, shape)
        y = y if self.dtype == self.result_dtype else self.xp.astype(y, self.result_dtype)
        if out is None:
            return y if shape else y[()]
        check_out(out, shape, y.dtype)
        out[...] = y
        return out

    def write_pair(
        self, y: Any, dy: Any, out: Any, shape: tuple[int, ...] | None = None
    ) -> tuple[Any, Any]:
        if out is None:
            out = (None, None)
        if not isinstance(out, tuple) or len(out) != 2:
            raise TypeError("out must be a pair of arrays here, one for each of the two results")
        return self.write(y, out[0], shape), self.write(dy, out[1], shape)

    def _convert(self, a: Any) -> Any:
        if hasattr(a, "dtype"):
            return self.xp.astype(a, self.dtype, copy=False)
        return self.xp.asarray(a, dtype=self.dtype, device=self.device)

    def _spread(self, a: Any, shape: tuple[int, ...], rows_shape: tuple[int, ...]) -> Any:
        a = a if a.shape == shape else self.xp.broadcast_to(a, shape)
        return a if shape == rows_shape else self.xp.reshape(a, rows_shape)

    def _one_a_row(self) -> tuple[int, ...]:
        return reduced_shape(self.shape or (1,), self.axes, True)

    def _read_where(self, where: Any) -> Any:
        if not hasattr(where, "dtype"):
            where = self.xp.asarray(where, device=self.device)
        if not self.xp.isdtype(where.dtype, "bool"):
            raise TypeError(f"where must be boolean, not {where.dtype}")
        return self._spread(where, self.shape, self.shape or (1,))

    def _read_temperature(self, temperature: Any) -> Any:
        if isinstance(temperature, (int, float)):
            return float(temperature)
        t = self.read_reduced(temperature, keepdims=False)
        t = self.xp.real(t) if self.is_complex else t
        if is_lazy_array(t):
            return self.xp.where(t >= 0, t, nan)
        if not self.xp.all(t >= 0):
            raise ValueError("temperature must be >= 0 and not NaN")
        return t


def _common_device(*arrays: Any) -> Any:
    eager = [a for a in arrays if hasattr(a, "dtype") and not is_lazy_array(a)]
    if len({device(a) for a in eager}) > 1:
        raise TypeError("arrays on two devices in one call; move them to one device first")
    return device(arrays[0])


def _result_dtype(xp: Any, dtypes: list[Any]) -> Any:
    """The dtype that `dtypes` promote to; where all are integers, the default float."""
    default = xp.zeros(()).dtype
    floats = [d for d in dtypes if _is_half(d) or not xp.isdtype(d, ("bool", "integral"))]
    if not floats:
        return default
    try:
        dtype = xp.result_type(*dtypes)
    except TypeError:  # the standard leaves it to the namespace whether integers and floats mix
        dtype = xp.result_type(default, *floats)
    if not _is_half(dtype) and not xp.isdtype(dtype, ("real floating", "complex floating")):
        raise TypeError(f"softkern computes with numbers, not with dtype {dtype}")
    return dtype


def _widest(xp: Any) -> Any:
    """float64, but in JAX what it has been set to."""
    return xp.zeros(()).dtype if is_jax_namespace(xp) else xp.float64


def _is_half(dtype: Any) -> bool:
    """float16 or bfloat16, which the standard does not know: they are computed in float32."""
    return str(dtype).endswith("float16")
