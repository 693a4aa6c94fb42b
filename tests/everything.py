"""Every operation on few numbers and on many, for what runs at once, in children or again.

Imported by processes of their own: it needs NumPy and softkern alone.
"""

import threading
from functools import partial

import numpy as np

import softkern

CALLERS = 16
SHAPES = {"few": (3, 7), "many": (40, 3000), "long": (2, 150_000)}
HUGE = {"huge": (700, 60_000)}  # more than is computed without a look at signals
NO_OPERATIONS = {
    "c_function",  # its functions are C's
    "get_include",
    "get_num_threads",
    "in_scipy",
    "num_threads",
    "set_num_threads",
    "show_versions",
}


def _arguments(name, x, u, axis):
    """What an operation takes, given x and u of the same shape."""
    per_row, derivative = u.max(axis), name.endswith(("jvp", "vjp"))
    if name.startswith("cross_entropy"):
        classes = np.arange(per_row.size) % x.shape[axis]
        given = (x, classes, per_row) if derivative else (x, classes)
        return given, {"axis": axis, "reduction": "none"}
    if name.startswith("segment"):
        offsets = np.array([0, 1, 1, len(x) // 2, len(x)])
        if name == "segment_logsumexp_vjp":
            u = np.resize(u, (len(offsets) - 1, x.shape[1]))
        return ((x, u) if derivative else (x,)), {"offsets": offsets}
    if name == "merge_logsumexp":
        return ((per_row, abs(per_row)), (-per_row, abs(per_row))), {}
    if name in ("logsumexp_vjp", "boltzmann_vjp"):
        return (x, per_row), {"axis": axis}
    return ((x, u) if derivative else (x,)), {"axis": axis}


def _streamed(x):
    stream = softkern.LogSumExp()
    stream.update(x)
    return stream.value()


def calls(shapes=SHAPES):
    """Calls by their names; each always has the same result."""
    found = {}
    for size, shape in shapes.items():
        x, u = np.random.default_rng(0).normal(0, 3, (2, *shape)).astype(np.float32)
        for name in sorted({*softkern.__all__} - NO_OPERATIONS - {"LogSumExp"}):
            for axis in (-1, 0):
                given, options = _arguments(name, x, u, axis)
                found[name, size, axis] = partial(getattr(softkern, name), *given, **options)
        found["LogSumExp", size, 0] = partial(_streamed, x)
    return found


def bits(result):
    """A result, of one array or of several, as bytes."""
    parts = result if isinstance(result, tuple) else (result,)
    return tuple(np.ascontiguousarray(part).tobytes() for part in parts)


class Everything:
    """All calls, and the bits of their results on one thread."""

    def __init__(self, shapes=SHAPES):
        self.calls = calls(shapes)
        with softkern.num_threads(1):
            self.truth = {name: bits(call()) for name, call in self.calls.items()}

    def wrong(self, first=0, step=1):
        """The names of calls whose bits are others now, tried from the one at `first` on."""
        names = list(self.calls)
        names = names[first:] + names[:first]
        return [name for name in names[::step] if bits(self.calls[name]()) != self.truth[name]]

    def wrong_at_once(self):
        """The same of CALLERS threads that start together, each at another call."""
        ready, found, finished = threading.Barrier(CALLERS), [], []

        def work(k):
            ready.wait()
            found.extend(self.wrong(k * len(self.calls) // CALLERS))
            finished.append(k)

        callers = [threading.Thread(target=work, args=(k,)) for k in range(CALLERS)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        assert len(finished) == CALLERS
        return found
