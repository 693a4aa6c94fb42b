"""
Accuracy on hard rows
=====================

The largest error over rows chosen to be hard, in units in the last place, against the exact result in
arithmetic of 200 digits. A dot on the left edge is an error below 0.3, hence the best a float can be.
"""

import importlib

import matplotlib.pyplot as plt
import mpmath
import numpy as np
import scipy.special

import softkern

mpmath.mp.dps = 200
rng = np.random.default_rng(0)
dominant = rng.normal(0, 3, (20, 100))
dominant[:, 50] = 38 + dominant.max(axis=1)
ROWS = {
    "N(0, 3)": rng.normal(0, 3, (20, 100)),
    "a span of 600": rng.uniform(-300, 300, (20, 100)),
    "one entry dominates": dominant,
    "far from 0": rng.normal(1e8, 3, (20, 100)),
}


def libraries():
    """Name -> function of an operation's name and rows; those that are installed."""
    yield "softkern", lambda name, x: getattr(softkern, name)(x, axis=1)
    yield "SciPy", lambda name, x: getattr(scipy.special, name)(x, axis=1)
    if importlib.util.find_spec("torch"):
        torch = importlib.import_module("torch")
        yield "PyTorch", lambda name, x: getattr(torch, name)(torch.from_numpy(x), 1).numpy()
    if importlib.util.find_spec("jax"):
        jax = importlib.import_module("jax")
        jax.config.update("jax_enable_x64", True)
        yield "JAX", lambda name, x: np.asarray(getattr(jax.nn, name)(x, axis=1))


def exactly(name, row):
    row = [mpmath.mpf(float(a)) for a in row]
    e = [mpmath.exp(a - max(row)) for a in row]
    if name == "softmax":
        return [a / mpmath.fsum(e) for a in e]
    return [a - max(row) - mpmath.log(mpmath.fsum(e)) for a in row]


def error(found, truths):
    """The largest, in units in the last place of what is true."""
    return max(
        float(abs(mpmath.mpf(float(a)) - b)) / np.spacing(abs(float(b)))
        for a, b in zip(found.flat, (b for row in truths for b in row), strict=True)
    )


print(f"{'':<21}", *(f"{rows:>9.9}" for rows in ROWS))
fig, axes = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained", sharey=True)
for ax, name in zip(axes, ("softmax", "log_softmax"), strict=True):
    truths = {rows: [exactly(name, row) for row in x] for rows, x in ROWS.items()}
    for library, call in libraries():
        errors = [error(call(name, x), truths[rows]) for rows, x in ROWS.items()]
        print(f"{name:<12}{library:<9}", *(f"{e:>9.2g}" for e in errors))
        ax.plot(np.maximum(errors, 0.3), list(ROWS), "o", label=library, alpha=0.7)
    ax.axvline(1, color="grey", linewidth=0.8, linestyle=":")
    ax.set(title=name, xscale="log", xlabel="units in the last place")
axes[0].legend()
plt.show()
