"""Long calls in slices, so that Python sees between them whether it is interrupted, by Ctrl-C say."""

from collections.abc import Iterator
from time import perf_counter

AT_ONCE = 1 << 26  # numbers in a first slice, before it is known how long they take
_SECONDS = 0.1  # that a slice should take


def cut(units: int, numbers: int) -> Iterator[tuple[int, int]]:
    """The ranges of units to take one after the other, where all hold so many numbers."""
    lo, step = 0, max(1, units * AT_ONCE // numbers)
    while lo < units:
        hi = min(lo + step, units)
        begun = perf_counter()
        yield lo, hi
        slowness = (perf_counter() - begun) / _SECONDS
        lo, step = hi, max(1, int(step / max(slowness, 0.1)))
