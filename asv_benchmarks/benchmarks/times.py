"""Seconds and memory of softkern alone: they move with the machine, and are for the plots."""

from functools import cache
from math import prod

from timing.cases import CASES
from timing.turns import THREADS
from timing.worker import Call, call_of

CASE = {case.label: case for case in CASES}
LARGE = 10**6  # numbers from which memory is of interest


def setup_cache() -> None:
    """Leave all kernels compiled on disk."""
    for label in CASE:
        ready(label)()
        ready.cache_clear()


setup_cache.timeout = 3600  # type: ignore[attr-defined]


@cache
def ready(label: str) -> Call:
    """The call on arrays already made: not in a `setup`, for then asv times single calls."""
    return call_of("softkern", THREADS, CASE[label])


def of(*operations: str) -> tuple[str, ...]:
    return tuple(label for label, case in CASE.items() if case.operation in operations)


class _Time:
    version = "1"
    param_names = ("case",)
    warmup_time = 2  # the first call loads the kernel
    rounds = 1

    def time_call(self, case: str) -> None:
        ready(case)()


class Softmax(_Time):
    params = of("softmax")
    pretty_name = "softmax: seconds"


class LogSumExp(_Time):
    params = of("logsumexp")
    pretty_name = "logsumexp: seconds"


class LogSoftmax(_Time):
    params = of("log_softmax")
    pretty_name = "log_softmax: seconds"


class Derivatives(_Time):
    params = of("softmax_vjp", "softmax_jvp")
    pretty_name = "softmax_vjp, softmax_jvp: seconds"


class Memory:
    version = "1"
    params = tuple(label for label, case in CASE.items() if prod(case.shape) >= LARGE)
    param_names = ("case",)
    pretty_name = "peak memory of a process that makes the arrays and one call"

    def peakmem_call(self, case: str) -> None:
        ready(case)()
