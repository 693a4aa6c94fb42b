"""Dask arrays: every block by the backend of its own kind, nothing computed before it is asked for.

Where rows lie whole in their blocks, the operation is done to each. Where they are cut, their pieces
leave states, which merge in a tree, and each piece is mapped with the state of its row: see
`pieces`. No blocks are put together for it, and their sizes need not be known.
"""

from functools import partial
from typing import Any

import dask.array as da

from ..array_api.labels import by_formula
from ..rows import check_out, check_pair
from . import pieces
from .blocks import Call, Cut

NONE = Cut(None, None)


def softmax(x: Any, axis: Any, temperature: Any, where: Any, out: Any) -> Any:
    def join(call: Call, like: Any) -> Any:
        own, row = _states(call, pieces.state_for_softmax, "x", NONE)
        return _map(call, pieces.softmax, "x", own, row, like=like)

    call = _call("softmax", {"x": x}, {}, axis, temperature, where)
    return _write(call.result(join), out)


def log_softmax(x: Any, axis: Any, temperature: Any, where: Any, out: Any) -> Any:
    def join(call: Call, like: Any) -> Any:
        own, row = _states(call, pieces.state_for_log_softmax, "x", NONE)
        return _map(call, pieces.log_softmax, "x", own, row, like=like)

    call = _call("log_softmax", {"x": x}, {}, axis, temperature, where)
    return _write(call.result(join), out)


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
    def join(call: Call, like: Any) -> Any:
        dtype = (like[0] if return_sign else like).dtype
        options = {"keepdims": keepdims, "return_sign": return_sign, "dtype": dtype}
        finish = partial(pieces.logsumexp, axes=call.axes, **options)
        return call.map(finish, _pairs(call), like=like, reduces=True)

    options = {"keepdims": keepdims, "return_sign": return_sign}
    call = _call("logsumexp", {"a": a, "b": b}, {}, axis, temperature, where, **options)
    L = call.result(join, reduces=True)
    return _write_pair(L, out) if return_sign else _write(L, out)


def partial_logsumexp(a: Any, axis: Any, b: Any, temperature: Any, where: Any) -> Any:
    def join(call: Call, like: Any) -> Any:
        return call.map(pieces.pair_alone, _pairs(call), like=like, reduces=True)

    call = Call(
        "partial_logsumexp",
        {"a": a, "b": b},
        {"where": where},
        {"temperature": temperature},
        axis=axis,
    )
    return call.result(join, reduces=True)


def merge_logsumexp(m: Any, s: Any, other_m: Any, other_s: Any, temperature: Any) -> Any:
    pairs = {"m": m, "s": s, "other_m": other_m, "other_s": other_s}
    return Call("merge_logsumexp", pairs, {}, {"temperature": temperature}).result()


def value_logsumexp(m: Any, s: Any, return_sign: bool, temperature: Any) -> Any:
    per_row = {"temperature": temperature}
    return Call("value_logsumexp", {"m": m, "s": s}, {}, per_row, return_sign=return_sign).result()


def softmax_jvp(
    x: Any, v: Any, axis: Any, temperature: Any, where: Any, output: Any, out: Any
) -> Any:
    if output is not None:
        dy = softmax_vjp(x, v, axis, temperature, where, output, None)
        return _write_pair((output.astype(dy.dtype), dy), out)

    def join(call: Call, like: Any) -> Any:
        own, row = _states(call, pieces.state_for_softmax, "x", "v")
        return _map(call, pieces.softmax_jvp, "x", "v", own, row, like=like)

    call = _derivative("softmax_jvp", x, {"v": v}, axis, temperature, where, None)
    return _write_pair(call.result(join), out)


def softmax_vjp(
    x: Any, g: Any, axis: Any, temperature: Any, where: Any, output: Any, out: Any
) -> Any:
    def join(call: Call, like: Any) -> Any:
        if output is None:
            own, row = _states(call, pieces.state_for_softmax, "x", "g")
            return _map(call, pieces.softmax_vjp, "x", "g", own, row, like=like)
        leave = partial(pieces.state_of_given, axes=call.axes)
        _, row = call.fold(leave, pieces.merge_states, "output", "g", "where")
        return _map(call, pieces.softmax_tangent, "output", "g", row, like=like)

    call = _derivative("softmax_vjp", x, {"g": g}, axis, temperature, where, output)
    return _write(call.result(join), out)


def log_softmax_jvp(
    x: Any, v: Any, axis: Any, temperature: Any, where: Any, output: Any, out: Any
) -> Any:
    def join(call: Call, like: Any) -> Any:
        if output is None:
            own, row = _states(call, pieces.state_for_log_softmax, "x", "v")
            return _map(call, pieces.log_softmax_jvp, "x", "v", own, row, like=like)
        leave = partial(pieces.state_for_softmax, axes=call.axes)  # z is x moved, at t = 1
        _, row = call.fold(leave, pieces.merge_states, "output", "v", Cut(1.0, None), "where")
        dz = _map(call, pieces.log_softmax_tangent, "output", "v", row, like=like[1])
        return output.astype(like[0].dtype), dz

    call = _derivative("log_softmax_jvp", x, {"v": v}, axis, temperature, where, output)
    return _write_pair(call.result(join), out)


def log_softmax_vjp(
    x: Any, g: Any, axis: Any, temperature: Any, where: Any, output: Any, out: Any
) -> Any:
    def join(call: Call, like: Any) -> Any:
        leave = partial(pieces.sum_of_shown, axes=call.axes)
        _, total = call.fold(leave, pieces.merge_sums, primal, "g", "where")
        if output is not None:
            return _map(call, pieces.log_softmax_cotangent, "output", "g", total, like=like)
        own, row = _states(call, pieces.state_for_log_softmax, "x", NONE)
        return _map(call, pieces.log_softmax_vjp, "x", "g", own, row, total, like=like)

    primal = "x" if output is None else "output"
    call = _derivative("log_softmax_vjp", x, {"g": g}, axis, temperature, where, output)
    return _write(call.result(join), out)


def logsumexp_jvp(
    x: Any, v: Any, axis: Any, keepdims: bool, temperature: Any, where: Any, output: Any, out: Any
) -> Any:
    def join(call: Call, like: Any) -> Any:
        _, row = _states(call, pieces.state_for_softmax, "x", "v")
        options = {"axes": call.axes, "keepdims": keepdims, "dtype": like[1].dtype}
        tangent = partial(pieces.logsumexp_tangent, **options)
        dL = call.map(tangent, row, like=like[1], reduces=True)
        L = logsumexp(x, axis, None, keepdims, False, temperature, where, None)
        return L.astype(dL.dtype), dL

    call = _derivative("logsumexp_jvp", x, {"v": v}, axis, temperature, where, None, keepdims)
    L, dL = call.result(join, reduces=True)
    L = L if output is None else da.broadcast_to(output, L.shape).astype(L.dtype)
    return _write_pair((L, dL), out)


def logsumexp_vjp(
    x: Any, g: Any, axis: Any, keepdims: bool, temperature: Any, where: Any, output: Any, out: Any
) -> Any:
    def join(call: Call, like: Any) -> Any:
        own, row = _states(call, pieces.state_for_softmax, "x", NONE)
        finish = partial(pieces.logsumexp_vjp, keepdims=keepdims)
        return _map(call, finish, "x", "g", own, row, like=like)

    along, per_row = ({"g": g}, {}) if keepdims else ({}, {"g": g})
    call = Call(
        "logsumexp_vjp",
        {"x": x},
        {**along, "where": where},
        {**per_row, "temperature": temperature},
        axis=axis,
        keepdims=keepdims,
        output=None,
        out=None,
    )
    return _write(call.result(join), out)


def _call(
    name: str, rows: Any, along: Any, axis: Any, temperature: Any, where: Any, **options: Any
) -> Call:
    along, per_row = {**along, "where": where}, {"temperature": temperature}
    return Call(name, rows, along, per_row, axis=axis, out=None, **options)


def _derivative(
    name: str,
    x: Any,
    tangent: Any,
    axis: Any,
    temperature: Any,
    where: Any,
    output: Any,
    keepdims: bool | None = None,
) -> Call:
    """A call whose rows are x, or where that is given, its output."""
    rows = {"output": output} if x is None or output is not None else {"x": x}
    absent = {"x": None} if output is not None else {"output": None}
    options = absent if keepdims is None else {**absent, "keepdims": keepdims}
    return _call(name, rows, tangent, axis, temperature, where, **options)


def logcumsumexp(x: Any, axis: Any, temperature: Any, out: Any) -> Any:
    return _write(_scan("logcumsumexp", x, {}, axis, temperature), out)


def logcumsumexp_jvp(x: Any, v: Any, axis: Any, temperature: Any, out: Any) -> Any:
    return _write_pair(_scan("logcumsumexp_jvp", x, {"v": v}, axis, temperature), out)


def logcumsumexp_vjp(x: Any, g: Any, axis: Any, temperature: Any, out: Any) -> Any:
    return _write(_scan("logcumsumexp_vjp", x, {"g": g}, axis, temperature), out)


def _scan(name: str, x: Any, along: Any, axis: Any, temperature: Any) -> Any:
    """Rows in pieces are put together."""
    per_row = {"temperature": temperature}
    return Call(name, {"x": x}, along, per_row, axis=axis, out=None).result()


def _states(call: Call, state: Any, *given: Any) -> tuple[Cut, Cut]:
    """The states of the pieces, and of the rows."""
    leave = partial(state, axes=call.axes)
    return call.fold(leave, pieces.merge_states, *given, "temperature", "where")


def _pairs(call: Call) -> Cut:
    leave = partial(pieces.pair_of, axes=call.axes)
    return call.fold(leave, pieces.merge_pairs, "a", "b", "temperature", "where")[1]


def _map(call: Call, finish: Any, *given: Any, like: Any) -> Any:
    return call.map(partial(finish, axes=call.axes), *given, "temperature", "where", like=like)


def _write(y: Any, out: Any) -> Any:
    """The result, in `out` if there is one, which stands for it from now on."""
    if out is None:
        return y
    check_out(out, y.shape, y.dtype)
    out[...] = y
    return out


def _write_pair(results: Any, out: Any) -> tuple[Any, Any]:
    y, dy = check_pair(out)
    return _write(results[0], y), _write(results[1], dy)


cross_entropy = partial(by_formula, log_softmax, log_softmax_vjp)
