"""
Inside compiled code
====================

A loop that Numba compiles calls softkern as Python does, by the same names; nothing has to be imported for
it or registered. The kernels become part of the loop, so that a call costs what its numbers cost.
"""

import ctypes
from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
from numba import njit, prange
from scipy import LowLevelCallable, ndimage
from scipy.special import logsumexp

import softkern

# %%
# The forward pass of a hidden Markov model is a loop that cannot be an array operation: each step needs
# the one before. Here it runs over 20,000 observations of a chain with 8 states.

rng = np.random.default_rng(0)
states, steps = 8, 20_000
log_transition = softkern.log_softmax(rng.normal(0, 2, (states, states)), axis=1)
log_emission = rng.normal(-2, 1, (steps, states))


@njit
def forward(log_transition, log_emission):
    """The logarithm of the probability of all that was observed."""
    weights = log_emission[0] - np.log(log_emission.shape[1])
    for t in range(1, len(log_emission)):
        paths = weights.reshape(-1, 1) + log_transition
        weights = softkern.logsumexp(paths, axis=0) + log_emission[t]
    return softkern.logsumexp(weights)


def seconds(call):
    start = perf_counter()
    call()
    return perf_counter() - start


def in_python(logsumexp):
    weights = log_emission[0] - np.log(states)
    for emission in log_emission[1:]:
        weights = logsumexp(weights[:, None] + log_transition, axis=0) + emission
    return logsumexp(weights)


assert np.isclose(forward(log_transition, log_emission), in_python(logsumexp))
print(f"in @njit               {seconds(lambda: forward(log_transition, log_emission)):.3f} s")
print(f"softkern from Python   {seconds(lambda: in_python(softkern.logsumexp)):.3f} s")
print(f"SciPy from Python      {seconds(lambda: in_python(logsumexp)):.3f} s")

# %%
# Inside ``prange`` each call stays on the thread it is made on. With ``out`` a contiguous row of up to
# 2048 numbers takes no memory at all: here each thread draws from the softmax of its own rows.


@njit(parallel=True)
def draw(logits, uniform):
    chosen = np.empty(len(logits), np.int64)
    for i in prange(len(logits)):
        weights = softkern.softmax(logits[i], out=logits[i])
        chosen[i] = np.searchsorted(np.cumsum(weights), uniform[i])
    return chosen


logits = np.tile(np.log([0.1, 0.2, 0.3, 0.4]), (100_000, 1))
print(np.bincount(draw(logits, rng.random(len(logits)))) / len(logits))

# %%
# C is given an address. `softkern.c_function` has the type of SciPy's callbacks, so that an image can be
# filtered with it: the soft maximum of every window, less t times the logarithm of the window's size. With
# the temperature it goes from the largest pixel to the mean.

image = ndimage.gaussian_filter(rng.normal(size=(160, 160)), 2) + rng.normal(0, 0.03, (160, 160))
soft_maximum = softkern.c_function("logsumexp")


def soft_dilation(image, t, size=9):
    t = ctypes.c_double(t)
    callback = LowLevelCallable(soft_maximum, ctypes.cast(ctypes.pointer(t), ctypes.c_void_p))
    return ndimage.generic_filter(image, callback, size=size) - t.value * np.log(size**2)


figure, panels = plt.subplots(1, 4, figsize=(11, 3.1), layout="constrained")
pictures = {
    "image": image,
    "t = 0.01": soft_dilation(image, 0.01),
    "t = 0.1": soft_dilation(image, 0.1),
    "t = 10": soft_dilation(image, 10.0),
}
for axes, (title, picture) in zip(panels, pictures.items(), strict=True):
    axes.imshow(picture, cmap="gray", vmin=image.min(), vmax=image.max())
    axes.set(title=title, xticks=[], yticks=[])

# %%
# One image of 160 x 160 pixels in windows of 81, by C and by Python:

print(f"softkern's C function  {seconds(lambda: soft_dilation(image, 1.0)):.3f} s")
print(
    f"SciPy's logsumexp      {seconds(lambda: ndimage.generic_filter(image, logsumexp, size=9)):.3f} s"
)
