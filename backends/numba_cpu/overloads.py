"""softkern's operations inside code that Numba compiles: their arguments, and the kernels they go to.

Each operation is a function of the types of a call's arguments, with the names and defaults that it has
outside; it gives Numba the function to compile for them. What cannot be had is refused there and then.
"""

from math import inf

import numpy as np
from numba import carray, njit, types
from numba.core.errors import TypingError

from .linked import linked, number_on_stack
from .linked_calls import (
    along,
    apart_from,
    as_double,
    as_given,
    checked,
    cotangent_lines,
    fits_stack,
    no_lines,
    run_arrays,
    run_on_stack,
    shape_without,
    target,
    whole,
)

_FLOATS = (types.float32, types.float64)


def is_none(argument):
    return isinstance(argument, types.NoneType) or getattr(argument, "value", argument) is None


def refuse(advice, *arguments):
    """Raise unless these are left at None or False."""
    for a in arguments:
        if not is_none(a) and getattr(a, "value", a) is not False:
            raise TypingError(f"inside @njit softkern takes no {advice}")


def reader(*arrays):
    """What makes arrays of one kind of float of these, some of which may be None."""
    numbers = {a.dtype if isinstance(a, types.Array) else a for a in arrays if not is_none(a)}
    for number in numbers:
        if number not in _FLOATS and not isinstance(number, (types.Integer, types.Boolean)):
            raise TypingError(f"inside @njit softkern takes arrays of real numbers, not {number}")
    if not any(isinstance(a, types.Array) and a.ndim for a in arrays):
        raise TypingError("inside @njit softkern takes arrays of one or more dimensions")
    return as_given if len(numbers) == 1 and numbers <= set(_FLOATS) else as_double


def viewer(axis):
    """What makes rows along the axis of an array."""
    if is_none(axis):
        return whole
    if isinstance(getattr(axis, "value", axis), (int, types.Integer)):
        return along
    raise TypingError(f"inside @njit axis must be None or an integer, not {axis}")


def _check_out(out, x, ndim):
    if is_none(out):
        return
    number = x.dtype if x.dtype in _FLOATS else types.float64
    fits = isinstance(out, types.Array) and out.layout == "C" and out.mutable
    if not fits or out.dtype != number or out.ndim != ndim:
        raise TypingError(f"inside @njit out must be a C-contiguous {ndim}-d array of {number}")


def _entrywise(kernel):
    def typed(x, axis=None, temperature=1.0, where=None, out=None):
        refuse("where: set what is hidden to -inf", where)
        read, view = reader(x), viewer(axis)
        _check_out(out, x, x.ndim)
        is_row = x.ndim == 1

        def call(x, axis=None, temperature=1.0, where=None, out=None):
            t, own = checked(temperature), read(x)
            y = target(out, own, own.shape)
            own = apart_from(own, y)
            address, rows = linked(kernel, own), view(own, axis)
            if is_row and fits_stack(own):
                run_on_stack(address, own, y, t, False)
                return y
            none = rows[:0]
            arrays = rows, none, y.reshape(rows.shape), none
            run_arrays(address, arrays, no_lines(own), t, False, False, False, False)
            return y

        return call

    return typed


softmax = _entrywise("softmax")
log_softmax = _entrywise("log_softmax")


def logsumexp(
    a, axis=None, b=None, keepdims=False, return_sign=False, temperature=1.0, where=None, out=None
):
    refuse("b, keepdims, return_sign or where", b, keepdims, return_sign, where)
    read, view = reader(a), viewer(axis)
    if view is along and a.ndim > 1:
        _check_out(out, a, a.ndim - 1)

        def of_rows(
            a,
            axis=None,
            b=None,
            keepdims=False,
            return_sign=False,
            temperature=1.0,
            where=None,
            out=None,
        ):
            t, own = checked(temperature), read(a)
            L = target(out, own, shape_without(own, axis))
            own = apart_from(own, L)
            rows = view(own, axis)
            none = rows[:0]
            arrays = rows, none, L.reshape((rows.shape[0], 1, rows.shape[2])), none
            address = linked("logsumexp", own)
            run_arrays(address, arrays, no_lines(own), t, True, False, False, False)
            if rows.shape[1] == 0:
                L[...] = -inf
            return L

        return of_rows
    refuse("out for a result that is a number", out)
    is_row = a.ndim == 1

    def of_all(
        a,
        axis=None,
        b=None,
        keepdims=False,
        return_sign=False,
        temperature=1.0,
        where=None,
        out=None,
    ):
        t, own = checked(temperature), read(a)
        rows = view(own, axis)
        if own.size == 0:
            return own.dtype.type(-inf)
        L, address = carray(number_on_stack(own), 1), linked("logsumexp", own)
        if is_row and fits_stack(own):
            run_on_stack(address, own, L, t, True)
            return L[0]
        none = rows[:0]
        arrays = rows, none, L.reshape((1, 1, 1)), none
        run_arrays(address, arrays, no_lines(own), t, True, False, False, False)
        return L[0]

    return of_all


def _jvp(kernel):
    def typed(x, v, axis=None, temperature=1.0, where=None, output=None, out=None):
        refuse("where, output or out in a JVP", where, output, out)
        read, view = reader(x, v), viewer(axis)

        def call(x, v, axis=None, temperature=1.0, where=None, output=None, out=None):
            t, own, tangent = checked(temperature), read(x), read(v)
            if own.shape != tangent.shape:
                raise ValueError("v must have the shape of x")
            y, dy = np.empty(own.shape, own.dtype), np.empty(own.shape, own.dtype)
            rows = view(own, axis)
            arrays = rows, view(tangent, axis), y.reshape(rows.shape), dy.reshape(rows.shape)
            address = linked(kernel, own)
            run_arrays(address, arrays, no_lines(own), t, False, False, False, False)
            return y, dy

        return call

    return typed


softmax_jvp = _jvp("softmax_jvp")
log_softmax_jvp = _jvp("log_softmax_jvp")


def _vjp(kernel, is_logarithmic):
    def typed(x, g, axis=None, temperature=1.0, where=None, output=None, out=None):
        refuse("where", where)
        is_given = not is_none(output)
        primal = output if is_given else x
        read, view = reader(primal, g), viewer(axis)
        _check_out(out, primal, primal.ndim)
        given, log_given = is_given and not is_logarithmic, is_given and is_logarithmic

        @njit(nogil=True, error_model="numpy")
        def run(primal, g, axis, temperature, out):
            t, own, cotangent = checked(temperature), read(primal), read(g)
            if own.shape != cotangent.shape:
                raise ValueError("g must have the shape of x")
            dx = target(out, own, own.shape)
            own, cotangent = apart_from(own, dx), apart_from(cotangent, dx)
            rows = view(own, axis)
            arrays = rows, view(cotangent, axis), rows[:0], dx.reshape(rows.shape)
            address = linked(kernel, own)
            run_arrays(address, arrays, no_lines(own), t, False, False, given, log_given)
            return dx

        def from_x(x, g, axis=None, temperature=1.0, where=None, output=None, out=None):
            return run(x, g, axis, temperature, out)

        def from_output(x, g, axis=None, temperature=1.0, where=None, output=None, out=None):
            return run(output, g, axis, temperature, out)

        return from_output if is_given else from_x

    return typed


softmax_vjp = _vjp("softmax_jvp", False)
log_softmax_vjp = _vjp("log_softmax_vjp", True)


def logsumexp_jvp(
    x, v, axis=None, keepdims=False, temperature=1.0, where=None, output=None, out=None
):
    refuse("keepdims, where, output or out in a JVP", keepdims, where, output, out)
    read, view = reader(x, v), viewer(axis)

    @njit(nogil=True, error_model="numpy")
    def run(x, v, axis, temperature, L, dL):
        t, own, tangent = checked(temperature), read(x), read(v)
        if own.shape != tangent.shape:
            raise ValueError("v must have the shape of x")
        rows = view(own, axis)
        shape = rows.shape[0], 1, rows.shape[2]
        arrays = rows, view(tangent, axis), L.reshape(shape), dL.reshape(shape)
        address = linked("logsumexp_jvp", own)
        run_arrays(address, arrays, no_lines(own), t, True, False, False, False)
        if rows.shape[1] == 0:
            L[...], dL[...] = -inf, 0.0

    def of_rows(
        x, v, axis=None, keepdims=False, temperature=1.0, where=None, output=None, out=None
    ):
        shape, like = shape_without(x, axis), read(x[:0])
        L, dL = np.empty(shape, like.dtype), np.empty(shape, like.dtype)
        run(x, v, axis, temperature, L, dL)
        return L, dL

    def of_all(x, v, axis=None, keepdims=False, temperature=1.0, where=None, output=None, out=None):
        like = read(x[:0])
        L, dL = np.empty(1, like.dtype), np.empty(1, like.dtype)
        run(x, v, axis, temperature, L, dL)
        return L[0], dL[0]

    return of_rows if view is along and x.ndim > 1 else of_all


def logsumexp_vjp(
    x, g, axis=None, keepdims=False, temperature=1.0, where=None, output=None, out=None
):
    refuse("keepdims, where or output in this VJP", keepdims, where, output)
    read, view = reader(x, g), viewer(axis)
    _check_out(out, x, x.ndim)

    def call(x, g, axis=None, keepdims=False, temperature=1.0, where=None, output=None, out=None):
        t, own = checked(temperature), read(x)
        dx = target(out, own, own.shape)
        own = apart_from(own, dx)
        rows = view(own, axis)
        none = rows[:0]
        lines = cotangent_lines(np.asarray(g), own, rows.shape[0] * rows.shape[2])
        arrays = rows, none, dx.reshape(rows.shape), none
        address = linked("logsumexp_vjp", own)
        run_arrays(address, arrays, lines, t, False, False, False, False)
        return dx

    return call
