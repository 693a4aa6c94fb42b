"""
Two soft maxima and the hard one
================================

Two smooth functions are called a soft maximum. The good one is logsumexp: it never falls below the
maximum, and rises with every entry. The other is `boltzmann`, the mean of the entries under their own
softmax: it never exceeds the maximum, but it is not monotonic.
"""

import matplotlib.pyplot as plt
import numpy as np

from softkern import boltzmann, boltzmann_vjp, logsumexp

a = np.linspace(-6, 6, 241)
rows = np.stack([a, np.zeros_like(a)], axis=1)

fig, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
ax.plot(a, logsumexp(rows, axis=1), label="logsumexp(a, 0)")
ax.plot(a, rows.max(axis=1), "k", linewidth=1, label="max(a, 0)")
ax.plot(a, boltzmann(rows, axis=1), label="weighted mean of (a, 0)")
ax.set(xlabel="a", ylabel="soft maximum of (a, 0)")
ax.legend()
plt.show()

# %%
# Where the weighted mean falls although an entry rises:

mean = boltzmann(rows, axis=1)
falling = np.diff(mean) < 0
print(f"the weighted mean falls from a = {a[:-1][falling].min():.2f} to {a[1:][falling].max():.2f}")
print("logsumexp rises everywhere:", bool((np.diff(logsumexp(rows, axis=1)) > 0).all()))

# %%
# Its gradient has negative entries, for what lies further than t below the mean; that of logsumexp is
# softmax, and positive.

print(boltzmann_vjp(np.array([3.0, 2.5, 0.0]), 1.0).round(4))

# %%
# With the temperature both tend to the maximum: logsumexp from above, by at most t log n.

x = np.random.default_rng(0).normal(size=1000)
for t in (1.0, 0.1, 0.01, 0.001, 0.0):
    L = logsumexp(x, temperature=t)
    print(f"t = {t:<6} logsumexp - max = {L - x.max():.3e}   t log n = {t * np.log(x.size):.3e}")
