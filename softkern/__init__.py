"""softmax, log-sum-exp and their derivatives, fast and accurate on the array you already have."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._api import (
        log_softmax,
        log_softmax_jvp,
        log_softmax_vjp,
        logsumexp,
        logsumexp_jvp,
        logsumexp_vjp,
        softmax,
        softmax_jvp,
        softmax_vjp,
    )

__version__ = "0.1.0"

__all__ = [
    "log_softmax",
    "log_softmax_jvp",
    "log_softmax_vjp",
    "logsumexp",
    "logsumexp_jvp",
    "logsumexp_vjp",
    "softmax",
    "softmax_jvp",
    "softmax_vjp",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module("._api", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
