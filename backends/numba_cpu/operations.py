"""The operations on a row: what each does to it."""

from typing import NamedTuple

from . import kernels
from . import label_kernels as labels
from . import log_kernels as logs
from .simd import inline


class Operation(NamedTuple):
    """What is done to each row, in this order.

    A fold leaves the states of several rows, each in a lane of its own, and so `complete` and `doubtful`
    see them; where a state is doubtful, the row is looked at again, alone.
    """

    fold: object
    complete: object
    finish: object
    doubtful: object
    look_again: object


class Once(NamedTuple):
    """The same where no row is looked at again."""

    fold: object
    complete: object
    finish: object


@inline
def _of_sum(finish):
    return Operation(
        logs.sums,
        logs.complete_alone,
        finish,
        logs.infinite,
        logs.settle_state,
    )


@inline
def _of_labels(fold, finish):
    return Operation(fold, labels.complete, finish, logs.outweighed, logs.others_again)


@inline
def softmax():
    return Once(kernels.exponentials, kernels.complete_sum, kernels.softmax)


@inline
def softmax_jvp():
    return Operation(
        kernels.boltzmann,
        kernels.as_it_is,
        kernels.softmax_jvp,
        kernels.wants_pivot,
        kernels.about_pivot,
    )


@inline
def jacobian_product():
    """The Jacobian's product with v where x is softmax(x/t) already."""
    return Once(kernels.mean_of_given, kernels.as_it_is, kernels.product)


@inline
def log_softmax():
    return Operation(
        logs.sums_and_share,
        logs.complete_log,
        logs.log_softmax,
        logs.outweighed,
        logs.log_again,
    )


@inline
def log_softmax_jvp():
    return Once(logs.boltzmann_apart, kernels.as_it_is, logs.log_softmax_jvp)


@inline
def log_softmax_vjp():
    return Once(logs.softmax_and_total, kernels.as_it_is, logs.log_softmax_vjp)


@inline
def logsumexp():
    return _of_sum(logs.logsumexp)


@inline
def partial_logsumexp():
    return _of_sum(logs.partial_logsumexp)


@inline
def logsumexp_jvp():
    return Once(logs.mean, kernels.as_it_is, logs.logsumexp_jvp)


@inline
def logsumexp_vjp():
    return Once(kernels.exponentials, kernels.complete_sum, kernels.logsumexp_vjp)


@inline
def cross_entropy_of_class():
    return _of_labels(labels.exponentials, labels.of_class)


@inline
def cross_entropy_of_all():
    return _of_labels(labels.exponentials_and_labels, labels.of_all)
