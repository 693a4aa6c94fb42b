"""The kernels of one row as functions that C can call.

Each is `int f(T *x, intptr_t n, T *y, void *temperature)`, with a T that is float or double: 0 for a
temperature that it does not take, else 1, and y holds the results.
"""

from functools import cache
from math import inf
from typing import Any

from numba import carray, types

from .caching import cfunc
from .launch import COLDEST, HOTTEST
from .linked import linked
from .linked_calls import (
    apart_from,
    compiled,
    fits_stack,
    no_lines,
    run_arrays,
    run_on_stack,
)


@compiled
def _temperature(place):
    """The number at a pointer, 1 if that is NULL."""
    given = carray(place, 1)
    return given[0] if given.ctypes.data else 1.0


@compiled
def _run(kernels, x, y, temperature, reduced):
    t = _temperature(temperature)
    if not COLDEST <= t <= HOTTEST:
        return 0
    x = apart_from(x, y)
    if fits_stack(x):
        run_on_stack(kernels, x, y, t, reduced)
        return 1
    if reduced:
        y[0] = -inf
    rows = x.reshape((1, x.size, 1))
    none = rows[:0]
    arrays = rows, none, y.reshape((1, y.size, 1)), none
    run_arrays(kernels, arrays, no_lines(x), t, reduced, False, False, False)
    return 1


def softmax(x, n, y, temperature):
    row = carray(x, n)
    return _run(linked("softmax", row), row, carray(y, n), temperature, False)


def log_softmax(x, n, y, temperature):
    row = carray(x, n)
    return _run(linked("log_softmax", row), row, carray(y, n), temperature, False)


def logsumexp(x, n, y, temperature):
    row = carray(x, n)
    return _run(linked("logsumexp", row), row, carray(y, 1), temperature, True)


FUNCTIONS = {f.__name__: f for f in (softmax, log_softmax, logsumexp)}


@cache
def c_function(name: str, number: types.Type) -> Any:
    """The compiled function; its `address` is C's."""
    numbers, temperature = types.CPointer(number), types.CPointer(types.float64)
    signature = types.intc(numbers, types.intp, numbers, temperature)
    return cfunc(signature, error_model="numpy")(FUNCTIONS[name])
