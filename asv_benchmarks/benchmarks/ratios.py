"""softkern's time over that of others, by turns: the figures to trust on a shared machine."""

from collections.abc import Callable

from timing.cases import CASES
from timing.turns import OTHERS, measure, ratio

Found = dict[str, dict[str, float]]


def setup_cache() -> Found:
    """All ratios from one run: label of a case -> name of another -> softkern's time over its."""
    found: Found = {}
    for case, seconds in measure(CASES):
        own = seconds["softkern"]
        found[case.label] = {name: ratio(own, others) for name, others in seconds.items()}
    return found


setup_cache.timeout = 3600


def setup(found: Found, case: str, other: str) -> None:
    if other not in found[case]:
        raise NotImplementedError(f"{other} is not installed, or has no {case}")


def _ratio(operation: str) -> Callable[[Found, str, str], float]:
    def track(found: Found, case: str, other: str) -> float:
        return found[case][other]

    track.__name__ = f"track_{operation}"
    track.pretty_name = f"{operation}: time over that of others"
    track.version = "1"
    track.unit = "of the other's time"
    track.params = [case.label for case in CASES if case.operation == operation], OTHERS
    track.param_names = "case", "other"
    return track


track_softmax = _ratio("softmax")
track_logsumexp = _ratio("logsumexp")
track_log_softmax = _ratio("log_softmax")
track_softmax_vjp = _ratio("softmax_vjp")
track_softmax_jvp = _ratio("softmax_jvp")
track_cross_entropy = _ratio("cross_entropy")
track_cross_entropy_value_and_grad = _ratio("cross_entropy_value_and_grad")
