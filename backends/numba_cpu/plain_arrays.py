"""What plain calls look at in arrays."""

from numba import njit

from .objects import ALIGNED, CONTIGUOUS, words_at
from .part import PART

part = njit(**PART)


@part
def has_steps(x, f):
    """Whether this is an array of numbers behind each other, or of one row at equal steps."""
    if x.type != f.array or not x.flags & ALIGNED:
        return False
    return x.ndim == 1 or (x.ndim > 1 and x.flags & CONTIGUOUS != 0)


@part
def count_of(x, first, last):
    """How many numbers the axes from `first` to `last` have."""
    shape, count = words_at(x.shape), 1
    for k in range(first, last):
        count *= shape[k]
    return count


@part
def step_of(x, size):
    """From a number to the next."""
    return 1 if x.flags & CONTIGUOUS else words_at(x.strides)[0] // size


@part
def reduced_shape(x, first, last, keepdims, shape):
    """Write the shape of what has one number a row; return how many axes that has."""
    own, ndim = words_at(x.shape), 0
    for k in range(x.ndim):
        reduced = first <= k < last
        if keepdims or not reduced:
            words_at(shape)[ndim] = 1 if reduced else own[k]
            ndim += 1
    return ndim


@part
def has_shape(a, ndim, shape):
    same = a.ndim == ndim
    for k in range(ndim):
        same = same and words_at(a.shape)[k] == words_at(shape)[k]
    return same


@part
def lies_apart(out, results, x, numbers, size, may_meet):
    """Whether to write `out` leaves x as it is; `may_meet`: or what has been read of it already."""
    if may_meet and out.data == x.data and x.flags & CONTIGUOUS:
        return True
    first, last = x.data, x.data + (numbers - 1) * step_of(x, size) * size
    if last < first:
        first, last = last, first
    return out.data + results * size <= first or last + size <= out.data
