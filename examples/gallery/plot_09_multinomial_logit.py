"""
A multinomial logit model of choice
===================================

A traveller chooses among modes with probabilities softmax(utilities), where not every mode is on offer
to everyone. The log-likelihood sums log_softmax at what was chosen; `log_softmax_vjp` carries its
gradient back to the utilities. The mask of what is on offer goes in as `where`.
"""

from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
import scipy.optimize
import scipy.special

import softkern

rng = np.random.default_rng(0)
PEOPLE, MODES = 20_000, 6
TRUE = np.array([-1.2, -0.8, 0.6])  # weights of cost, time and comfort
attributes = rng.normal(size=(PEOPLE, MODES, 3))
on_offer = rng.random((PEOPLE, MODES)) < 0.8
on_offer[:, 0] = True
odds = softkern.softmax(attributes @ TRUE, axis=1, where=on_offer)
chosen = (rng.random((PEOPLE, 1)) > odds.cumsum(axis=1)).sum(axis=1).clip(max=MODES - 1)
everyone = np.arange(PEOPLE)
cotangent = np.zeros((PEOPLE, MODES))
cotangent[everyone, chosen] = -1 / PEOPLE


def loss(weights):
    """The mean of -log p, and its gradient."""
    utilities = attributes @ weights
    z = softkern.log_softmax(utilities, axis=1, where=on_offer)
    g = softkern.log_softmax_vjp(None, cotangent, axis=1, where=on_offer, output=z)
    return -z[everyone, chosen].mean(), np.einsum("pm,pmk->k", g, attributes)


def loss_with_scipy(weights):
    utilities = np.where(on_offer, attributes @ weights, -np.inf)
    z = scipy.special.log_softmax(utilities, axis=1)
    g = cotangent - np.exp(z) * cotangent.sum(axis=1, keepdims=True)
    return -z[everyone, chosen].mean(), np.einsum("pm,pmk->k", g, attributes)


def fit(function):
    function(np.zeros(3))
    started = perf_counter()
    found = scipy.optimize.minimize(function, np.zeros(3), jac=True, method="BFGS")
    return found, perf_counter() - started


found, ours = fit(loss)
expected, theirs = fit(loss_with_scipy)
print(f"{PEOPLE} people, {MODES} modes: {found.nfev} evaluations")
print(
    f"true weights  {TRUE}\nestimates     {found.x.round(4)}\nwith SciPy    {expected.x.round(4)}"
)
print(f"softkern {ours:.2f} s, SciPy {theirs:.2f} s, {theirs / ours:.1f} times as fast")

# %%
# What a higher cost of the first mode does to its share, by the model:

raised = np.linspace(0, 4, 30)
shares = []
for extra in raised:
    changed = attributes.copy()
    changed[:, 0, 0] += extra
    shares.append(softkern.softmax(changed @ found.x, axis=1, where=on_offer).mean(axis=0))
fig, ax = plt.subplots(figsize=(7, 4), layout="constrained")
ax.stackplot(raised, np.transpose(shares), labels=[f"mode {k}" for k in range(MODES)])
ax.set(xlabel="added to the cost of mode 0", ylabel="share of all choices", ylim=(0, 1))
ax.legend(loc="upper right", ncols=2)
plt.show()
