"""softkern's operations inside code that Numba compiles: their arguments, and the kernels they go to.

Each operation is a function of the types of a call's arguments, with the names and defaults that it has
outside; it gives Numba the function to compile for them. What cannot be had is refused there and then.
"""

from math import inf

import numpy as np
from numba import carray, njit, types
from numba.core.errors import TypingError
from numba.np.numpy_support import as_dtype, from_dtype

from ..rows import result_dtype
from .linked import linked, number_on_stack
from .linked_calls import (
    along,
    apart_from,
    as_double,
    as_given,
    as_single,
    checked,
    cotangent_lines,
    fits_stack,
    no_lines,
    of_all,
    of_each,
    run_arrays,
    run_on_stack,
    shape_without,
    target,
    whole,
)

_NUMBERS = (types.Integer, types.Float)
_READERS = {types.float32: as_single, types.float64: as_double}


def is_none(argument):
    return isinstance(argument, types.NoneType) or getattr(argument, "value", argument) is None


def refuse(advice, *arguments):
    """Raise unless these are left at None or False."""
    for a in arguments:
        if not is_none(a) and getattr(a, "value", a) is not False:
            raise TypingError(f"inside @njit softkern takes no {advice}")


def reader(temperature, *arrays):
    """The kind of float of the results, and what makes such arrays of these; all as outside."""
    for a in arrays:
        if not isinstance(a, types.Array) or a.ndim == 0:
            raise TypingError(
                f"inside @njit softkern takes arrays of one or more dimensions, not {a}"
            )
        if a.dtype not in _READERS and not isinstance(a.dtype, (types.Integer, types.Boolean)):
            raise TypingError(f"inside @njit softkern takes arrays of real numbers, not {a.dtype}")
    if not isinstance(getattr(temperature, "value", temperature), (int, float, *_NUMBERS)):
        raise TypingError(f"inside @njit temperature must be a number, not {temperature}")
    number = from_dtype(result_dtype([as_dtype(a.dtype) for a in arrays]))
    return number, as_given if all(a.dtype == number for a in arrays) else _READERS[number]


def viewer(axis):
    """What makes rows along the axis of an array."""
    if is_none(axis):
        return whole
    if isinstance(getattr(axis, "value", axis), (int, types.Integer)):
        return along
    raise TypingError(f"inside @njit axis must be None or an integer, not {axis}")


def flattener(a, name, x, axis):
    """What makes a row of the numbers that rows have of their own: of one a row, or of one for all."""
    dimensions = 0 if is_none(axis) else x.ndim - 1
    if isinstance(a, types.Array) and 0 < a.ndim == dimensions:
        return of_each
    if isinstance(a, (int, float, *_NUMBERS)):
        return of_all
    raise TypingError(f"inside @njit {name} must be a number a row, not {a}")


def _check_out(out, number, ndim):
    if is_none(out):
        return
    fits = isinstance(out, types.Array) and out.layout == "C" and out.mutable
    if not fits or out.dtype != number or out.ndim != ndim:
        raise TypingError(f"inside @njit out must be a C-contiguous {ndim}-d array of {number}")


def _entrywise(operation):
    def typed(x, axis=None, temperature=1.0, where=None, out=None):
        refuse("where: set what is hidden to -inf", where)
        (number, read), view = reader(temperature, x), viewer(axis)
        _check_out(out, number, x.ndim)
        is_row = x.ndim == 1

        def call(x, axis=None, temperature=1.0, where=None, out=None):
            t, own = checked(temperature), read(x)
            y = target(out, own, own.shape)
            own = apart_from(own, y)
            kernels, rows = linked(operation, own), view(own, axis)
            if is_row and fits_stack(own):
                run_on_stack(kernels, own, y, t, False)
                return y
            none = rows[:0]
            arrays = rows, none, y.reshape(rows.shape), none
            run_arrays(kernels, arrays, no_lines(own), t, False, False, False, False)
            return y

        return call

    return typed


softmax = _entrywise("softmax")
log_softmax = _entrywise("log_softmax")


def logsumexp(
    a, axis=None, b=None, keepdims=False, return_sign=False, temperature=1.0, where=None, out=None
):
    refuse("b, keepdims, return_sign or where", b, keepdims, return_sign, where)
    (number, read), view = reader(temperature, a), viewer(axis)
    if view is along and a.ndim > 1:
        _check_out(out, number, a.ndim - 1)

        def of_each_row(
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
            kernels = linked("logsumexp", own)
            run_arrays(kernels, arrays, no_lines(own), t, True, False, False, False)
            if rows.shape[1] == 0:
                L[...] = -inf
            return L

        return of_each_row
    refuse("out for a result that is a number", out)
    is_row = a.ndim == 1

    def of_one_row(
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
        L, kernels = carray(number_on_stack(own), 1), linked("logsumexp", own)
        if is_row and fits_stack(own):
            run_on_stack(kernels, own, L, t, True)
            return L[0]
        none = rows[:0]
        arrays = rows, none, L.reshape((1, 1, 1)), none
        run_arrays(kernels, arrays, no_lines(own), t, True, False, False, False)
        return L[0]

    return of_one_row


def _jvp(operation):
    def typed(x, v, axis=None, temperature=1.0, where=None, output=None, out=None):
        refuse("where, output or out in a JVP", where, output, out)
        (_, read), view = reader(temperature, x, v), viewer(axis)

        def call(x, v, axis=None, temperature=1.0, where=None, output=None, out=None):
            t, own, tangent = checked(temperature), read(x), read(v)
            if own.shape != tangent.shape:
                raise ValueError("v must have the shape of x")
            y, dy = np.empty(own.shape, own.dtype), np.empty(own.shape, own.dtype)
            rows = view(own, axis)
            arrays = rows, view(tangent, axis), y.reshape(rows.shape), dy.reshape(rows.shape)
            kernels = linked(operation, own)
            run_arrays(kernels, arrays, no_lines(own), t, False, False, False, False)
            return y, dy

        return call

    return typed


softmax_jvp = _jvp("softmax_jvp")
log_softmax_jvp = _jvp("log_softmax_jvp")


def _vjp(operation, is_logarithmic):
    def typed(x, g, axis=None, temperature=1.0, where=None, output=None, out=None):
        refuse("where", where)
        is_given = not is_none(output)
        primal = output if is_given else x
        (number, read), view = reader(temperature, primal, g), viewer(axis)
        _check_out(out, number, primal.ndim)
        given, log_given = is_given and not is_logarithmic, is_given and is_logarithmic
        kernel = "jacobian_product" if given else operation

        @njit(nogil=True, error_model="numpy")
        def run(primal, g, axis, temperature, out):
            t, own, cotangent = checked(temperature), read(primal), read(g)
            if own.shape != cotangent.shape:
                raise ValueError("g must have the shape of x")
            dx = target(out, own, own.shape)
            own, cotangent = apart_from(own, dx), apart_from(cotangent, dx)
            rows = view(own, axis)
            arrays = rows, view(cotangent, axis), rows[:0], dx.reshape(rows.shape)
            kernels = linked(kernel, own)
            run_arrays(kernels, arrays, no_lines(own), t, False, False, given, log_given)
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
    (_, read), view = reader(temperature, x, v), viewer(axis)

    @njit(nogil=True, error_model="numpy")
    def run(x, v, axis, temperature, L, dL):
        t, own, tangent = checked(temperature), read(x), read(v)
        if own.shape != tangent.shape:
            raise ValueError("v must have the shape of x")
        rows = view(own, axis)
        shape = rows.shape[0], 1, rows.shape[2]
        arrays = rows, view(tangent, axis), L.reshape(shape), dL.reshape(shape)
        kernels = linked("logsumexp_jvp", own)
        run_arrays(kernels, arrays, no_lines(own), t, True, False, False, False)
        if rows.shape[1] == 0:
            L[...], dL[...] = -inf, 0.0

    def of_each_row(
        x, v, axis=None, keepdims=False, temperature=1.0, where=None, output=None, out=None
    ):
        shape, like = shape_without(x, axis), read(x[:0])
        L, dL = np.empty(shape, like.dtype), np.empty(shape, like.dtype)
        run(x, v, axis, temperature, L, dL)
        return L, dL

    def of_one_row(
        x, v, axis=None, keepdims=False, temperature=1.0, where=None, output=None, out=None
    ):
        like = read(x[:0])
        L, dL = np.empty(1, like.dtype), np.empty(1, like.dtype)
        run(x, v, axis, temperature, L, dL)
        return L[0], dL[0]

    return of_each_row if view is along and x.ndim > 1 else of_one_row


def logsumexp_vjp(
    x, g, axis=None, keepdims=False, temperature=1.0, where=None, output=None, out=None
):
    refuse("keepdims, where or output in this VJP", keepdims, where, output)
    (number, read), view = reader(temperature, x), viewer(axis)
    flat = flattener(g, "g", x, axis)
    if flat is of_each:
        number, read = reader(temperature, x, g)
    _check_out(out, number, x.ndim)

    def call(x, g, axis=None, keepdims=False, temperature=1.0, where=None, output=None, out=None):
        t, own = checked(temperature), read(x)
        dx = target(out, own, own.shape)
        own = apart_from(own, dx)
        rows = view(own, axis)
        none = rows[:0]
        lines = cotangent_lines(flat(g, own, axis), own, rows.shape[0] * rows.shape[2])
        arrays = rows, none, dx.reshape(rows.shape), none
        kernels = linked("logsumexp_vjp", own)
        run_arrays(kernels, arrays, lines, t, False, False, False, False)
        return dx

    return call
