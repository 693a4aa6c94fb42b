"""The kernel of each operation where rows lie side by side."""

from . import operations
from .by_columns import sweep_columns
from .sweep import sweep, sweep_labels


def softmax(x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi):
    sweep(
        sweep_columns, operations.softmax(), (x, v, y, dy, lines), tile, memo, t, job, phase, lo, hi
    )


def log_softmax(x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi):
    sweep(
        sweep_columns,
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
        sweep_columns,
        operations.logsumexp(),
        (x, v, y, dy, lines),
        tile,
        memo,
        t,
        job,
        phase,
        lo,
        hi,
    )


def partial_logsumexp(x, v, y, dy, tile, memo, t, job, lines, phase, lo, hi):
    sweep(
        sweep_columns,
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
        sweep_columns,
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
        sweep_columns,
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
        sweep_columns,
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
        sweep_columns,
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
        sweep_columns,
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
        sweep_columns,
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
        sweep_columns,
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
