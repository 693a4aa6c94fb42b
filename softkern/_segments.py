"""Segments of an array along its first axis: where it is cut, and the operations on each of them."""

from operator import index
from typing import Any

from ._arrays import as_floats, namespace
from ._dispatch import PLAIN, backend


def on_segments(
    name: str,
    x: Any,
    v: Any,
    offsets: Any,
    segment_ids: Any,
    num_segments: int | None,
    temperature: Any,
) -> Any:
    """The results of an operation on every segment: by a kernel, or in rectangles."""
    x = as_floats(x)
    if not x.ndim:
        raise ValueError("x is a single number: segments are cut along the first axis of an array")
    cuts = _cuts(x.shape[0], offsets, segment_ids, num_segments)
    if v is not None:
        shape = (len(cuts) - 1, *x.shape[1:]) if name == "logsumexp_vjp" else x.shape
        v = as_floats(v, x)
        v = v if v.shape == shape else namespace(x).broadcast_to(v, shape)
    kernels = getattr(backend(x, temperature, v), "on_segments", None)
    results = None if kernels is None else kernels(name, x, v, cuts, temperature)
    if results is None:
        from ._rectangles import in_rectangles

        results = in_rectangles(name, x, v, cuts, temperature)
    return results


def _cuts(size: int, offsets: Any, segment_ids: Any, num_segments: int | None) -> Any:
    """The offsets as a NumPy array, checked."""
    if (offsets is None) == (segment_ids is None):
        raise TypeError("say where x is cut: by offsets or by segment_ids, one of the two")
    if segment_ids is not None:
        return _from_ids(size, _integers(segment_ids, "segment_ids"), num_segments)
    if num_segments is not None:
        raise TypeError("num_segments goes with segment_ids; offsets say how many there are")
    cuts = _integers(offsets, "offsets")
    if not cuts.size or cuts[0] != 0 or cuts[-1] != size:
        ends = f"from {cuts[0]} to {cuts[-1]}" if cuts.size else "empty"
        raise ValueError(f"offsets must go from 0 to len(x) = {size}; they are {ends}")
    if (cuts[1:] < cuts[:-1]).any():
        raise ValueError("offsets must not decrease: each is where a segment begins, in order")
    return cuts


def _from_ids(size: int, ids: Any, num_segments: int | None) -> Any:
    import numpy as np

    if len(ids) != size:
        raise ValueError(f"segment_ids must be one for each of {size} entries, not {len(ids)}")
    if (ids[1:] < ids[:-1]).any():
        raise ValueError(
            "segment_ids must be sorted: with order = argsort(segment_ids), pass x[order] "
            "and segment_ids[order]"
        )
    count = int(ids[-1]) + 1 if size else 0
    if num_segments is not None:
        needed, count = count, index(num_segments)
        if count < needed:
            raise IndexError(f"segment_ids go up to {needed - 1}: too far for {count} segments")
    if size and ids[0] < 0:
        raise IndexError(f"segment_ids must not be negative, as {ids[0]} is")
    return np.append(0, np.cumsum(np.bincount(ids, minlength=count)))


def _integers(a: Any, name: str) -> Any:
    """An array of any library, or a sequence, as one of NumPy."""
    import numpy as np
    from array_api_compat import is_cupy_array, is_torch_array, to_device

    nothing = isinstance(a, PLAIN) and a in ([], ())  # NumPy would take it for floats
    if is_cupy_array(a) or is_torch_array(a):
        a = to_device(a, "cpu")
    try:
        a = np.asarray(a, np.int64 if nothing else None)
    except TypeError as error:
        raise TypeError(
            f"{name} must be known when the call is made: while a function is traced, as by "
            "jax.jit, keep them out of its arguments"
        ) from error
    if a.dtype.kind not in "iu":
        raise TypeError(f"{name} must be integers, not {a.dtype}")
    if a.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional, not of shape {a.shape}")
    return np.ascontiguousarray(a, np.int64)
