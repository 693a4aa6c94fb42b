"""Long calls in slices, so that Python sees between them whether it is interrupted, by Ctrl-C say."""

from collections.abc import Iterator

AT_ONCE = 1 << 24  # numbers: some hundredths of a second


def cut(units: int, numbers: int) -> Iterator[tuple[int, int]]:
    """The ranges of units to take one after the other, where all hold so many numbers."""
    step = max(1, units * AT_ONCE // numbers)
    for lo in range(0, units, step):
        yield lo, min(lo + step, units)
