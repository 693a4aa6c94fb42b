"""
Overflow and underflow
======================

The textbook formula takes the exponential of every entry as it stands. That is infinite from 710 on in
double precision, and 0 below -745; then infinity over infinity, or 0 over 0, is not a number. softkern
measures every entry from the row's maximum, so that the largest exponential is 1.
"""

import matplotlib.pyplot as plt
import numpy as np

from softkern import log_softmax, logsumexp, softmax


def naive(x):
    with np.errstate(all="ignore"):
        return np.exp(x) / np.exp(x).sum()


def naive_logsumexp(x):
    with np.errstate(all="ignore"):
        return np.log(np.exp(x).sum())


for row in ([1000.0], [-1000.0] * 3, [-1000.0, 1000.0, -1000.0], [710.0, 709.0]):
    x = np.array(row)
    print(f"x = {row}")
    print("  softmax    naive", naive(x), " softkern", softmax(x))
    print("  logsumexp  naive", naive_logsumexp(x), " softkern", logsumexp(x))

# %%
# The textbook formula in a picture: softmax of (a, a - 1), whose first entry is the same for every a.

a = np.linspace(-1000, 1000, 401)
rows = np.stack([a, a - 1], axis=1)
fig, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
ax.plot(a, softmax(rows, axis=1)[:, 0], label="softkern", linewidth=3, alpha=0.6)
ax.plot(a, [naive(row)[0] for row in rows], "k--", label="textbook, as far as it goes")
ax.set(xlabel="a", ylabel="softmax of (a, a - 1)", ylim=(0, 1))
ax.legend()
plt.show()

# %%
# What is too small for a float has a logarithm still.

x = np.array([0.0, 800.0])
print("softmax    ", softmax(x))
print("log_softmax", log_softmax(x))

# %%
# A probability so close to one that a float calls it one has a logarithm, too. The logarithm of
# softmax has lost it, and so has x - logsumexp(x).

x = np.array([40.0, 0.0])
print("log_softmax(x)    ", log_softmax(x)[0])
print("log(softmax(x))   ", np.log(softmax(x))[0])
print("x - logsumexp(x)  ", (x - logsumexp(x))[0])
print("exactly           ", -np.log1p(np.exp(-40.0)))
