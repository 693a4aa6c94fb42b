"""
The forward pass of a hidden Markov model
=========================================

The probability of a sequence sums over all paths through the hidden states. In logarithms, one step of
the forward recursion is a logsumexp over the states before; in plain numbers it underflows after some
hundred steps.
"""

from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
import scipy.special

import softkern

rng = np.random.default_rng(0)
STATES, STEPS, SEQUENCES = 32, 300, 64
log_transition = softkern.log_softmax(rng.normal(size=(STATES, STATES)), axis=1)
log_emission = rng.normal(-4, 1, size=(STEPS, SEQUENCES, STATES))


def forward(special):
    """The log-probability of every sequence, and how it went."""
    alpha = log_emission[0] - np.log(STATES)
    history = [special.logsumexp(alpha, axis=1)]
    for emission in log_emission[1:]:
        alpha = emission + special.logsumexp(alpha[:, :, None] + log_transition, axis=1)
        history.append(special.logsumexp(alpha, axis=1))
    return np.array(history)


def naive_forward():
    alpha = np.exp(log_emission[0]) / STATES
    history = [alpha.sum(axis=1)]
    for emission in log_emission[1:]:
        alpha = np.exp(emission) * (alpha @ np.exp(log_transition))
        history.append(alpha.sum(axis=1))
    with np.errstate(divide="ignore"):
        return np.log(history)


def timed(special):
    forward(special)
    started = perf_counter()
    history = forward(special)
    return history, perf_counter() - started


history, ours = timed(softkern)
expected, theirs = timed(scipy.special)
naive = naive_forward()
print(f"{SEQUENCES} sequences of {STEPS} steps, {STATES} states")
print(f"softkern {ours:.2f} s, SciPy {theirs:.2f} s, {theirs / ours:.1f} times as fast")
print(f"they differ by at most {abs(history / expected - 1).max():.1e} of their size")
print(f"the plain recursion is 0 from step {np.argmax(np.isinf(naive).any(axis=1))} on")

# %%

fig, ax = plt.subplots(figsize=(7, 4), layout="constrained")
ax.plot(history[:, 0], label="logsumexp")
ax.plot(naive[:, 0], "--", label="plain numbers, which underflow")
ax.set(xlabel="step", ylabel="log-probability of one sequence")
ax.legend()
plt.show()
