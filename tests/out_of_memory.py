"""Every operation, while one allocation after the other fails.

Run by `test_memory` as a process of its own, with `failing_malloc` loaded. NumPy does not look whether
it got the few bytes that some of its loops want: for what it computes, only the large allocations fail.
"""

import ctypes
import faulthandler
import sys

import numpy as np
from every_call import WITH_OUT, WITHOUT_OUT

UNTOUCHED = -99.0
SERIAL = (((3,), 0), ((3, 5), 1), ((70, 3), 0), ((3, 400), 1), ((1, 40_000), 1))
SHARED = (((40, 3000), 1), ((3000, 40), 0), ((2, 70_000), 1))

_failing_at = ctypes.c_long.in_dll(ctypes.CDLL(None), "failing_at")
_failing_from = ctypes.c_size_t.in_dll(ctypes.CDLL(None), "failing_from")


def results_where(number, operation):
    """The results while allocation `number` fails, None where that raises; and whether it came to it."""
    _failing_at.value = number
    try:
        return operation(), _failing_at.value < 0
    except MemoryError:
        assert _failing_at.value < 0, "no allocation had failed"
        return None, True
    finally:
        _failing_at.value = -1


def check(name, x, u, axis, with_out):
    """A MemoryError, and `out` as it was; or the right results. How often it was the error."""
    operation = WITH_OUT.get(name) or WITHOUT_OUT[name]
    for _ in range(3):  # by then all is compiled
        expected = operation(x, u, axis)
    options, errors, number, failed = {}, 0, 0, True
    while failed:
        if with_out:
            places = tuple(np.full_like(a, UNTOUCHED) for a in expected)
            options["out"] = places if len(places) == 2 else places[0]
        results, failed = results_where(number, lambda: operation(x, u, axis, **options))
        if results is None:
            errors += 1
            assert not with_out or all((place == UNTOUCHED).all() for place in places)
        else:
            for a, b in zip(results, expected, strict=True):
                np.testing.assert_array_equal(a, b)
        number += 1
    return errors


def main(least):
    _failing_from.value = int(least)
    others = () if least == "0" else ("losses", "running", "segments")
    errors = 0
    for shape, axis in (*SERIAL, *SHARED):
        x, u = np.random.default_rng(0).normal(0, 3, (2, *shape))
        for name in (*WITH_OUT, *others):
            for with_out in (False, True) if name in WITH_OUT else (False,):
                print(name, shape, with_out, flush=True)
                errors += check(name, x, u, axis, with_out)
    print(errors)


if __name__ == "__main__":
    faulthandler.enable()
    main(*sys.argv[1:])
