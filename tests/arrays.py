"""What the tests share: the operations, and arrays of every library to try them on."""

import ml_dtypes
import numpy as np
import oracle
import pytest
from array_api_compat import array_namespace

import softkern

VALUES = ("softmax", "log_softmax", "logsumexp")
OPERATIONS = VALUES + tuple(f"{name}_{kind}" for name in VALUES for kind in ("jvp", "vjp"))

DASK = "array_api_compat.dask.array"
WITH_NUMPY_DTYPES = ("array_api_compat.numpy", "array_api_compat.cupy", DASK)

X = np.array([[1.0, 2.5, -3.0, 0.25], [-2.0, 0.5, 0.5, 7.0], [0.0, -0.5, -1.0, -1.5]])
U = np.array([[1.0, -2.0, 4.0, 0.5], [3.0, 1.5, -1.0, 2.0], [-1.0, 0.25, 2.0, 5.0]])
WHERE = np.array([[True, False, True, False], [False] * 4, [True] * 4])
HIDDEN_X = np.where(WHERE, X, [np.nan, np.inf, -np.inf, np.nan])
HIDDEN_U = np.where(WHERE, U, np.nan)


def dtype_of(xp, name):
    """The namespace's dtype of this name; the test is skipped where it has none."""
    if xp.__name__ in WITH_NUMPY_DTYPES:
        return np.dtype(ml_dtypes.bfloat16 if name == "bfloat16" else name)
    if not hasattr(xp, name):
        pytest.skip(f"{xp.__name__} has no {name}")
    return getattr(xp, name)


def array(xp, values, dtype="float64"):
    """A copy of `values` as an array of the namespace; Dask's is cut in up to three along each axis."""
    values = np.array(values)
    if xp.__name__ == DASK:
        values = values.astype(dtype_of(xp, dtype))
        return xp.from_array(values, chunks=tuple(max(-(-n // 3), 1) for n in values.shape))
    if xp.__name__ == "array_api_compat.numpy":
        return values.astype(dtype_of(xp, dtype))
    return xp.asarray(values, dtype=dtype_of(xp, dtype))


def to_numpy(a):
    """The numbers of an array of any library; torch's bfloat16 becomes ml_dtypes'."""
    if hasattr(a, "get") and hasattr(a, "device"):
        return a.get()
    if str(getattr(a, "dtype", "")) == "torch.bfloat16":
        return np.asarray(a.float()).astype(ml_dtypes.bfloat16)
    return np.asarray(a)


def call(module, name, x, u=None, axis=None, **options):
    """Call an operation of softkern or of the oracle on x and, if a derivative, on u too.

    The result is a tuple, of two for a JVP; u has the shape of x, and the VJP of logsumexp takes
    one number a row from it.
    """
    operation = getattr(module, name)
    if name in VALUES:
        return (operation(x, axis, **options),)
    if name == "logsumexp_vjp":
        u = one_a_row(u, axis)
    result = operation(x, u, axis, **options)
    return result if isinstance(result, tuple) else (result,)


def one_a_row(u, axis):
    """The first number of each row, or 1 where rows are empty."""
    axes = range(u.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    reduced = {k % u.ndim for k in axes}
    if 0 in u.shape:
        shape = tuple(size for k, size in enumerate(u.shape) if k not in reduced)
        return array_namespace(u).ones(shape, dtype=u.dtype)
    return u[tuple(0 if k in reduced else slice(None) for k in range(u.ndim))]


def assert_close(result, truth, ulps=16):
    """Equal up to `ulps` of the largest number of the truth; infinities and NaN at their places."""
    result, truth = to_numpy(result), np.asarray(truth)
    assert result.shape == truth.shape
    if np.iscomplexobj(result):
        truth = truth.astype(complex)
        assert_close(result.real, truth.real, ulps)
        assert_close(result.imag, truth.imag, ulps)
    else:
        sizes = abs(truth.astype(float))
        at = np.max(sizes, where=np.isfinite(sizes), initial=1.0)
        assert oracle.ulp(result, truth, at) <= ulps, f"{result} is not {truth.astype(float)}"


def assert_true(name, x, u, axis=None, ulps=16, **options):
    """softkern and the oracle agree."""
    known = {key: to_numpy(value) for key, value in options.items()}
    results = call(softkern, name, x, u, axis, **options)
    truths = call(oracle, name, to_numpy(x), to_numpy(u), axis, **known)
    for result, truth in zip(results, truths, strict=True):
        assert_close(result, truth, ulps)
