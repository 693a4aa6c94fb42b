"""
Softmax regression, and what it learns to look for
==================================================

One linear layer gives an image the logits x W + b. Its loss is the cross-entropy of their softmax to the
class, whose gradient with respect to the logits comes out of the same pass over them.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np

from softkern import cross_entropy, cross_entropy_value_and_grad, softmax

sys.path.append("..")
from fashion_mnist import read_images

data = read_images()
pixels, side = data.train_x.shape[1], round(data.train_x.shape[1] ** 0.5)
print(f"{len(data.train_y)} images of {side} x {side} pixels to learn from")

# %%
# Gradient descent on batches of 100 images, at a rate that falls to zero.

W, b = np.zeros((pixels, 10), np.float32), np.zeros(10, np.float32)
rng, losses = np.random.default_rng(0), []
order = np.concatenate([rng.permutation(len(data.train_y)) for epoch in range(5)])
batches = order[: order.size // 100 * 100].reshape(-1, 100)
for step, batch in enumerate(batches):
    x, rate = data.train_x[batch], 0.2 * (1 - step / len(batches))
    loss, dlogits = cross_entropy_value_and_grad(x @ W + b, data.train_y[batch])
    W -= rate * (x.T @ dlogits)
    b -= rate * dlogits.sum(axis=0)
    losses.append(loss)

logits = data.test_x @ W + b
print(f"loss of the first batch {losses[0]:.4f}, log 10 = {np.log(10):.4f}")
print(f"loss on the test images {cross_entropy(logits, data.test_y):.4f}")
print(f"accuracy on them        {np.mean(logits.argmax(axis=1) == data.test_y):.2%}")

# %%
# The column of W that belongs to a class is an image itself: where it is red, ink speaks for the class;
# where it is blue, against it.

fig, axes = plt.subplots(2, 5, figsize=(9, 4.2), layout="constrained")
largest = np.abs(W).max()
for ax, weights, name in zip(axes.flat, W.T, data.classes, strict=True):
    ax.imshow(weights.reshape(side, side), cmap="RdBu_r", vmin=-largest, vmax=largest)
    ax.set(xticks=[], yticks=[], title=name)
plt.show()

# %%
# What it takes for what: the mean probabilities that it gives to the images of each class.

y = softmax(logits, axis=1)
table = np.array([y[data.test_y == k].mean(axis=0) for k in range(10)])
fig, ax = plt.subplots(figsize=(6, 5), layout="constrained")
shown = ax.imshow(table, cmap="Blues", vmin=0, vmax=1)
ax.set_xticks(range(10), data.classes, rotation=60, ha="right")
ax.set_yticks(range(10), data.classes)
ax.set(xlabel="mean probability of", ylabel="images of")
fig.colorbar(shown)
plt.show()
