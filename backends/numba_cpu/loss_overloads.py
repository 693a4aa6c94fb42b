"""Cross-entropy to classes inside code that Numba compiles, as `overloads` has the other operations."""

import numba
import numpy as np
from numba import types
from numba.core.errors import TypingError

from .caching import njit
from .linked import linked
from .linked_calls import checked, class_lines, of_each, run_arrays, shape_without, total
from .overloads import flattener, is_none, reader, viewer
from .own import LOSS


def _losses_of(logits, target, g, axis, temperature, options, reduction):
    """What finds the losses of rows, and their gradient, for cotangents g; g is None for the losses."""
    for option in options:
        if isinstance(option, types.Type) and not isinstance(
            option, (types.Omitted, types.NoneType)
        ):
            raise TypingError(
                "inside @njit cross-entropy takes no weight, ignore_index or smoothing"
            )
    if is_none(axis):
        raise TypingError("inside @njit cross-entropy has one axis of classes, not None")
    (_, read), view = reader(temperature, logits), viewer(axis)
    classes_of, gradient = flattener(target, "target", logits, axis), g is not None
    is_per_row = isinstance(target, types.Array) or logits.ndim == 1
    if not is_per_row or not isinstance(getattr(target, "dtype", target), types.Integer):
        raise TypingError("inside @njit cross-entropy is to classes: integers, one a row")
    cotangents_of = flattener(g if gradient else 1.0, "g", logits, axis)
    if cotangents_of is of_each and _name_of(reduction) != "none":
        raise TypingError("inside @njit g must be a number where losses are reduced")
    is_mean = _name_of(reduction) == "mean"

    @numba.njit(nogil=True, error_model="numpy")
    def run(logits, target, g, axis, temperature):
        t, own = checked(temperature), read(logits)
        rows = view(own, axis)
        count = rows.shape[0] * rows.shape[2]
        classes = classes_of(target, own, axis)
        cotangents = cotangents_of(g, own, axis) / (count if is_mean else 1)
        lines = class_lines(classes, cotangents, own, count, rows.shape[1])
        none = rows[:0]
        dx = np.empty_like(rows) if gradient else none
        kernels = linked("cross_entropy_of_class", own)
        run_arrays(kernels, (rows, none, dx, none), lines, t, not gradient, True, False, False)
        return lines[LOSS], dx

    return run


def _name_of(reduction):
    name = getattr(reduction, "literal_value", getattr(reduction, "value", reduction))
    if name not in ("mean", "sum", "none"):
        raise TypingError(
            'inside @njit reduction must be "mean", "sum" or "none", written in the call'
        )
    return name


def _reducer(logits, reduction):
    """What makes the result of the losses of rows."""
    if _name_of(reduction) == "mean":
        return _mean
    if _name_of(reduction) == "sum":
        return _sum
    return _first if logits.ndim == 1 else _each


@njit(nogil=True, error_model="numpy")
def _mean(losses, logits, axis):
    return losses.dtype.type(total(losses) / losses.size)


@njit(nogil=True)
def _sum(losses, logits, axis):
    return losses.dtype.type(total(losses))


@njit(nogil=True)
def _first(losses, logits, axis):
    return losses[0]


@njit(nogil=True)
def _each(losses, logits, axis):
    return losses.copy().reshape(shape_without(logits, axis))


def cross_entropy(
    logits,
    target,
    axis=-1,
    weight=None,
    ignore_index=None,
    label_smoothing=0.0,
    reduction="mean",
    temperature=1.0,
):
    options = weight, ignore_index, label_smoothing
    run = _losses_of(logits, target, None, axis, temperature, options, reduction)
    reduced = _reducer(logits, reduction)

    def call(
        logits,
        target,
        axis=-1,
        weight=None,
        ignore_index=None,
        label_smoothing=0.0,
        reduction="mean",
        temperature=1.0,
    ):
        return reduced(run(logits, target, 1.0, axis, temperature)[0], logits, axis)

    return call


def cross_entropy_vjp(
    logits,
    target,
    g,
    axis=-1,
    weight=None,
    ignore_index=None,
    label_smoothing=0.0,
    reduction="mean",
    temperature=1.0,
):
    options = weight, ignore_index, label_smoothing
    run = _losses_of(logits, target, g, axis, temperature, options, reduction)

    def call(
        logits,
        target,
        g,
        axis=-1,
        weight=None,
        ignore_index=None,
        label_smoothing=0.0,
        reduction="mean",
        temperature=1.0,
    ):
        return run(logits, target, g, axis, temperature)[1].reshape(logits.shape)

    return call


def cross_entropy_value_and_grad(
    logits,
    target,
    axis=-1,
    weight=None,
    ignore_index=None,
    label_smoothing=0.0,
    reduction="mean",
    temperature=1.0,
):
    options = weight, ignore_index, label_smoothing
    run = _losses_of(logits, target, 1.0, axis, temperature, options, reduction)
    reduced = _reducer(logits, reduction)

    def call(
        logits,
        target,
        axis=-1,
        weight=None,
        ignore_index=None,
        label_smoothing=0.0,
        reduction="mean",
        temperature=1.0,
    ):
        losses, dx = run(logits, target, 1.0, axis, temperature)
        return reduced(losses, logits, axis), dx.reshape(logits.shape)

    return call
