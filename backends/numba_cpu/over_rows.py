"""The kernel of each operation where the axis is the last."""

from . import operations
from .by_rows import sweep_rows
from .sweep import sweep, sweep_labels


def softmax(x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi):
    sweep(sweep_rows, operations.softmax(), (x, v, y, dy, lines), tile, memo, t, job, phase, lo, hi)


def log_softmax(x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi):
    sweep(
        sweep_rows,
        operations.log_softmax(),
        (x, v, y, dy, lines),
        tile,
        memo,
        t,
        job,
        phase,
        lo,
        hi,
    )


def logsumexp(x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi):
    sweep(
        sweep_rows, operations.logsumexp(), (x, v, y, dy, lines), tile, memo, t, job, phase, lo, hi
    )


def partial_logsumexp(x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi):
    sweep(
        sweep_rows,
        operations.partial_logsumexp(),
        (x, v, y, dy, lines),
        tile,
        memo,
        t,
        job,
        phase,
        lo,
        hi,
    )


def softmax_jvp(x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi):
    sweep(
        sweep_rows,
        operations.softmax_jvp(),
        (x, v, y, dy, lines),
        tile,
        memo,
        t,
        job,
        phase,
        lo,
        hi,
    )


def log_softmax_jvp(x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi):
    sweep(
        sweep_rows,
        operations.log_softmax_jvp(),
        (x, v, y, dy, lines),
        tile,
        memo,
        t,
        job,
        phase,
        lo,
        hi,
    )


def logsumexp_jvp(x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi):
    sweep(
        sweep_rows,
        operations.logsumexp_jvp(),
        (x, v, y, dy, lines),
        tile,
        memo,
        t,
        job,
        phase,
        lo,
        hi,
    )


def log_softmax_vjp(x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi):
    sweep(
        sweep_rows,
        operations.log_softmax_vjp(),
        (x, v, y, dy, lines),
        tile,
        memo,
        t,
        job,
        phase,
        lo,
        hi,
    )


def logsumexp_vjp(x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi):
    sweep(
        sweep_rows,
        operations.logsumexp_vjp(),
        (x, v, y, dy, lines),
        tile,
        memo,
        t,
        job,
        phase,
        lo,
        hi,
    )


def cross_entropy_of_class(x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi):
    sweep_labels(
        sweep_rows,
        operations.cross_entropy_of_class(),
        (x, v, y, dy, lines),
        tile,
        memo,
        t,
        job,
        phase,
        lo,
        hi,
    )


def cross_entropy_of_all(x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi):
    sweep_labels(
        sweep_rows,
        operations.cross_entropy_of_all(),
        (x, v, y, dy, lines),
        tile,
        memo,
        t,
        job,
        phase,
        lo,
        hi,
    )
