"""
Choice sets: rows of any length
===============================

Where each traveller has other routes to choose from, or each node of a graph other neighbours, the rows
of a softmax are of different lengths. They lie one behind the other, and offsets say where each begins.
"""

from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np

from softkern import segment_logsumexp, segment_softmax

x = np.array([1.0, 2.0, 3.0, 1000.0, 1000.0])
print(segment_softmax(x, [0, 3, 3, 5]).round(4))
print(segment_logsumexp(x, [0, 3, 3, 5]).round(4), "the second segment is empty")

# %%
# 50,000 travellers, each with 2 to 40 routes that differ in minutes, changes and price. They choose by
# a conditional logit model: the chance of a route is the softmax of its utility among the traveller's.

rng = np.random.default_rng(0)
taste = np.array([-0.08, -0.6, -0.25])
sizes = rng.integers(2, 41, size=50_000)
offsets = np.append(0, np.cumsum(sizes))
routes = np.column_stack(
    [rng.normal(45, 12, offsets[-1]), rng.integers(0, 4, offsets[-1]), rng.gamma(4, 1, offsets[-1])]
)
utility = routes @ taste
noisy = utility + rng.gumbel(size=utility.size)
best = np.maximum.reduceat(noisy, offsets[:-1])
chosen = np.flatnonzero(noisy == np.repeat(best, sizes))
print(f"{offsets[-1]} routes, {chosen.size} choices")

# %%
# Newton's method finds the taste again. The gradient of the log-likelihood is the chosen routes less the
# mean of each choice set under its softmax, the Hessian less the sum of their covariances.

found = np.zeros(3)
for step in range(1, 7):
    utility = routes @ found
    y = segment_softmax(utility, offsets)
    likelihood = (utility[chosen] - segment_logsumexp(utility, offsets)).mean()
    means = np.add.reduceat(y[:, None] * routes, offsets[:-1])
    gradient = routes[chosen].sum(axis=0) - means.sum(axis=0)
    covariance = (y[:, None] * routes).T @ routes - means.T @ means
    found += np.linalg.solve(covariance, gradient)
    print(f"step {step}: mean log-likelihood {likelihood:.6f}, taste {found.round(4)}")

# %%
# The error bars are those of the inverse Hessian.

error = np.sqrt(np.diag(np.linalg.inv(covariance)))
fig, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
names = ["a minute", "a change", "a unit of price"]
ax.errorbar(names, found, 2 * error, fmt="o", capsize=5, label="found, with two standard errors")
ax.plot(names, taste, "kx", label="true")
ax.set(ylabel="utility of")
ax.legend()
plt.show()

# %%
# The same softmax by NumPy's reduceat, and each as fast as it was in nine turns:


def by_reduceat(x, offsets):
    sizes = np.diff(offsets)
    e = np.exp(x - np.repeat(np.maximum.reduceat(x, offsets[:-1]), sizes))
    return e / np.repeat(np.add.reduceat(e, offsets[:-1]), sizes)


times = {}
for softmax in [segment_softmax, by_reduceat] * 9:
    start = perf_counter()
    result = softmax(utility, offsets)
    times.setdefault(softmax.__name__, []).append(perf_counter() - start)
    assert np.allclose(result, y)
for name, taken in times.items():
    print(f"{name:16} {min(taken) * 1e3:.1f} ms")
