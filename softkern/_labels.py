"""The arguments of a cross-entropy: labels of rows, and what their losses are divided by."""

from math import nan, prod
from operator import index
from typing import Any, NamedTuple

from ._arrays import as_floats, check_real, namespace
from ._dispatch import PLAIN, backend


class Problem(NamedTuple):
    """A cross-entropy, its arguments checked and read."""

    backend: Any
    x: Any
    dtype: Any  # of the results
    labels: Any
    temperature: Any
    reduction: str
    divisor: Any  # of the sum of losses, where their mean is wanted

    def value(self) -> Any:
        """The loss."""
        return self._reduced(self._run(None, True)[0])

    def vjp(self, g: Any) -> Any:
        """The cotangent of the logits for that of the loss."""
        return self._rounded(self._run(self._of_rows(g), False)[1])

    def value_and_grad(self) -> tuple[Any, Any]:
        """The loss and its gradient."""
        losses, gradient = self._run(self._of_rows(1.0), True)
        return self._reduced(losses), self._rounded(gradient)

    def _run(self, g: Any, value: bool) -> Any:
        return self.backend.cross_entropy(self.x, self.labels, self.temperature, g, value)

    def _reduced(self, losses: Any) -> Any:
        from .backends.array_api.rows import widest

        xp = namespace(losses)
        if self.reduction != "none":
            losses = xp.sum(losses, dtype=xp.result_type(losses.dtype, widest(xp)))
        if self.reduction == "mean":
            losses = _quotient(losses, self.divisor)
        losses = self._rounded(losses)
        return losses if losses.shape else losses[()]

    def _rounded(self, a: Any) -> Any:
        return a if a.dtype == self.dtype else namespace(a).astype(a, self.dtype)

    def _of_rows(self, g: Any) -> Any:
        """The cotangents of the rows' losses."""
        if not isinstance(g, (int, float)):
            g = as_floats(g, self.x)
            shape = _shape_of_rows(self.x, self.labels.axis) if self.reduction == "none" else ()
            if tuple(g.shape) not in (shape, ()):
                raise ValueError(f"g must have the loss's shape {shape}, not {tuple(g.shape)}")
        return _quotient(g, self.divisor) if self.reduction == "mean" else g


def problem(
    logits: Any,
    target: Any,
    axis: int,
    weight: Any,
    ignore_index: int | None,
    label_smoothing: float,
    reduction: str,
    temperature: Any,
) -> Problem:
    """The cross-entropy of these arguments; raise if they are not one."""
    from array_api_compat import device

    from .backends.array_api.rows import is_half, result_dtype, widest
    from .backends.rows import reduced_axes

    found = backend(logits, temperature, target, weight)
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f'reduction must be "none", "mean" or "sum", not {reduction!r}')
    if not 0.0 <= label_smoothing <= 1.0:
        raise ValueError(f"label_smoothing must be from 0 to 1, not {label_smoothing}")
    x = as_floats(logits)
    check_real(x)
    if not x.ndim:
        raise ValueError("logits must have an axis of classes; this is one number")
    xp, (axis,) = namespace(x), reduced_axes(index(axis), x.ndim)
    target = _array(target, x)
    if not x.shape[axis]:
        raise ValueError("there must be at least one class")
    if is_half(target.dtype) or xp.isdtype(target.dtype, "real floating"):
        dtype, of_classes = result_dtype(xp, [x.dtype, target.dtype]), False
    elif xp.isdtype(target.dtype, "integral"):
        dtype, of_classes = x.dtype, True
    else:
        raise TypeError(f"a target is of integers or of floats, not of {target.dtype}")
    wide = xp.float32 if is_half(dtype) else dtype
    if weight is not None:
        weight = _read_weight(weight, x, axis, wide)
    if of_classes:
        labels, share = _of_classes(x, target, axis, weight, ignore_index, label_smoothing)
    elif ignore_index is not None:
        raise ValueError("ignore_index is a class, and probabilities are given")
    else:
        labels, share = _of_probabilities(x, target, axis, weight, label_smoothing, wide), 1.0
    of_one = isinstance(share, float)
    total = prod(_shape_of_rows(x, axis)) if of_one else xp.sum(share, dtype=widest(xp))
    divisor = xp.asarray(total, dtype=widest(xp), device=device(x)) if of_one else total
    return Problem(found, x, dtype, labels, temperature, reduction, divisor)


def _of_classes(
    x: Any, classes: Any, axis: int, weight: Any, ignored: int | None, smoothing: float
) -> tuple[Any, Any]:
    """The labels of rows of classes, and each row's share of the mean."""
    from .backends.array_api.labels import Labels

    xp, n = namespace(x), x.shape[axis]
    if tuple(classes.shape) != _shape_of_rows(x, axis):
        raise ValueError(
            f"classes must have the shape of logits less their axis, {_shape_of_rows(x, axis)}, "
            f"not {tuple(classes.shape)}; probabilities must be floats"
        )
    hidden = None if ignored is None else classes == ignored
    safe = classes if hidden is None else xp.where(hidden, 0, classes)
    outside = _outside(safe, n)
    safe = safe if outside is None else xp.where(outside, 0, safe)
    share: Any = 1.0
    if weight is not None:
        flat = xp.take(xp.reshape(weight, (-1,)), xp.reshape(safe, (-1,)))
        share = xp.reshape(flat, safe.shape)
    if outside is not None:
        share = xp.where(outside, nan, share)
    share_of_all: Any = smoothing / n
    if hidden is not None:
        share = xp.where(hidden, 0.0, share)
        share_of_all = xp.where(hidden, 0.0, share_of_all)
    of_all = None
    if smoothing:
        of_all = _along(xp.ones((n,), dtype=x.dtype), x, axis) if weight is None else weight
    return Labels(axis, safe, (1.0 - smoothing) * share, of_all, share_of_all), share


def _outside(classes: Any, n: int) -> Any:
    """Raise if a class is not one of n; where they cannot be looked at, say which are not."""
    from array_api_compat import is_cupy_array, is_lazy_array

    xp = namespace(classes)
    if is_cupy_array(classes) or is_lazy_array(classes):
        return (classes < 0) | (classes >= n)
    if 0 not in classes.shape:
        least, largest = int(xp.min(classes)), int(xp.max(classes))
        if least < 0 or largest >= n:
            raise IndexError(
                f"classes must be from 0 to {n - 1}, not {least if least < 0 else largest}; "
                "name one to be passed over as ignore_index"
            )
    return None


def _of_probabilities(
    x: Any, q: Any, axis: int, weight: Any, smoothing: float, dtype: Any
) -> Any:
    from .backends.array_api.labels import Labels

    if tuple(q.shape) != tuple(x.shape):
        raise ValueError(
            f"probabilities must have the shape of logits, {tuple(x.shape)}, not {tuple(q.shape)}; "
            "classes must be integers"
        )
    if smoothing or weight is not None:
        q = namespace(x).astype(q, dtype, copy=False)
        q = (1.0 - smoothing) * q + smoothing / x.shape[axis]
    return Labels(axis, None, 0.0, q if weight is None else q * weight, 1.0)


def _read_weight(weight: Any, x: Any, axis: int, dtype: Any) -> Any:
    xp, n = namespace(x), x.shape[axis]
    weight = xp.astype(_array(weight, x), dtype)
    if tuple(weight.shape) != (n,):
        raise ValueError(f"weight must have one number a class, shape {(n,)}, not {weight.shape}")
    return _along(weight, x, axis)


def _along(a: Any, x: Any, axis: int) -> Any:
    """One number a class, shaped to multiply rows."""
    return namespace(x).reshape(a, tuple(n if k == axis else 1 for k, n in enumerate(x.shape)))


def _array(a: Any, x: Any) -> Any:
    """`a` as an array beside x."""
    from array_api_compat import device

    return namespace(x).asarray(a, device=device(x)) if isinstance(a, PLAIN) else a


def _shape_of_rows(x: Any, axis: int) -> tuple[int, ...]:
    return tuple(n for k, n in enumerate(x.shape) if k != axis)


def _quotient(a: Any, divisor: Any) -> Any:
    """a/divisor; the mean of no rows is NaN."""
    import numpy as np

    with np.errstate(all="ignore"):
        return a / divisor
