"""Every operation of softkern under one signature, for tests that ask the same of them all."""

import numpy as np
from arrays import OPERATIONS, VALUES, call, one_a_row

import softkern


def _of(name):
    def operation(x, u, axis, **options):
        return call(softkern, name, x, u, axis, **options)

    return operation


def _given(value, derivative):
    """The derivative where the value is at hand, and the rows are not."""

    def operation(x, u, axis, **options):
        output = getattr(softkern, value)(x, axis)
        results = getattr(softkern, derivative)(None, u, axis, output=output, **options)
        return results if isinstance(results, tuple) else (results,)

    return operation


def _losses(x, u, axis):
    labels = np.zeros(one_a_row(x, axis).shape, np.int64)
    labelled = softkern.cross_entropy_value_and_grad(x, labels, axis, reduction="none")
    q = softkern.softmax(u, axis)
    return *labelled, *softkern.cross_entropy_value_and_grad(x, q, axis, reduction="none")


def _relatives(x, u, axis):
    return (
        *softkern.partial_logsumexp(x, axis),
        *softkern.boltzmann_jvp(x, u, axis),
        softkern.softmin(x, axis),
        softkern.hardmax(x, axis),
    )


def _running(x, u, axis):
    tangents = softkern.logcumsumexp_jvp(x, u, axis)
    return softkern.logcumsumexp(x, axis), *tangents, softkern.logcumsumexp_vjp(x, u, axis)


def _segments(x, u, axis):
    x, u = np.moveaxis(x, axis, 0), np.moveaxis(u, axis, 0)
    n = len(x)
    cuts = {"offsets": [0, n // 3, n // 3, n]}
    return (
        *softkern.segment_softmax_jvp(x, u, **cuts),
        softkern.segment_softmax_vjp(x, u, **cuts),
        *softkern.segment_logsumexp_jvp(x, u, **cuts),
        softkern.segment_logsumexp(x, **cuts),
    )


GIVEN = [(name, f"{name}_{kind}") for name in VALUES[:2] for kind in ("jvp", "vjp")]

# name -> f(x, u, axis, out=None), a tuple of results
WITH_OUT = {name: _of(name) for name in OPERATIONS} | {
    f"{derivative}_given": _given(value, derivative) for value, derivative in GIVEN
}
# name -> f(x, u, axis), likewise
WITHOUT_OUT = {f.__name__[1:]: f for f in (_losses, _relatives, _running, _segments)}
