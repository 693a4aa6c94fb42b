"""
A package that uses SciPy, unmodified
=====================================

`softkern.in_scipy` puts softkern's functions in the place of SciPy's for the length of a block. What was
written for ``scipy.special`` then runs on softkern's kernels, here POT, a package for optimal transport.
Its Sinkhorn iterations in the logarithm take a logsumexp along each axis of a matrix at every step.
"""

from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
import ot

import softkern

n, options = 1000, {"numItermax": 50, "stopThr": 0, "warn": False}
places = np.linspace(-1, 1, n)[:, None]
costs = ot.dist(places, places)
histograms = np.exp(-(((places - [-0.6, 0.5]) / [0.1, 0.2]) ** 2))
histograms /= histograms.sum(axis=0)


def plan():
    return ot.sinkhorn(*histograms.T, costs, 0.005, method="sinkhorn_log", **options)


def barycentre():
    return ot.barycenter(histograms, costs, 0.005, method="sinkhorn_log", **options)


def timed(function):
    started = perf_counter()
    result = function()
    return perf_counter() - started, result


# %%
# By turns with SciPy's functions and with softkern's, three times each after a first one:

times = {}
for function in (plan, barycentre):
    turns = []
    for _ in range(4):
        plain = timed(function)
        with softkern.in_scipy():
            turns.append((plain, timed(function)))
    (theirs, expected), (ours, result) = (min(turn[1:]) for turn in zip(*turns, strict=True))
    times[function.__name__] = theirs, ours
    print(f"{function.__name__}: SciPy {theirs:.2f} s, softkern {ours:.2f} s")
    print(
        f"  they differ by at most {abs(result - expected).max() / expected.max():.0e} of the largest"
    )

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
left.plot(places, histograms, color="grey")
left.plot(places, result, label="barycentre")
left.set(title="two histograms, and one between them", yticks=[])
left.legend()
for k, library in enumerate(("SciPy", "softkern")):
    seconds = [pair[k] for pair in times.values()]
    right.barh(np.arange(2) + 0.4 * k, seconds, height=0.35, label=library)
right.set_yticks(np.arange(2) + 0.2, times)
right.set(title="seconds, with the functions of")
right.invert_yaxis()
right.legend(loc="lower right")
plt.show()

# %%
# A package that took the functions by name, as by ``from scipy.special import logsumexp``, holds them in
# its own modules, which are named then: ``softkern.in_scipy(package.module)``.
