"""Calls that are hard to get right, for hypothesis to draw, and what is true of them.

Numbers are drawn by their bits too: subnormals, extremes, signed zeros, infinities, NaN of any payload.
"""

import hypothesis.strategies as st
import ml_dtypes
import numpy as np
import oracle
from arrays import VALUES, call
from hypothesis.extra.numpy import arrays
from test_accuracy import LIMIT_OF_DERIVATIVES, LIMITS
from test_properties import axes, layouts, shapes

inf, nan = np.inf, np.nan
# A half is rounded once, from float32, whose own errors hardly show.
LIMIT_OF_HALVES = 0.51
TEMPERATURES = (0.5, 3.0, 1e-3, 700.0, 1e-29, 1e29)
# Of such numbers, a subnormal one is at most half of the last place.
SO_SMALL = {"float32": 2.0**-102, "bfloat16": 2.0**-118}
# Where the kernels leave the call to the formulas.
LIMITING = (0.0, inf, 1e-32, 1e32, 5e-324, 1.7e308)
MOST_OF_FORMULAS = 1000.0


def bits(dtype):
    return np.dtype(f"u{np.dtype(dtype).itemsize}")


def specials(dtype):
    """The bits of numbers at the ends of what there is."""
    info = ml_dtypes.finfo(dtype)
    sizes = [0, 1, info.eps, info.tiny, info.smallest_subnormal, info.max, float(info.max) / 2, inf]
    signed = np.array([sizes, np.negative(np.array(sizes, float))]).astype(dtype).view(bits(dtype))
    quiet = np.array(nan, dtype).view(bits(dtype))
    return [int(b) for b in (*signed.flat, quiet, quiet + 1, quiet ^ 1 << 8 * quiet.itemsize - 1)]


@st.composite
def hard_numbers(draw, dtype, shape):
    whole, own = bits(dtype), np.dtype(dtype)
    kind = draw(
        st.sampled_from(["moderate", "moderate", "any", "special", "mixed", "near", "scaled"])
    )
    moderate = arrays("f4", shape, elements=st.floats(-50, 50, width=16))
    if kind == "near":  # some units in the last place apart
        first = draw(st.integers(0, 2 ** (8 * own.itemsize) - 1))
        steps = draw(arrays(whole, shape, elements=st.integers(0, 3)))
        return (np.array(first, whole) + steps).astype(whole).view(own)
    if kind in ("any", "special"):
        elements = st.sampled_from(specials(dtype)) if kind == "special" else None
        return draw(arrays(whole, shape, elements=elements)).view(own)
    x = draw(moderate)
    if kind == "scaled":
        return np.ldexp(x.astype("f8"), draw(st.integers(-160, 60))).astype(own)
    x = x.astype(own)
    if kind == "mixed":
        chosen = draw(arrays(bool, shape))
        x[chosen] = draw(arrays(whole, shape, elements=st.sampled_from(specials(dtype)))).view(own)[
            chosen
        ]
    return x


@np.errstate(invalid="ignore")  # of NaN that signal, to ml_dtypes
def narrowed(x):
    """x with its finite numbers no further apart than the largest float.

    Differences beyond that are infinite, before they are divided by a temperature.
    """
    most = float(ml_dtypes.finfo(x.dtype).max) / 2
    return np.where(np.isfinite(x), np.clip(x, -most, most), x).astype(x.dtype)


@st.composite
def tangents(draw, dtype, shape):
    """Finite, and neither their products nor their sums are beyond float32."""
    u = draw(arrays("f4", shape, elements=st.floats(-50, 50, width=16))).astype("f8")
    return np.ldexp(u, draw(st.sampled_from([0, 0, -30, -3, 5]))).astype(dtype)


@st.composite
def hard_calls(draw, name, dtype):
    """Arguments for an operation: x, u, axis and options."""
    shape = draw(shapes)
    with np.errstate(all="ignore"):
        x, u = draw(hard_numbers(dtype, shape)), draw(tangents(dtype, shape))
    axis, options = draw(axes(len(shape))), {}
    limiting = LIMITING if name in VALUES else ()
    t = st.sampled_from((*TEMPERATURES, *limiting))
    kind = draw(st.sampled_from(["one", "other", "rows"]))
    if kind == "other":
        options["temperature"] = draw(t)
    elif kind == "rows":
        reduced = np.empty(shape, bool).max(axis, initial=False).shape
        options["temperature"] = draw(arrays("f8", reduced, elements=t))
    if options:
        x = narrowed(x)
    if draw(st.booleans()):
        options["where"] = draw(layouts(draw(arrays(bool, shape))))
    return draw(layouts(x)), draw(layouts(u)), axis, options


@np.errstate(invalid="ignore")
def truths(name, x, u, axis, **options):
    """What is true of a call, rows with NaN and +inf included."""
    visible = np.broadcast_to(options.get("where", True), x.shape)
    axis = tuple(range(x.ndim)) if axis is None else axis
    holds_nan = (np.isnan(x) & visible).any(axis, keepdims=True)
    holds_inf = (np.isposinf(x) & visible).any(axis, keepdims=True)
    finite = np.where(np.isnan(x) | np.isposinf(x), x.dtype.type(0), x)
    return [
        _of_special_rows(name, k, np.asarray(truth), visible, holds_nan, holds_inf)
        for k, truth in enumerate(call(oracle, name, finite, u, axis, **options))
    ]


def _of_special_rows(name, k, truth, visible, holds_nan, holds_inf):
    bad = holds_nan | holds_inf
    if truth.shape == visible.shape:
        return np.where(bad & visible, nan, truth)
    bad, holds_inf = (np.reshape(a, truth.shape) for a in (bad, holds_inf & ~holds_nan))
    return np.where(holds_inf & (k == 0), inf, np.where(bad, nan, truth))


def places(name, x, u, axis, results, **options):
    """For each result the size of numbers in whose places its errors are counted, or None: its own."""
    if name in ("softmax", "log_softmax"):
        return [None]
    axis = tuple(range(x.ndim)) if axis is None else axis
    sizes = [abs(np.asarray(truth).astype(float)) for truth in results]
    if name == "logsumexp":
        return [np.maximum(sizes[0], 1)]
    if name == "logsumexp_vjp":
        return [np.max(sizes[0], axis, keepdims=True, initial=0)]
    visible = np.broadcast_to(options.get("where", True), x.shape)
    t = options.get("temperature", 1.0)
    t = 1.0 if name.startswith("logsumexp") else np.expand_dims(t, axis) if np.ndim(t) else t
    of_u = np.sum(np.where(visible, abs(u.astype(float)), 0), axis, keepdims=True) / t
    if sizes[-1].ndim < x.ndim:
        of_u = np.squeeze(of_u, axis)
    value = {"softmax_jvp": None, "log_softmax_jvp": None}.get(name, np.maximum(sizes[0], 1))
    return [value, of_u] if len(sizes) == 2 else [of_u]


def limit_of(name, k, dtype, t):
    """How many of those units a result may be off."""
    if np.any((np.asarray(t) < 1e-30) | (np.asarray(t) > 1e30)):
        return MOST_OF_FORMULAS
    if np.dtype(dtype).itemsize == 2:
        return LIMIT_OF_HALVES
    value = name.removesuffix("_jvp") if k == 0 else name
    return LIMITS.get(value, LIMIT_OF_DERIVATIVES)


def within(truth, dtype):
    """The truth, infinite where it is beyond the dtype."""
    truth, info = np.asarray(truth), ml_dtypes.finfo(dtype)
    size, largest = truth.astype(float), float(info.max)
    half_a_place = largest * float(info.eps) / 4
    return np.where(abs(size) - largest > half_a_place, np.copysign(inf, size), truth)


def assert_right(name, x, u, axis, options, results, limit=None, flushes=False):
    """The results are true; where it `flushes`, but for what is too small for a normal float32."""
    known = truths(name, x, u, axis, **options)
    at = places(name, x, u, axis, known, **options)
    if flushes and x.dtype.name in SO_SMALL:
        sizes = (
            abs(truth.astype(float)) if a is None else a for a, truth in zip(at, known, strict=True)
        )
        at = [np.maximum(size, SO_SMALL[x.dtype.name]) for size in sizes]
    for k, (result, truth) in enumerate(zip(results, known, strict=True)):
        assert result.dtype.type is x.dtype.type
        assert result.shape == truth.shape
        t = options.get("temperature", 1.0)
        most = limit_of(name, k, x.dtype, t) if limit is None else limit
        found = oracle.ulp(result, within(truth, x.dtype), at[k])
        assert found <= most, f"{found} units: {result} is not {truth.astype(float)}"
