"""
A million rows, and one huge row
================================

Short rows share a vector register, a huge row is shared by the threads; and a Dask array is cut into
blocks anywhere, along its rows as well.
"""

from time import perf_counter

import dask.array as da
import matplotlib.pyplot as plt
import numpy as np
import scipy.special

import softkern

rng = np.random.default_rng(0)


def fastest(function, *arguments, **options):
    """The result, and the least seconds of nine calls after a first one."""
    result, seconds = function(*arguments, **options), []
    for _ in range(9):
        started = perf_counter()
        function(*arguments, **options)
        seconds.append(perf_counter() - started)
    return result, min(seconds)


times = {}
for shape in ((1_000_000, 10), (1, 10_000_000)):
    x = rng.standard_normal(shape, dtype=np.float32)
    y, ours = fastest(softkern.softmax, x, axis=1)
    expected, theirs = fastest(scipy.special.softmax, x, axis=1)
    times[shape] = ours, theirs
    print(f"{shape}: softkern {ours * 1e3:.0f} ms, SciPy {theirs * 1e3:.0f} ms")
    print(f"  they differ by at most {abs(y / expected - 1).max():.1e} of an entry")

fig, ax = plt.subplots(figsize=(7, 2.5), layout="constrained")
for k, library in enumerate(("softkern", "SciPy")):
    places = np.arange(len(times)) + 0.4 * k
    ax.barh(places, [1e3 * pair[k] for pair in times.values()], height=0.35, label=library)
ax.set_yticks(np.arange(len(times)) + 0.2, [f"{rows:,} x {n:,}" for rows, n in times])
ax.set(xlabel="softmax of float32, milliseconds")
ax.legend()
plt.show()

# %%
# The huge row in Dask's hands, in 20 blocks, which never meet. Nothing is computed before `compute`.

blocks = da.from_array(x, chunks=(1, 500_000))
lazy = softkern.softmax(blocks, axis=1)
print(lazy)
result, seconds = fastest(lazy.compute)
print(f"{seconds * 1e3:.0f} ms")
print(f"differs from the whole by at most {abs(result / y - 1).max():.1e} of an entry")

# %%
# Its logsumexp as a stream, which could come from a file:

stream = softkern.LogSumExp()
for block in np.array_split(x[0], 100):
    stream.update(block)
print(stream.value(), softkern.logsumexp(x))
