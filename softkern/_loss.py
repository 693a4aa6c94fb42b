"""A cross-entropy's arguments: labels of rows, and what their losses are divided by."""

from math import nan, prod
from operator import index
from typing import Any

from array_api_compat import device

from ._arrays import as_floats, can_look_into, check_real, kind_of, namespace
from ._dispatch import PLAIN, backend
from .backends.array_api.labels import Labels
from .backends.array_api.rows import is_half, result_dtype, widest
from .backends.rows import reduced_axes


class Loss:
    """One cross-entropy: rows, their labels, and how their losses are reduced."""

    def __init__(
        self,
        logits: Any,
        target: Any,
        axis: int,
        weight: Any,
        ignore_index: int | None,
        label_smoothing: float,
        reduction: str,
        temperature: Any,
    ) -> None:
        if reduction not in ("none", "mean", "sum"):
            raise ValueError(f'reduction must be "none", "mean" or "sum", not {reduction!r}')
        if not 0.0 <= label_smoothing <= 1.0:
            raise ValueError(f"label_smoothing must be from 0 to 1, not {label_smoothing}")
        self.backend = backend(logits, temperature, target, weight)
        self.reduction, self.temperature, self.smoothing = reduction, temperature, label_smoothing
        self._read_rows(as_floats(logits), axis)
        target = self._array(target)
        self.dtype, self.wide, of_classes = self._read_kind(target.dtype)
        weight = None if weight is None else self._read_weight(weight)
        if of_classes:
            self.labels, self.share = self._of_classes(target, weight, ignore_index)
        elif ignore_index is not None:
            raise ValueError("ignore_index is a class, but the target is of probabilities")
        else:
            self.labels, self.share = self._of_probabilities(target, weight), 1.0

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
        if self.reduction != "none":
            losses = self._sum(losses)
        losses = self._rounded(self._mean_of(losses))
        return losses if losses.shape else losses[()]

    def _sum(self, a: Any) -> Any:
        return self.xp.sum(a, dtype=widest(self.xp))

    def _mean_of(self, total: Any) -> Any:
        """The total over the rows' shares, where the mean is wanted; that of no rows is NaN."""
        if self.reduction != "mean":
            return total
        if isinstance(self.share, float):
            return total / (prod(self.shape) or nan)
        divisor = self._sum(self.share)
        return total / self.xp.where(divisor == 0, nan, divisor)

    def _rounded(self, a: Any) -> Any:
        return a if a.dtype == self.dtype else self.xp.astype(a, self.dtype)

    def _of_rows(self, g: Any) -> Any:
        """The cotangents of the rows' losses."""
        if not isinstance(g, (int, float)):
            g = as_floats(g, self.x)
            shape = self.shape if self.reduction == "none" else ()
            if tuple(g.shape) not in (shape, ()):
                raise ValueError(f"g must have the loss's shape {shape}, not {tuple(g.shape)}")
        return self._mean_of(g)

    def _read_rows(self, x: Any, axis: int) -> None:
        check_real(x)
        self.x, self.xp = x, namespace(x)
        (self.axis,) = reduced_axes(index(axis), x.ndim)
        if not x.ndim or not x.shape[self.axis]:
            raise ValueError("logits must have an axis of classes, with at least one")
        self.n = x.shape[self.axis]
        self.shape = tuple(x.shape[: self.axis]) + tuple(x.shape[self.axis + 1 :])

    def _read_kind(self, target: Any) -> tuple[Any, Any, bool]:
        """The results' dtype, the one to compute in, and whether the target is of classes."""
        xp, dtype = self.xp, self.x.dtype
        kind = kind_of(xp, target)
        if kind not in ("integral", "real floating"):
            raise TypeError(f"a target is of classes or of probabilities, not of {target}")
        if kind == "real floating":
            dtype = result_dtype(xp, [dtype, target])
        return dtype, xp.float32 if is_half(dtype) else dtype, kind == "integral"

    def _read_weight(self, weight: Any) -> Any:
        weight = self.xp.astype(self._array(weight), self.wide)
        if tuple(weight.shape) != (self.n,):
            raise ValueError(f"weight must have one number for each of {self.n} classes")
        return self._along(weight)

    def _of_classes(self, classes: Any, weight: Any, ignored: int | None) -> tuple[Any, Any]:
        """The labels of rows of classes, and each row's share of the mean."""
        xp = self.xp
        if tuple(classes.shape) != self.shape:
            raise ValueError(
                f"classes must have the shape of logits less their axis, {self.shape}, "
                f"not {tuple(classes.shape)}; probabilities must be floats"
            )
        hidden = None if ignored is None else classes == ignored
        classes = classes if hidden is None else xp.where(hidden, 0, classes)
        outside = self._outside(classes)
        classes = classes if outside is None else xp.where(outside, 0, classes)
        share = self._share_of_class(classes, weight, hidden, outside)
        share_of_all: Any = self.smoothing / self.n
        if hidden is not None:
            share_of_all = xp.where(hidden, 0.0, share_of_all * xp.ones_like(share))
        of_all = weight if self.smoothing else None
        if self.smoothing and weight is None:
            of_all = self._along(xp.ones((self.n,), dtype=self.wide, device=device(self.x)))
        of_class = (1.0 - self.smoothing) * share
        return Labels(self.axis, classes, of_class, of_all, share_of_all), share

    def _share_of_class(self, classes: Any, weight: Any, hidden: Any, outside: Any) -> Any:
        """The weight of each row's class; 0 where it is hidden, NaN where there is no such class."""
        xp = self.xp
        share: Any = 1.0
        if weight is not None:
            share = xp.take(xp.reshape(weight, (-1,)), xp.reshape(classes, (-1,)))
            share = xp.reshape(share, self.shape)
        elif not (hidden is None and outside is None):
            share = xp.ones_like(classes, dtype=self.wide)
        if outside is not None:
            share = xp.where(outside, nan, share)
        return share if hidden is None else xp.where(hidden, 0.0, share)

    def _outside(self, classes: Any) -> Any:
        """Raise if a class is not one of n; where one cannot look, say which are not."""
        xp, n = self.xp, self.n
        if not can_look_into(classes):
            return (classes < 0) | (classes >= n)
        if 0 not in classes.shape:
            least, largest = int(xp.min(classes)), int(xp.max(classes))
            if least < 0 or largest >= n:
                raise IndexError(
                    f"classes must be from 0 to {n - 1}, not {least if least < 0 else largest}; "
                    "name one to be passed over as ignore_index"
                )
        return None

    def _of_probabilities(self, q: Any, weight: Any) -> Any:
        if tuple(q.shape) != tuple(self.x.shape):
            raise ValueError(
                f"probabilities must have the shape of logits, {tuple(self.x.shape)}, not "
                f"{tuple(q.shape)}; classes must be integers"
            )
        if self.smoothing or weight is not None:
            q = self.xp.astype(q, self.wide, copy=False)
            q = (1.0 - self.smoothing) * q + self.smoothing / self.n
        return Labels(self.axis, None, 0.0, q if weight is None else q * weight, 1.0)

    def _along(self, a: Any) -> Any:
        """One number a class, shaped to multiply rows."""
        return self.xp.reshape(a, (self.n,) + (1,) * (self.x.ndim - 1 - self.axis))

    def _array(self, a: Any) -> Any:
        """`a` as an array beside x."""
        if not isinstance(a, PLAIN):
            return a
        return self.xp.asarray(a, device=device(self.x))
