"""Any shape, layout, dtype, axis and option that a NumPy array may come with, against the oracle."""

import hypothesis.strategies as st
import numpy as np
import oracle
import pytest
from arrays import OPERATIONS, VALUES, call
from hypothesis import HealthCheck, given, settings
from hypothesis.extra.numpy import array_shapes, arrays

import softkern

every_operation = pytest.mark.parametrize("name", OPERATIONS)
few = settings(
    max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
FLOATS = ("float16", "bfloat16", "float32", "float64")
INTEGERS = ("int8", "uint8", "int64", "uint64", "bool")


def stepped(a):
    wide = np.zeros([2 * size for size in a.shape], a.dtype)
    every_other = wide[(..., *[slice(1, None, 2)] * a.ndim)]
    every_other[...] = a
    return every_other


def packed(a):
    """A field of a structured array: unaligned, and not next to itself."""
    table = np.zeros(a.shape, [("before", np.int8), ("x", a.dtype)])
    table["x"] = a
    return table["x"]


def read_only(a):
    a = a.copy()
    a.flags.writeable = False
    return a


LAYOUTS = {
    "C order": np.copy,
    "Fortran order": lambda a: np.copy(a, order="F"),
    "reversed": lambda a: np.flip(a).copy()[(..., *[slice(None, None, -1)] * a.ndim)],
    "stepped": stepped,
    "packed": packed,
    "read-only": read_only,
    "other byte order": lambda a: a.astype(a.dtype.newbyteorder()),
    "one row repeated": lambda a: np.broadcast_to(a[:1], a.shape),
    "one column repeated": lambda a: np.broadcast_to(a[..., :1], a.shape),
    "one number repeated": lambda a: np.broadcast_to(a[(slice(0, 1),) * a.ndim], a.shape),
}

shapes = st.one_of(
    array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5),
    st.tuples(st.integers(0, 3), st.integers(0, 80)),
    st.tuples(st.integers(0, 80), st.integers(0, 3)),
)
moderate = st.floats(-50, 50, width=16)


@st.composite
def layouts(draw, a):
    """The array as it lies in memory one way or another; repeated numbers replace its own."""
    layout = draw(st.sampled_from(sorted(LAYOUTS)))
    if layout == "other byte order" and a.dtype.name == "bfloat16":
        layout = "C order"
    return LAYOUTS[layout](a)


@st.composite
def axes(draw, ndim):
    some = st.lists(st.integers(0, ndim - 1), min_size=1, unique=True)
    signs = st.lists(st.booleans(), min_size=ndim, max_size=ndim)
    chosen = tuple(
        k - ndim * negative for k, negative in zip(draw(some), draw(signs), strict=False)
    )
    return draw(st.sampled_from([None, chosen[0], chosen]))


@st.composite
def calls(draw, name):
    """Arguments for an operation: x, u, axis and options."""
    shape = draw(shapes)
    dtype = draw(st.sampled_from(FLOATS + INTEGERS))
    if dtype in INTEGERS:
        x = draw(arrays(dtype, shape))
        x = x // 2**57 if x.dtype.itemsize == 8 else x
    else:
        entries = moderate if draw(st.booleans()) else moderate | st.just(-np.inf)
        x = draw(arrays("float32", shape, elements=entries)).astype(dtype)
    u = draw(arrays("float32", shape, elements=moderate)).astype(dtype)
    limits = [0.0, np.inf] if name in VALUES else [np.inf]
    options = {"temperature": draw(st.sampled_from([1.0, 1.0, 0.5, 3.0, *limits]))}
    if draw(st.booleans()):
        options["where"] = draw(layouts(draw(arrays(bool, shape))))
    return draw(layouts(x)), draw(layouts(u)), draw(axes(len(shape))), options


def check(name, x, u, axis, options, results):
    """Right up to some units of the place of the largest number that goes into the result."""
    truths = call(oracle, name, x, u, axis, **options)
    spread = np.ptp(x[np.isfinite(x)].astype(np.float64)) if np.isfinite(x).any() else 0
    dtype = np.dtype(x.dtype.type) if x.dtype.name in FLOATS else np.dtype(np.float64)
    for result, truth in zip(results, truths, strict=True):
        truth = np.asarray(truth)
        assert result.dtype == dtype
        assert result.shape == truth.shape
        sizes = abs(truth.astype(np.float64))
        at = np.max(sizes, where=np.isfinite(sizes), initial=1.0)
        if name not in VALUES:
            at = max(at, np.max(abs(u.astype(np.float64)), initial=0.0) / options["temperature"])
        assert oracle.ulp(result, truth, at) <= 16 + min(spread, 1000)


@every_operation
@few
@given(data=st.data())
def test_any_layout(name, data):
    x, u, axis, options = data.draw(calls(name))
    before = x.copy()
    check(name, x, u, axis, options, call(softkern, name, x, u, axis, **options))
    np.testing.assert_array_equal(x, before)


@every_operation
@few
@given(data=st.data())
def test_out_of_any_layout(name, data):
    x, u, axis, options = data.draw(calls(name))
    expected = call(softkern, name, x, u, axis, **options)
    writeable = sorted({"C order", "Fortran order", "reversed", "stepped", "packed"})
    layout = LAYOUTS[data.draw(st.sampled_from(writeable))]
    buffers = tuple(layout(np.full(np.shape(a), np.nan, a.dtype)) for a in expected)
    out = buffers if len(buffers) == 2 else buffers[0]
    results = call(softkern, name, x, u, axis, out=out, **options)
    for result, buffer in zip(results, buffers, strict=True):
        assert result is buffer
    check(name, x, u, axis, options, results)


@pytest.mark.parametrize("name", ["logsumexp", "logsumexp_jvp"])
@few
@given(data=st.data())
def test_keepdims_only_keeps_dimensions(name, data):
    x, u, axis, options = data.draw(calls(name))
    plain = call(softkern, name, x, u, axis, **options)
    reduced = tuple(range(x.ndim)) if axis is None else axis
    for a, b in zip(call(softkern, name, x, u, axis, keepdims=True, **options), plain, strict=True):
        assert a.ndim == x.ndim
        np.testing.assert_array_equal(np.squeeze(a, reduced), b)


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@few
@given(data=st.data())
def test_numbers_of_any_size(name, dtype, data):
    largest = float(np.finfo(dtype).max) / 4
    width = 32 if dtype == "float32" else 64
    largest = float(np.asarray(largest, dtype))
    entries = st.floats(-largest, largest, width=width) | st.just(-np.inf)
    x = data.draw(arrays(dtype, array_shapes(max_dims=2, max_side=6), elements=entries))
    check(name, x, None, -1, {}, call(softkern, name, x, None, -1))


@every_operation
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("n", [1, 5, 33, 1000])
def test_a_row_has_the_same_bits_in_any_company(name, dtype, n):
    rng = np.random.default_rng(n)
    x, u = rng.normal(0, 3, (2, 37, n)).astype(dtype)
    together = call(softkern, name, x, u, 1)
    for k in (0, 17, 36):
        for rows in (slice(k, k + 1), slice(max(k - 3, 0), k + 1)):
            alone = call(softkern, name, x[rows], u[rows], 1)
            for a, b in zip(alone, together, strict=True):
                np.testing.assert_array_equal(a[-1], b[k])


@every_operation
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [100, 40_000, 65_536])
@pytest.mark.parametrize("kind", ["near", "far", "rising", "falling"])
def test_a_rows_bits_do_not_depend_on_where_it_lies(name, dtype, n, kind):
    """Rows of 65536 keep exponentials where their results will lie, if those come to lie elsewhere."""
    x, u = np.random.default_rng(n).normal(0, 3, (2, 2, n)).astype(dtype)
    x += {"near": 0, "far": 2 / np.finfo(dtype).eps}.get(kind, 0)
    x[:, n // 2 :] += {"rising": 90, "falling": -90}.get(kind, 0)
    apart = np.zeros((2, 2, n, 2), dtype)
    apart[..., 0] = x, u
    expected = call(softkern, name, x, u, 1)
    for found in (
        call(softkern, name, *apart[..., 0], 1),
        call(softkern, name, x[:1], u[:1], 1),
    ):
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_array_equal(a[:1], b[:1])
    if name in ("softmax", "log_softmax"):
        getattr(softkern, name)(x, 1, out=x)
        np.testing.assert_array_equal(x, expected[0])
