"""The kernel of each operation where the axis is the last."""

from . import operations
from .by_rows import sweep_rows
from .simd import inline
from .sweep import sweep, sweep_labels


@inline
def _over(operation, x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi):
    sweep(sweep_rows, operation, (x, v, y, dy, lines), tile, memo, t, job, phase, lo, hi)


@inline
def _labelled(operation, x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi):
    sweep_labels(sweep_rows, operation, (x, v, y, dy, lines), tile, memo, t, job, phase, lo, hi)


def softmax(x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi):
    _over(operations.softmax(), x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi)


def log_softmax(x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi):
    _over(operations.log_softmax(), x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi)


def logsumexp(x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi):
    _over(operations.logsumexp(), x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi)


def partial_logsumexp(x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi):
    _over(operations.partial_logsumexp(), x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi)


def softmax_jvp(x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi):
    _over(operations.softmax_jvp(), x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi)


def jacobian_product(x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi):
    _over(operations.jacobian_product(), x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi)


def log_softmax_jvp(x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi):
    _over(operations.log_softmax_jvp(), x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi)


def logsumexp_jvp(x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi):
    _over(operations.logsumexp_jvp(), x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi)


def log_softmax_vjp(x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi):
    _over(operations.log_softmax_vjp(), x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi)


def logsumexp_vjp(x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi):
    _over(operations.logsumexp_vjp(), x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi)


def cross_entropy_of_class(x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi):
    _labelled(
        operations.cross_entropy_of_class(), x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi
    )


def cross_entropy_of_all(x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi):
    _labelled(
        operations.cross_entropy_of_all(), x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi
    )
