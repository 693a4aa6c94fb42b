"""
A Gaussian mixture by expectation maximisation
==============================================

In the E step every point is shared among the components: their responsibilities are the softmax of the
log densities, and the log-likelihood is the sum of the logsumexp. The same code is timed with SciPy's
functions.
"""

from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
import scipy.special

import softkern

rng = np.random.default_rng(1)
CENTRES = np.array([[0, 0], [3, 3], [-3, 4], [4, -2], [-4, -3], [0, 6], [7, 2], [-7, 1]])
points = np.concatenate([rng.normal(c, 0.9, (12_500, 2)) for c in CENTRES])


def log_densities(x, weights, means, variances):
    """log of weight times density, a row a point and a column a component."""
    distance = ((x[:, None] - means) ** 2).sum(axis=2)
    return np.log(weights) - np.log(2 * np.pi * variances) - distance / (2 * variances)


def fit(x, special, steps=40):
    means = x[np.linspace(0, len(x) - 1, len(CENTRES)).astype(int)].copy()
    weights, variances = np.full(len(means), 1 / len(means)), np.full(len(means), 4.0)
    history, seconds = [], 0.0
    for _ in range(steps):
        scores = log_densities(x, weights, means, variances)
        started = perf_counter()
        shares = special.softmax(scores, axis=1)
        likelihood = special.logsumexp(scores, axis=1)
        seconds += perf_counter() - started
        history.append(likelihood.mean())
        totals = shares.sum(axis=0)
        weights, means = totals / len(x), shares.T @ x / totals[:, None]
        distance = ((x[:, None] - means) ** 2).sum(axis=2)
        variances = (shares * distance).sum(axis=0) / totals / 2
    return means, np.array(history), seconds


fit(points, softkern, steps=1)  # compiles, the first time
means, history, ours = fit(points, softkern)
_, theirs_history, theirs = fit(points, scipy.special)
print(f"{len(points)} points, {len(CENTRES)} components, {len(history)} steps")
print(f"softmax and logsumexp: softkern {ours:.2f} s, SciPy {theirs:.2f} s")
print(f"that is {theirs / ours:.1f} times as fast")
print(f"log-likelihoods differ by at most {abs(history - theirs_history).max():.1e}")

# %%
# The likelihood never falls from one step to the next.

print("rises:", bool((np.diff(history) > -1e-12).all()))

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
left.plot(history)
left.set(xlabel="step", ylabel="mean log-likelihood")
right.plot(*points[::40].T, ".", markersize=2, color="grey")
right.plot(*means.T, "x", markersize=9, markeredgewidth=2, label="means found")
right.set_aspect("equal")
right.legend()
plt.show()
