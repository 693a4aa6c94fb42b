"""Labels of rows, and the cross-entropy to them as a formula for any array."""

from collections.abc import Callable
from math import inf
from typing import Any, NamedTuple

from array_api_compat import array_namespace, device

from .rows import is_half


class Labels(NamedTuple):
    """What the loss of each row is: share (-z)[class] + share_of_all <all, -z>, z its log-softmax."""

    axis: int
    classes: Any  # one a row, any where its share is 0; or None
    share: Any  # a number or one a row
    all: Any  # one an entry, broadcast against the rows; or None
    share_of_all: Any  # a number or one a row


def by_formula(
    log_softmax: Callable[..., Any],
    log_softmax_vjp: Callable[..., Any],
    x: Any,
    labels: Labels,
    temperature: Any,
    g: Any,
    value: bool,
) -> tuple[Any, Any]:
    """The losses of the rows, if they are wanted, and the cotangent of x, if g, theirs, is given.

    The labels are written out in full: in the array API standard that is how an entry a row is had.
    """
    xp, axis = array_namespace(x), labels.axis
    x = xp.astype(x, xp.float32) if is_half(x.dtype) else x
    q = _in_full(xp, x, labels)
    losses = dx = None
    if value:
        z = log_softmax(x, axis, temperature, None, None)
        z = xp.where((q == 0) & (z == -inf), 0.0, z)
        losses = -xp.sum(q * z, axis=axis)
    if g is not None:
        cotangent = -_beside(xp, g, axis) * q
        dx = log_softmax_vjp(x, cotangent, axis, temperature, None, None, None)
    return losses, dx


def _in_full(xp: Any, x: Any, labels: Labels) -> Any:
    """The labels q of all entries, so that a row's loss is <q, -z>."""
    q = 0.0
    if labels.classes is not None:
        shape = tuple(n if k == labels.axis else 1 for k, n in enumerate(x.shape))
        numbers = xp.reshape(xp.arange(x.shape[labels.axis], device=device(x)), shape)
        own = numbers == xp.expand_dims(labels.classes, axis=labels.axis)
        q = xp.astype(own, x.dtype) * _beside(xp, labels.share, labels.axis)
    if labels.all is not None:
        q = q + labels.all * _beside(xp, labels.share_of_all, labels.axis)
    return q


def _beside(xp: Any, a: Any, axis: int) -> Any:
    """One number a row, to multiply rows by."""
    return xp.expand_dims(a, axis=axis) if getattr(a, "ndim", 0) else a
