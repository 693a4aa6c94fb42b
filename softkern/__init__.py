"""softmax, log-sum-exp and their derivatives, fast and accurate on the array you already have."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._api import log_softmax, logsumexp, softmax
    from ._boltzmann import boltzmann, boltzmann_jvp, boltzmann_vjp
    from ._c_function import c_function
    from ._cross_entropy import cross_entropy, cross_entropy_value_and_grad, cross_entropy_vjp
    from ._hardmax import hardmax
    from ._in_scipy import in_scipy
    from ._include import get_include
    from ._jvp import log_softmax_jvp, logsumexp_jvp, softmax_jvp
    from ._logcumsumexp import logcumsumexp, logcumsumexp_jvp, logcumsumexp_vjp
    from ._segment_logsumexp import (
        segment_logsumexp,
        segment_logsumexp_jvp,
        segment_logsumexp_vjp,
    )
    from ._segment_softmax import segment_softmax, segment_softmax_jvp, segment_softmax_vjp
    from ._softmin import softmin, softmin_jvp, softmin_vjp
    from ._stream import LogSumExp, merge_logsumexp, partial_logsumexp
    from ._threads import get_num_threads, num_threads, set_num_threads
    from ._versions import show_versions
    from ._vjp import log_softmax_vjp, logsumexp_vjp, softmax_vjp

__version__ = "0.1.0"

__all__ = [
    "LogSumExp",
    "boltzmann",
    "boltzmann_jvp",
    "boltzmann_vjp",
    "c_function",
    "cross_entropy",
    "cross_entropy_value_and_grad",
    "cross_entropy_vjp",
    "get_include",
    "get_num_threads",
    "hardmax",
    "in_scipy",
    "log_softmax",
    "log_softmax_jvp",
    "log_softmax_vjp",
    "logcumsumexp",
    "logcumsumexp_jvp",
    "logcumsumexp_vjp",
    "logsumexp",
    "logsumexp_jvp",
    "logsumexp_vjp",
    "merge_logsumexp",
    "num_threads",
    "partial_logsumexp",
    "segment_logsumexp",
    "segment_logsumexp_jvp",
    "segment_logsumexp_vjp",
    "segment_softmax",
    "segment_softmax_jvp",
    "segment_softmax_vjp",
    "set_num_threads",
    "show_versions",
    "softmax",
    "softmax_jvp",
    "softmax_vjp",
    "softmin",
    "softmin_jvp",
    "softmin_vjp",
]

_HOMES = {  # part of a name -> module; _api is that of the rest
    "boltzmann": "_boltzmann",
    "c_function": "_c_function",
    "cross_entropy": "_cross_entropy",
    "get_include": "_include",
    "hardmax": "_hardmax",
    "logcumsumexp": "_logcumsumexp",
    "segment_logsumexp": "_segment_logsumexp",
    "segment_softmax": "_segment_softmax",
    "softmin": "_softmin",
    "in_scipy": "_in_scipy",
    "show_versions": "_versions",
    "_jvp": "_jvp",
    "_vjp": "_vjp",
    "_threads": "_threads",
    "LogSumExp": "_stream",
    "merge_logsumexp": "_stream",
    "partial_logsumexp": "_stream",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = next((home for part, home in _HOMES.items() if part in name), "_api")
    value = getattr(import_module(f".{module}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
