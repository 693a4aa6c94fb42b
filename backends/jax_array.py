"""JAX arrays: the formulas, which JAX compiles, with softkern's own derivatives of the three values."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from . import array_api
from .array_api import (
    log_softmax_jvp,
    log_softmax_vjp,
    logsumexp_jvp,
    logsumexp_vjp,
    merge_logsumexp,
    partial_logsumexp,
    softmax_jvp,
    softmax_vjp,
    value_logsumexp,
)
from .array_api.labels import by_formula
from .rows import reduced_axes, reduced_shape

__all__ = [
    "cross_entropy",
    "log_softmax",
    "log_softmax_jvp",
    "log_softmax_vjp",
    "logcumsumexp",
    "logcumsumexp_jvp",
    "logcumsumexp_vjp",
    "logsumexp",
    "logsumexp_jvp",
    "logsumexp_vjp",
    "merge_logsumexp",
    "partial_logsumexp",
    "softmax",
    "softmax_jvp",
    "softmax_vjp",
    "value_logsumexp",
]


def softmax(x: Any, axis: Any, temperature: Any, where: Any, out: Any) -> Any:
    if out is not None:
        return array_api.softmax(x, axis, temperature, where, out)
    return _call("softmax", x, axis, temperature, where)


def log_softmax(x: Any, axis: Any, temperature: Any, where: Any, out: Any) -> Any:
    if out is not None:
        return array_api.log_softmax(x, axis, temperature, where, out)
    return _call("log_softmax", x, axis, temperature, where)


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
    if b is not None or return_sign or out is not None:
        return array_api.logsumexp(a, axis, b, keepdims, return_sign, temperature, where, out)
    L = _call("logsumexp", a, axis, temperature, where)
    return L.reshape(reduced_shape(a.shape, reduced_axes(axis, a.ndim), keepdims))


def logcumsumexp(x: Any, axis: Any, temperature: Any, out: Any) -> Any:
    if out is not None:
        return array_api.logcumsumexp(x, axis, temperature, out)
    return _call("logcumsumexp", x, axis, temperature, None)


def logcumsumexp_jvp(x: Any, v: Any, axis: Any, temperature: Any, out: Any) -> Any:
    if out is not None:
        return array_api.logcumsumexp_jvp(x, v, axis, temperature, out)
    return _scan("logcumsumexp_jvp", axis, temperature, x, v)


def logcumsumexp_vjp(x: Any, g: Any, axis: Any, temperature: Any, out: Any) -> Any:
    if out is not None:
        return array_api.logcumsumexp_vjp(x, g, axis, temperature, out)
    return _scan("logcumsumexp_vjp", axis, temperature, x, g)


def _scan(name: str, axis: Any, temperature: Any, *arrays: Any) -> Any:
    if isinstance(temperature, (int, float)):
        return _compiled(name, axis, float(temperature), None, *arrays)
    return _compiled(name, axis, None, temperature, *arrays)


# As a whole, for its steps are of as many shapes, which JAX would compile one by one.
@partial(jax.jit, static_argnums=(0, 1, 2))
def _compiled(name: str, axis: Any, number: float | None, t: Any, *arrays: Any) -> Any:
    return getattr(array_api, name)(*arrays, axis, t if number is None else number, None)


def _call(name: str, x: Any, axis: Any, temperature: Any, where: Any) -> Any:
    if not jnp.issubdtype(x.dtype, jnp.inexact):
        x = x.astype(jnp.result_type(float))
    axes = reduced_axes(axis, x.ndim)
    if isinstance(temperature, (int, float)):
        return _value(name, axes, float(temperature), x, None, where)
    return _value(name, axes, None, x, temperature, where)


def _formula(name: str, axes: Any, number: float | None, x: Any, t: Any, where: Any) -> Any:
    t = t if number is None else number
    if name == "logsumexp":
        return array_api.logsumexp(x, axes, None, False, False, t, where, None)
    if name == "logcumsumexp":
        return _scan(name, axes, t, x)
    return getattr(array_api, name)(x, axes, t, where, None)


# `number` is the temperature if that is a number, else it is the array t.
_value = jax.custom_jvp(_formula, nondiff_argnums=(0, 1, 2))


@_value.defjvp
def _(name: str, axes: Any, number: float | None, primals: Any, tangents: Any) -> Any:
    x, t, where = primals
    dx, dt, _ = tangents
    y = _value(name, axes, number, x, t, where)
    own = t if number is None else number
    if name == "logsumexp":
        _, dy = logsumexp_jvp(x, dx, axes, False, own, where, y, None)
    elif name == "logcumsumexp":
        _, dy = logcumsumexp_jvp(x, dx, axes, own, None)
    else:
        tangent = softmax_vjp if name == "softmax" else _log_softmax_tangent
        dy = _over(tangent(None, dx, axes, 1.0, where, y, None), number, t, axes)
    if number is None:
        along_t = partial(_formula, name, axes, None, x, where=where)
        dy = dy + jax.jvp(along_t, (t,), (dt,))[1]
    return y, dy


def _log_softmax_tangent(*arguments: Any) -> Any:
    return log_softmax_jvp(*arguments)[1]


def _over(dy: Any, number: float | None, t: Any, axes: tuple[int, ...]) -> Any:
    """dy/t, linear in dy: 0 where t is 0, though at a tie it were infinite."""
    if number is None:
        t = jnp.broadcast_to(t, reduced_shape(dy.shape, axes, False))
        t = t.reshape(reduced_shape(dy.shape, axes, True)).astype(dy.dtype)
    else:
        t = jnp.asarray(number, dy.dtype)
    return jnp.where(t == 0, 0.0, dy / jnp.where(t == 0, 1.0, t))


cross_entropy = partial(by_formula, log_softmax, log_softmax_vjp)
