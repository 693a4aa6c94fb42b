"""How the formulas read arrays into rows, sum along them, and write results back."""

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

from ..rows import check_out, check_pair, check_temperature, reduced_axes, reduced_shape


@contextmanager
def rows_of(shape: Any, axis: Any, temperature: Any, where: Any, *arrays: Any) -> Iterator["Rows"]:
    """The rows of one call; NumPy's warnings are off, for infinities are at home here."""
    with np.errstate(all="ignore"):
        yield Rows(shape, axis, temperature, where, *arrays)


class Rows:
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
        self.result_dtype = result_dtype(self.xp, [a.dtype for a in arrays])
        self.dtype = self.xp.float32 if is_half(self.result_dtype) else self.result_dtype
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
        return self._spread(self._convert(a), self.reduced(keepdims), self.one_a_row())

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
            return self.xp.full(self.one_a_row(), -inf, dtype=a.dtype, device=self.device)
        return self.xp.max(a, axis=self.axes, keepdims=True)

    def over_t(self, a: Any) -> Any:
        """a/t, and its limits where t is 0 or inf: 0/0 = 0 and inf/inf = inf."""
        return a / self.t if self.divides_by_t else self._kept(a, self._finite(a) / self.t)

    def times_t(self, a: Any) -> Any:
        """a t, and its limits where t is 0 or inf: 0 inf = 0 and inf 0 = inf."""
        return a * self.t if self.divides_by_t else self._kept(a, self._finite(a) * self.t)

    def _finite(self, a: Any) -> Any:
        """a, but 0 where it is infinite: there the derivative by t would be NaN."""
        return self.xp.where(self.xp.isinf(a), 0.0, a)

    def _kept(self, a: Any, otherwise: Any) -> Any:
        """a itself where it is infinite, or 0 and t is, or may be, 0 or infinite."""
        xp = self.xp
        zero = a == 0
        if not isinstance(self.t, float) and not self.is_complex:
            zero = zero & ((self.t == 0) | xp.isinf(self.t))
        return xp.where(zero | xp.isinf(a), a, otherwise)

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
        places = check_pair(out, getattr(self.xp, "shares_memory", None))
        return self.write(y, places[0], shape), self.write(dy, places[1], shape)

    def _convert(self, a: Any) -> Any:
        if hasattr(a, "dtype"):
            return self.xp.astype(a, self.dtype, copy=False)
        return self.xp.asarray(a, dtype=self.dtype, device=self.device)

    def _spread(self, a: Any, shape: tuple[int, ...], rows_shape: tuple[int, ...]) -> Any:
        a = a if a.shape == shape else self.xp.broadcast_to(a, shape)
        return a if shape == rows_shape else self.xp.reshape(a, rows_shape)

    def one_a_row(self) -> tuple[int, ...]:
        """The shape of an array with one number a row, to broadcast against the rows."""
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
        is_array = hasattr(temperature, "dtype")
        check_temperature(
            self.xp.isdtype(temperature.dtype, "complex floating")
            if is_array
            else isinstance(temperature, complex)
        )
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


def result_dtype(xp: Any, dtypes: list[Any]) -> Any:
    """The dtype that `dtypes` promote to; where all are integers, the default float."""
    default = xp.zeros(()).dtype
    floats = [d for d in dtypes if is_half(d) or not xp.isdtype(d, ("bool", "integral"))]
    if not floats:
        return default
    try:
        dtype = xp.result_type(*dtypes)
    except TypeError:  # the standard leaves it to the namespace whether integers and floats mix
        dtype = xp.result_type(default, *floats)
    if not is_half(dtype) and not xp.isdtype(dtype, ("real floating", "complex floating")):
        raise TypeError(f"softkern computes with numbers, not with dtype {dtype}")
    return dtype


def widest(xp: Any) -> Any:
    """float64, but in JAX what it has been set to."""
    return xp.zeros(()).dtype if is_jax_namespace(xp) else xp.float64


def is_half(dtype: Any) -> bool:
    """float16 or bfloat16, which the standard does not know: they are computed in float32."""
    short = getattr(dtype, "itemsize", 2) == 2  # to ask for the name takes longer
    return short and str(dtype).endswith("float16")
