"""
Cross-entropy: hard labels, soft labels, smoothing
==================================================

The loss of a classifier that gives the logits x is the cross-entropy of its softmax y to the label: of a
hard label, a class, -log y[class]; of a soft one, probabilities q, the sum of -q log y.
"""

import matplotlib.pyplot as plt
import numpy as np

from softkern import cross_entropy, cross_entropy_value_and_grad, softmax

logits = np.array([[3.0, 1.0, 0.2], [0.5, 2.5, 0.0], [1.0, 1.0, 1.0]])
classes = np.array([0, 2, 1])
with np.printoptions(precision=4, suppress=True):
    print("softmax\n", softmax(logits, axis=-1))
    print("loss of each row", cross_entropy(logits, classes, reduction="none"))
print(f"their mean       {cross_entropy(logits, classes):.4f}")

# %%
# One-hot probabilities are the same as classes. Others say how sure the label itself is: the least loss
# is their entropy, reached where softmax equals them.

q = np.array([[0.7, 0.2, 0.1], [0.0, 0.0, 1.0], [0.1, 0.8, 0.1]])
print("one-hot:", cross_entropy(logits, np.eye(3)[classes]) == cross_entropy(logits, classes))
print(f"to q:      {cross_entropy(logits[0], q[0]):.4f}")
print(f"least:     {cross_entropy(np.log(q[0]), q[0]):.4f}")
print(f"entropy:   {-(q[0] * np.log(q[0])).sum():.4f}")

# %%
# The gradient with respect to the logits is y - q. At a minimum it is zero.

loss, gradient = cross_entropy_value_and_grad(logits, q, reduction="none")
print("equal to y - q:", np.allclose(gradient, softmax(logits, axis=-1) - q))
_, at_least = cross_entropy_value_and_grad(np.log(q[0]), q[0])
print(f"at the minimum: {np.abs(at_least).max():.1e}")

# %%
# Smoothing takes a share of each label and gives it to all classes alike. Without it the loss falls for
# ever as the class's logit rises; with it there is a best margin, beyond which to be surer costs.

margin = np.linspace(-4, 12, 321)
rows = np.stack([margin, *np.zeros((9, margin.size))], axis=1)

fig, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
for share in (0.0, 0.05, 0.1, 0.2):
    of_rows = cross_entropy(
        rows, np.zeros(margin.size, int), label_smoothing=share, reduction="none"
    )
    ax.plot(margin, of_rows, label=f"label_smoothing = {share:g}")
    if share:
        ax.plot(margin[of_rows.argmin()], of_rows.min(), "k.")
ax.set(xlabel="logit of the class, those of nine others being 0", ylabel="loss")
ax.legend()
plt.show()

# %%
# A loss near zero keeps its digits, and so does its gradient: in float32 the softmax of this row is 1
# already, and its logarithm 0.

sure = np.array([0, 20, 0], np.float32)
loss, gradient = cross_entropy_value_and_grad(sure, np.array(1))
print("-log(softmax)   ", -np.log(softmax(sure))[1])
print("cross_entropy   ", loss)
print("exact           ", np.log1p(2 * np.exp(-20.0)))
print("gradient        ", gradient)

# %%
# Classes that weigh more than others, rows that do not count, and a class that a mask rules out
# altogether (its logit is -inf; where its probability is 0 it adds nothing):

padded = np.array([0, 2, -1])
print(
    f"weighted {cross_entropy(logits, padded, weight=np.array([1.0, 2.0, 4.0]), ignore_index=-1):.4f}"
)
masked = np.where([True, False, True], logits, -np.inf)
print("masked  ", cross_entropy(masked, np.array([0, 2, 0]), reduction="none").round(4))
print("to q    ", cross_entropy(masked[0], np.array([0.75, 0.0, 0.25])).round(4))
