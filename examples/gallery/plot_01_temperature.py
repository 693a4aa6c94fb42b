"""
Temperature: from the hard choice to the uniform one
====================================================

Softmax at temperature t is the softmax of x/t. It runs from the hard maximum at t = 0, where the
largest entry takes all, to the uniform distribution at t = infinity, where all share alike.
"""

import matplotlib.pyplot as plt
import numpy as np

from softkern import hardmax, softmax

x = np.array([3.0, 1.0, 0.2])
for t in (0, 0.05, 0.5, 1, 2, 20, np.inf):
    print(f"t = {t:<5}", softmax(x, temperature=t).round(4))

# %%
# One call can take one temperature a row: here sixty copies of the row, cold to hot.

t = np.geomspace(0.05, 20, 60)
y = softmax(np.tile(x, (len(t), 1)), axis=1, temperature=t)

fig, ax = plt.subplots(figsize=(7, 4), layout="constrained")
for k, score in enumerate(x):
    ax.plot(t, y[:, k], label=f"x = {score}")
ax.axhline(1 / 3, color="grey", linewidth=0.8, linestyle=":")
ax.set(xscale="log", xlabel="temperature t", ylabel="probability", ylim=(-0.02, 1.02))
ax.annotate(
    "uniform: 1/3", (20, 1 / 3), (0, 5), textcoords="offset points", ha="right", color="grey"
)
ax.legend()
plt.show()

# %%
# At t = 0 entries that share the maximum share the row; hardmax gives all to the first. No entry ever
# overtakes a larger one.

print(softmax(np.array([2.0, 2.0, 1.0]), temperature=0))
print(hardmax(np.array([2.0, 2.0, 1.0])))
print("in the order of x:", bool((np.diff(y, axis=1) <= 0).all()))
