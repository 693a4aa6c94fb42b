"""Seconds and memory of softkern alone: they move with the machine, and are for the plots."""

from collections.abc import Callable
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


setup_cache.timeout = 3600


@cache
def ready(label: str) -> Call:
    """The call on arrays already made: not in a `setup`, for then asv times single calls."""
    return call_of("softkern", THREADS, CASE[label])


def _time(operation: str) -> Callable[[str], None]:
    def time(case: str) -> None:
        ready(case)()

    time.__name__ = f"time_{operation}"
    time.pretty_name = f"{operation}: seconds"
    time.version = "1"
    time.params = [label for label, case in CASE.items() if case.operation == operation]
    time.param_names = ("case",)
    time.warmup_time = 2  # the first call loads the kernel
    time.rounds = 1
    return time


time_softmax = _time("softmax")
time_logsumexp = _time("logsumexp")
time_log_softmax = _time("log_softmax")
time_softmax_vjp = _time("softmax_vjp")
time_softmax_jvp = _time("softmax_jvp")
time_cross_entropy = _time("cross_entropy")
time_cross_entropy_value_and_grad = _time("cross_entropy_value_and_grad")


def peakmem_call(case: str) -> None:
    ready(case)()


peakmem_call.pretty_name = "peak memory of a process with the arrays of one call"
peakmem_call.version = "1"
peakmem_call.params = [label for label, case in CASE.items() if prod(case.shape) >= LARGE]
peakmem_call.param_names = ("case",)
