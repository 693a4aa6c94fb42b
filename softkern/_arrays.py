"""What is written with the operations needs of arrays, whatever their library."""

from typing import Any

from ._dispatch import PLAIN, backend


def namespace(x: Any) -> Any:
    """The namespace of an array in the array API standard."""
    from array_api_compat import array_namespace

    return array_namespace(x)


def as_floats(x: Any, like: Any = None) -> Any:
    """An array of floats; numbers and sequences as an array beside another."""
    backend(x if like is None else like, 1.0, x)
    if isinstance(x, PLAIN):
        if like is not None:
            from array_api_compat import device

            return namespace(like).asarray(x, dtype=like.dtype, device=device(like))
        import numpy as np

        x = np.asarray(x)
    xp = namespace(x)
    if kind_of(xp, x.dtype) in ("real floating", "complex floating"):
        return x
    from .backends.array_api.rows import result_dtype

    return xp.astype(x, result_dtype(xp, [x.dtype]))


def kind_of(xp: Any, dtype: Any) -> str:
    """The kind of a namespace's dtype, in the words of the array API standard."""
    key = xp.__name__, dtype
    if key not in _kinds:
        from .backends.array_api.rows import is_half

        kinds = ("bool", "integral", "real floating", "complex floating")
        own = ("real floating",) if is_half(dtype) else (k for k in kinds if xp.isdtype(dtype, k))
        _kinds[key] = next(iter(own), "other")
    return _kinds[key]


_kinds: dict[tuple[str, Any], str] = {}


def can_look_into(a: Any) -> bool:
    """Whether an array's values are there, without waiting for a device."""
    from array_api_compat import is_cupy_array, is_lazy_array, is_torch_array

    if is_torch_array(a):
        from .backends.torch_tensor.derivatives import sees_backwards_only

        return bool(sees_backwards_only())
    return not is_cupy_array(a) and not is_lazy_array(a)


def check_real(x: Any) -> None:
    """Raise if an array's numbers have no order."""
    if kind_of(namespace(x), x.dtype) == "complex floating":
        raise TypeError("complex numbers have no order, and so no largest")


def widened(x: Any, v: Any) -> tuple[Any, Any, Any]:
    """The dtype that two arrays promote to, and both in it, but for 16 bits in float32."""
    from .backends.array_api.rows import is_half, result_dtype

    xp = namespace(x)
    dtype = result_dtype(xp, [x.dtype, v.dtype])
    wide = xp.float32 if is_half(dtype) else dtype
    return dtype, xp.astype(x, wide, copy=False), xp.astype(v, wide, copy=False)


def squeezed(a: Any, axis: Any, keepdims: bool) -> Any:
    """One number a row, without the reduced axes unless they are kept."""
    from .backends.rows import reduced_axes

    if a.ndim and not keepdims:
        a = namespace(a).squeeze(a, axis=reduced_axes(axis, a.ndim))
    return a if a.shape else a[()]


def expanded(g: Any, axis: Any, ndim: int) -> Any:
    """One number a row, with the reduced axes of size one; a number as it is."""
    from .backends.rows import reduced_axes

    if not getattr(g, "ndim", 0):
        return g
    xp, axes = namespace(g), reduced_axes(axis, ndim)
    while g.ndim < ndim - len(axes):
        g = xp.expand_dims(g, axis=0)
    for k in axes:
        g = xp.expand_dims(g, axis=k)
    return g
