"""Every operation on arrays whose memory ends, or begins, at a page that no one may touch.

Run by `test_guard_pages` as a process of its own, for what goes astray ends it: the case at hand is
then the last in the journal.
"""

import ctypes
import mmap
import os
import sys
from types import SimpleNamespace

import ml_dtypes
import numpy as np
from every_call import WITH_OUT, WITHOUT_OUT
from softkern.backends.numba_cpu import arrays as backend_arrays
from softkern.backends.numba_cpu import launch, layout, threads
from softkern.backends.numba_cpu.plain_functions import PLAIN

_libc = ctypes.CDLL(None, use_errno=True)
_NO_ACCESS = 0  # PROT_NONE
UNTOUCHED = 0xA5


class Guarded:
    """Some pages between two that no one may touch."""

    def __init__(self, size):
        page = mmap.PAGESIZE
        size = -(-size // page) * page
        self._map = mmap.mmap(-1, size + 2 * page)
        whole = np.frombuffer(self._map, np.uint8)
        self.memory = whole[page : page + size]
        for guard in (whole.ctypes.data, whole.ctypes.data + page + size):
            if _libc.mprotect(ctypes.c_void_p(guard), ctypes.c_size_t(page), _NO_ACCESS):
                raise OSError(ctypes.get_errno(), "mprotect")

    def room(self, shape, dtype, at_end, offset=0):
        """An array at the end or the beginning, `offset` bytes away from the guard."""
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        start = len(self.memory) - size - offset if at_end else offset
        self.memory[:] = UNTOUCHED
        self._around = self.memory[:start], self.memory[start + size :]
        return self.memory[start : start + size].view(dtype).reshape(shape)

    def copy(self, a, at_end, offset=0):
        place = self.room(a.shape, a.dtype, at_end, offset)
        place[...] = a
        return place

    def is_untouched_around(self):
        return all((part == UNTOUCHED).all() for part in self._around)


LAYOUTS = {  # what is put next to the guard, and the array as seen in it
    "whole": (lambda a: a, lambda a: a),
    "reversed": (lambda a: a[..., ::-1], lambda a: a[..., ::-1]),
    "first column of two": (lambda a: np.repeat(a, 2, -1), lambda a: a[..., ::2]),
    "last column of two": (lambda a: np.repeat(a, 2, -1), lambda a: a[..., 1::2]),
}


class Pages:
    """Where the inputs and the results of the calls lie."""

    def __init__(self, size, journal):
        self.x, self.u, self.y, self.dy = (Guarded(size) for _ in range(4))
        self._journal = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)

    def check(self, name, x, u, axis, layout="whole", offset=0):
        """The same bits as from ordinary memory, and nothing else touched."""
        operation = WITH_OUT.get(name) or WITHOUT_OUT[name]
        expected = operation(x, u, axis)
        for at_end in (True, False):
            case = name, x.dtype.name, x.shape, axis, "end" if at_end else "start", layout, offset
            os.pwrite(self._journal, f"{case!r:<150}\n".encode(), 0)
            laid, seen = LAYOUTS[layout]
            own_x = seen(self.x.copy(laid(x), at_end, offset))
            own_u = seen(self.u.copy(laid(u), at_end, offset))
            self._compare(operation(own_x, own_u, axis), expected)
            if name in WITH_OUT:
                places = (self.y, self.dy)[: len(expected)]
                out = tuple(
                    seen(place.room(laid(np.asarray(a)).shape, a.dtype, at_end, offset))
                    for place, a in zip(places, expected, strict=True)
                )
                found = operation(own_x, own_u, axis, out=out if len(out) == 2 else out[0])
                self._compare(found, expected)
                assert all(place.is_untouched_around() for place in places)
            np.testing.assert_array_equal(own_x, x)

    def _compare(self, results, expected):
        for a, b in zip(results, expected, strict=True):
            np.testing.assert_array_equal(a, b)


def numbers(dtype, *shape):
    return np.random.default_rng(0).normal(0, 3, (2, *shape)).astype(dtype)


def every_length(pages, dtype):
    for n in range(1, 201):
        x, u = numbers(dtype, 3, n)
        for name in WITH_OUT if n % 16 in (5, 6, 11, 12, 13) else (*WITH_OUT, *WITHOUT_OUT):
            pages.check(name, x, u, 1)
            pages.check(name, x.T.copy(), u.T.copy(), 0)


def every_offset(pages, dtype):
    x, u = numbers(dtype, 2, 67)
    for name in WITH_OUT:
        for offset in range(64):
            pages.check(name, x, u, 1, offset=offset)
            pages.check(name, x.T.copy(), u.T.copy(), 0, offset=offset)


def every_layout(pages, dtype):
    for n in (1, 2, 7, 16, 33, 64, 65, 130):
        x, u = numbers(dtype, 3, n)
        for name in WITH_OUT:
            for kind in LAYOUTS:
                pages.check(name, x, u, 1, kind)
                pages.check(name, x.T.copy(), u.T.copy(), 0, kind)


def guarded_room(size, dtype):
    return Guarded(size).room(size, dtype, at_end=True)


def blocks(pages, dtype):
    """Rows and columns that are cut into blocks, by several threads, to past the cache and not.

    The kernels' own memory ends at a guard, too.
    """
    launch.np = SimpleNamespace(**{**vars(np), "empty": guarded_room})
    layout.PAGE = launch.ALIGNMENT  # no room to spare
    threads.WORTH_SHARING = 0
    PLAIN.update(dict.fromkeys(PLAIN, lambda *arguments: None))
    for past in (1 << 25, -1):
        backend_arrays.PAST_CACHE = past
        for shape, axis in BLOCKS:
            x, u = numbers(dtype, *shape)
            for name in (*WITH_OUT, *WITHOUT_OUT):
                pages.check(name, x, u, axis)


def shared(pages, dtype):
    """The shorter way of contiguous arrays, by several threads."""
    for shape, axis in (((70, 1000), 1), ((1100, 64), 1), ((1000, 70), 0), ((2100, 33), 1)):
        x, u = numbers(dtype, *shape)
        for name in WITH_OUT:
            pages.check(name, x, u, axis)
            pages.check(name, x, u, axis)  # compiled by the first calls


BLOCKS = (
    ((3, 1), 1),
    ((40, 17), 1),
    ((7, 64), 1),
    ((5, 255), 1),
    ((3, 2049), 1),
    ((2, 32_768), 1),
    ((2, 32_769), 1),
    ((1025, 19), 0),
    ((70, 67), 0),
    ((3, 70, 5), 1),
)


def main(journal, part, dtype):
    dtype = np.dtype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)
    globals()[part](Pages(1 << 20 if part in ("blocks", "shared") else 1 << 14, journal), dtype)


if __name__ == "__main__":
    main(*sys.argv[1:])
