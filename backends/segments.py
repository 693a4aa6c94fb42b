"""The operations on segments, for the backends that have kernels for them."""

from typing import NamedTuple


class Operation(NamedTuple):
    """What a kernel is asked for."""

    kernel: str  # the operation that it computes
    results: tuple[bool, bool]  # which of its two
    reduced: bool = False  # they have one number a segment
    per_row: bool = False  # so has the cotangent


OPERATIONS = {
    "softmax": Operation("softmax", (True, False)),
    "softmax_jvp": Operation("softmax_jvp", (True, True)),
    "softmax_vjp": Operation("softmax_jvp", (False, True)),
    "logsumexp": Operation("logsumexp", (True, False), reduced=True),
    "logsumexp_jvp": Operation("logsumexp_jvp", (True, True), reduced=True),
    "logsumexp_vjp": Operation("logsumexp_vjp", (True, False), per_row=True),
}
