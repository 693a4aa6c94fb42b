"""
Optimal transport by Sinkhorn's iteration
=========================================

Two distributions are matched at least cost, with an entropy at temperature t as a smoothing. The dual
variables are updated by logsumexp over the rows of a matrix and over its columns in turn; in the
logarithmic domain this works at any temperature, where the usual scaling divides by 0.
"""

from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
import scipy.special

import softkern

n = 400
place = np.linspace(0, 1, n)
cost = (place[:, None] - place) ** 2


def density(*bumps):
    p = sum(weight * np.exp(-(((place - at) / width) ** 2)) for weight, at, width in bumps)
    return (p + 1e-6) / (p + 1e-6).sum()


source = density((1, 0.25, 0.08))
target = density((0.6, 0.6, 0.05), (0.4, 0.85, 0.04))


T = 3e-4


def sinkhorn(logsumexp, t=T, steps=600):
    """The logarithm of the plan, and the error of its sums over columns at every step."""
    f, g, errors = np.zeros(n), np.zeros(n), []
    for _ in range(steps):
        f = t * np.log(source) - t * logsumexp((g - cost) / t, axis=1)
        sums = np.exp(logsumexp((f[:, None] + g - cost) / t, axis=0))
        errors.append(abs(sums - target).sum())
        g = t * np.log(target) - t * logsumexp((f[:, None] - cost) / t, axis=0)
    return (f[:, None] + g - cost) / t, np.array(errors)


sinkhorn(softkern.logsumexp, steps=1)
started = perf_counter()
log_plan, errors = sinkhorn(softkern.logsumexp)
ours = perf_counter() - started
started = perf_counter()
expected, _ = sinkhorn(scipy.special.logsumexp)
theirs = perf_counter() - started
plan = np.exp(log_plan)
print(f"{n} x {n}, {len(errors)} steps")
print(f"softkern {ours:.2f} s, SciPy {theirs:.2f} s, {theirs / ours:.1f} times as fast")
print(f"plans differ by at most {abs(plan - np.exp(expected)).max():.1e}")
print(f"error of the sums: {errors[0]:.1e} at first, {errors[-1]:.1e} at last")
print(f"cost of transport: {(plan * cost).sum():.5f}")

# %%
# At this temperature the kernel of the plain iteration, exp(-cost/t), is 0 in many places:

print(f"zeros in exp(-cost/t): {(np.exp(-cost / T) == 0).mean():.0%}")

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
left.plot(place, source, label="source")
left.plot(place, target, label="target")
left.set(xlabel="place", ylabel="mass")
left.legend()
right.imshow(plan.T**0.3, origin="lower", extent=(0, 1, 0, 1), cmap="magma")
right.set(xlabel="from", ylabel="to", title="plan")
plt.show()
