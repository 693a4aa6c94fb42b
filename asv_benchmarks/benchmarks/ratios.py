"""softkern's time over that of others, by turns: the figures to trust on a shared machine."""

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


setup_cache.timeout = 3600  # type: ignore[attr-defined]


class _Ratio:
    version = "1"
    unit = "of the other's time"
    param_names = ("case", "other")

    def setup(self, found: Found, case: str, other: str) -> None:
        if other not in found[case]:
            raise NotImplementedError(f"{other} is not installed, or has no {case}")

    def track_time(self, found: Found, case: str, other: str) -> float:
        return found[case][other]


def _over_others(*operations: str) -> tuple[list[str], tuple[str, ...]]:
    return [case.label for case in CASES if case.operation in operations], OTHERS


class Softmax(_Ratio):
    params = _over_others("softmax")
    pretty_name = "softmax: time over that of others"


class LogSumExp(_Ratio):
    params = _over_others("logsumexp")
    pretty_name = "logsumexp: time over that of others"


class LogSoftmax(_Ratio):
    params = _over_others("log_softmax")
    pretty_name = "log_softmax: time over that of others"


class Derivatives(_Ratio):
    params = _over_others("softmax_vjp", "softmax_jvp")
    pretty_name = "softmax_vjp, softmax_jvp: time over that of others"
