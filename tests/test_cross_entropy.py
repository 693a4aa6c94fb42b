"""Cross-entropy on every array, against its definition, torch's samples and ONNX's cases."""

import tracemalloc

import numpy as np
import oracle
import pytest
from arrays import U, X, array, assert_close, to_numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from test_accuracy import CASES, hard_rows

import softkern

inf, nan = np.inf, np.nan
CLASSES = np.array([1, 3, 0])
PROBABILITIES = np.array([[0.5, 0.25, 0.0, 0.25], [0.0, 0.0, 1.0, 0.0], [0.1, 0.2, 0.3, 0.4]])
WEIGHT = np.array([1.0, 0.5, 0.0, 3.0])
REDUCTIONS = pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
OPTIONS = pytest.mark.parametrize(
    "options",
    [
        {},
        {"weight": WEIGHT},
        {"label_smoothing": 0.25},
        {"weight": WEIGHT, "label_smoothing": 0.25},
        {"temperature": 0.5},
        {"temperature": np.array([0.5, 1.0, 20.0]), "label_smoothing": 0.25},
        {"ignore_index": 3},
        {"ignore_index": 3, "weight": WEIGHT, "label_smoothing": 0.25},
    ],
)


def in_library(xp, options):
    return {
        name: array(xp, value) if isinstance(value, np.ndarray) else value
        for name, value in options.items()
    }


def losses_and_gradient(x, target, axis=-1, **options):
    loss, gradient = softkern.cross_entropy_value_and_grad(x, target, axis, **options)
    return to_numpy(loss), to_numpy(gradient)


@OPTIONS
@REDUCTIONS
@pytest.mark.parametrize("target", ["classes", "probabilities"])
def test_definition(xp, target, reduction, options):
    if target == "probabilities" and "ignore_index" in options:
        pytest.skip("no class to ignore")
    labels = CLASSES if target == "classes" else PROBABILITIES
    x, own = array(xp, X), array(xp, labels, "int64" if target == "classes" else "float64")
    given = in_library(xp, options)
    options = {**options, "reduction": reduction}
    truth = oracle.cross_entropy(X, labels, **options)
    g = U[:, 0] if reduction == "none" else np.array(0.75)
    dx = oracle.cross_entropy_vjp(X, labels, g, **options)
    gradient = oracle.cross_entropy_vjp(X, labels, 1.0, **options)
    given["reduction"] = reduction
    assert_close(softkern.cross_entropy(x, own, **given), truth)
    assert_close(softkern.cross_entropy_vjp(x, own, array(xp, g), **given), dx)
    loss, found = softkern.cross_entropy_value_and_grad(x, own, **given)
    assert_close(loss, truth)
    assert_close(found, gradient)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "int32", "uint8"])
def test_dtype_is_that_of_the_logits(xp, dtype):
    x = array(xp, abs(X), dtype)
    expected = softkern.log_softmax(x).dtype
    classes = array(xp, CLASSES, "int64")
    loss, gradient = softkern.cross_entropy_value_and_grad(x, classes)
    assert loss.dtype == gradient.dtype == expected
    truth = oracle.cross_entropy(to_numpy(x).astype(float), CLASSES)
    assert_close(loss, truth, 16 if "float" in dtype else 1e9)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "uint64"])
def test_classes_of_any_integers(dtype):
    expected = softkern.cross_entropy(X, CLASSES)
    assert softkern.cross_entropy(X, CLASSES.astype(dtype), ignore_index=200) == expected
    assert softkern.cross_entropy(X.tolist(), CLASSES.tolist()) == expected


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_axis(xp, axis):
    rng = np.random.default_rng(5)
    x = rng.normal(size=(5, 7, 3))
    classes = rng.integers(x.shape[axis], size=np.delete(x.shape, axis))
    q = softkern.softmax(rng.normal(size=x.shape), axis)
    for target, dtype in ((classes, "int64"), (q, "float64")):
        own = array(xp, target, dtype)
        options = {"reduction": "none", "label_smoothing": 0.1}
        found = softkern.cross_entropy_value_and_grad(array(xp, x), own, axis, **options)
        moved = np.moveaxis(x, axis, -1)
        target = target if target is classes else np.moveaxis(target, axis, -1)
        loss, gradient = softkern.cross_entropy_value_and_grad(moved, target, **options)
        assert_close(found[0], loss, 64)
        assert_close(found[1], np.moveaxis(gradient, -1, axis), 64)


def test_a_single_row(xp):
    x = array(xp, X[0])
    loss = softkern.cross_entropy(x, array(xp, 2, "int64"))
    assert loss.shape == ()
    assert_close(loss, -oracle.log_softmax(X[0])[2])


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("n", [1, 2, 3, 10, 17, 100])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_accuracy_of_classes(case, n, dtype, axis):
    """In units of each number's own last place: that of a sure prediction's loss, too."""
    x, _ = hard_rows(case, n, dtype)
    z, y = oracle.log_softmax(x, 1), oracle.softmax(x, 1)
    rows = np.arange(len(x))
    for classes in (x.argmax(1), np.random.default_rng(n).integers(n, size=len(x))):
        loss, gradient = losses_and_gradient(
            x if axis == 1 else x.T, classes, axis, reduction="none"
        )
        assert oracle.ulp(loss, -z[rows, classes]) <= 2
        truth = y.copy()
        truth[rows, classes] = [oracle.mp.expm1(z[row, k]) for row, k in enumerate(classes)]
        assert oracle.ulp(gradient if axis == 1 else gradient.T, truth) <= 3


@pytest.mark.parametrize("n", [2, 10, 100])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_accuracy_of_probabilities(case, n, dtype):
    x, u = hard_rows(case, n, dtype)
    q = softkern.softmax(3 * u, 1)
    q[:, ::3] = 0
    loss, gradient = losses_and_gradient(x, q, reduction="none")
    assert oracle.ulp(loss, oracle.cross_entropy(x, q, reduction="none")) <= 3
    truth = oracle.cross_entropy_vjp(x, q, np.ones(len(x)), reduction="none")
    scale = oracle.softmax(x, 1) * q.sum(1, keepdims=True) + q
    assert oracle.ulp(gradient, truth, scale) <= 4


@pytest.mark.parametrize("target", ["classes", "probabilities"])
@pytest.mark.parametrize("shape", [(3, 40_000), (2, 262_144), (1, 1_000_003)])
def test_long_rows(shape, target):
    rng = np.random.default_rng(shape[1])
    x = rng.normal(0, 3, shape).astype(np.float32)
    truths = [oracle.LongRow(row) for row in x]
    z, y = (np.array([getattr(t, f)() for t in truths]) for f in ("log_softmax", "softmax"))
    if target == "classes":
        labels = rng.integers(shape[1], size=shape[0])
        q = np.arange(shape[1]) == labels[:, None]
    else:
        labels = q = softkern.softmax(rng.normal(size=shape).astype(np.float32), 1)
    loss, gradient = losses_and_gradient(x, labels, reduction="none")
    assert np.array_equal(loss, softkern.cross_entropy(x, labels, reduction="none"))
    assert oracle.ulp(loss, -(q * z).sum(1)) <= 2
    assert oracle.ulp(gradient, y * q.sum(1, keepdims=True) - q, y + q) <= 4


@pytest.mark.parametrize("beyond", [0, 40_000])
def test_infinities_and_nan(xp, beyond):
    x = np.array(
        [
            [1.0, -inf, 0.0],
            [1.0, -inf, 0.0],
            [-inf] * 3,
            [1.0, inf, 0.0],
            [nan, 1.0, 0.0],
            [9, 0, 0],
        ]
    )
    classes = np.array([0, 1, 0, 1, 1, -1])
    more = (0, 0), (0, beyond)  # that take no part
    own = array(xp, np.pad(x, more, constant_values=-inf))
    labels = array(xp, classes, "int64")
    options = {"reduction": "none", "ignore_index": -1}
    loss, gradient = losses_and_gradient(own, labels, **options)
    first = np.log1p(np.exp(-1))
    np.testing.assert_allclose(loss, [first, inf, nan, nan, nan, 0.0], rtol=1e-12)
    assert np.isnan(gradient[2:5]).all()
    np.testing.assert_array_equal(gradient[5], 0.0)
    np.testing.assert_array_equal(gradient[:2, 3:], 0.0)
    y = 1 / (1 + np.exp(-1.0))
    np.testing.assert_allclose(gradient[0, :3], [y - 1, 0, 1 - y], rtol=1e-12)
    np.testing.assert_allclose(gradient[1, :3], [y, -1, 1 - y], rtol=1e-12)
    q = np.array([[0.5, 0.0, 0.5], [0.5, 0.5, 0.0], *[[1.0, 0.0, 0.0]] * 4])
    loss, gradient = losses_and_gradient(own, array(xp, np.pad(q, more)), reduction="none")
    np.testing.assert_allclose(loss[:5], [first + 0.5, inf, nan, nan, nan], rtol=1e-12)
    assert np.isnan(gradient[2:5]).all()
    np.testing.assert_array_equal(gradient[:2, 3:], 0.0)
    np.testing.assert_allclose(gradient[0, :3], [y - 0.5, 0, 0.5 - y], rtol=1e-12)


def test_ignored_rows_may_hold_anything():
    x, classes = np.vstack([X, X]), np.array([1, 3, 0, 9, 9, 9])
    x[3:] = nan, inf, 5, -inf
    expected = losses_and_gradient(X, CLASSES)
    found = losses_and_gradient(x, classes, ignore_index=9)
    assert found[0] == expected[0]
    np.testing.assert_array_equal(found[1], np.vstack([expected[1], np.zeros_like(X)]))


@pytest.mark.parametrize("options", [{}, {"ignore_index": 0}])
def test_the_mean_of_no_rows_is_nan(xp, options):
    x = array(xp, X if options else X[:0])
    classes = array(xp, [0, 0, 0] if options else [], "int64")
    loss, gradient = softkern.cross_entropy_value_and_grad(x, classes, **options)
    assert np.isnan(to_numpy(loss))
    assert gradient.shape == x.shape
    assert softkern.cross_entropy(x, classes, reduction="sum", **options) == 0


@pytest.mark.parametrize(
    ("error", "message", "change"),
    [
        (IndexError, "from 0 to 3, not 4", {"target": [0, 4, 1]}),
        (IndexError, "from 0 to 3, not -1", {"target": [0, -1, 1]}),
        (ValueError, "classes must have the shape", {"target": [0, 1]}),
        (ValueError, "probabilities must have the shape", {"target": [0.5, 0.5]}),
        (TypeError, "classes or of probabilities", {"target": [True, False, True]}),
        (TypeError, "classes or of probabilities", {"target": [1j, 0, 0]}),
        (ValueError, "weight must have one number", {"weight": [1.0, 2.0]}),
        (ValueError, "label_smoothing must be", {"label_smoothing": 1.5}),
        (ValueError, "label_smoothing must be", {"label_smoothing": nan}),
        (ValueError, "reduction must be", {"reduction": "average"}),
        (ValueError, "ignore_index is a class", {"target": PROBABILITIES, "ignore_index": 1}),
        (TypeError, "integer", {"axis": (0, 1)}),
        (np.exceptions.AxisError, "out of bounds", {"axis": 2}),
        (TypeError, "no order", {"logits": X * 1j}),
        (ValueError, "axis of classes", {"logits": np.array(1.0), "target": np.array(0)}),
        (ValueError, "axis of classes", {"logits": np.empty((3, 0))}),
        (ValueError, "temperature must be", {"temperature": -1.0}),
    ],
)
def test_errors(error, message, change):
    arguments = {"logits": X, "target": CLASSES, **change}
    with pytest.raises(error, match=message):
        softkern.cross_entropy(**arguments)


def test_the_cotangent_has_the_shape_of_the_loss():
    with pytest.raises(ValueError, match="the loss's shape"):
        softkern.cross_entropy_vjp(X, CLASSES, np.ones(3))
    with pytest.raises(ValueError, match="the loss's shape"):
        softkern.cross_entropy_vjp(X, CLASSES, np.ones(2), reduction="none")


def test_two_libraries_in_one_call():
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match="two libraries"):
        softkern.cross_entropy(X, torch.tensor(CLASSES))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.data())
def test_layout_and_batch_do_not_matter(data):
    shape = data.draw(st.tuples(*(st.integers(1, n) for n in (4, 40, 5))))
    dtype = data.draw(st.sampled_from([np.float16, np.float32, np.float64, ">f4"]))
    axis = data.draw(st.integers(0, 2))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    x = rng.normal(0, 4, shape).astype(dtype)
    classes = rng.integers(shape[axis], size=np.delete(shape, axis))
    options = {"reduction": "none", "label_smoothing": data.draw(st.sampled_from([0.0, 0.125]))}
    expected = losses_and_gradient(x, classes, axis, **options)
    order = data.draw(st.permutations(range(3)))
    spread = np.repeat(x, 2, axis=1)[::-1].transpose(order).copy().transpose(np.argsort(order))
    spread = spread[::-1, ::2]
    spread.flags.writeable = False
    for before, after in zip(
        expected, losses_and_gradient(spread, classes, axis, **options), strict=True
    ):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("shape", [(2000, 100), (3, 100_000), (200, 3, 333), (200_000, 3)])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_bits_do_not_depend_on_threads_or_on_what_else_is_asked_for(shape, smoothing):
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape).astype(np.float32)
    classes = rng.integers(shape[1], size=(shape[0], *shape[2:]))
    options = {"reduction": "none", "label_smoothing": smoothing}
    with softkern.num_threads(1):
        expected = losses_and_gradient(x, classes, 1, **options)
    found = losses_and_gradient(x, classes, 1, **options)
    alone = (
        softkern.cross_entropy(x, classes, 1, **options),
        softkern.cross_entropy_vjp(x, classes, 1.0, 1, **options),
    )
    for before, after, other in zip(expected, found, alone, strict=True):
        np.testing.assert_array_equal(before, after)
        np.testing.assert_array_equal(before, other)


@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.1, "weight": np.ones(1000)}])
def test_no_softmax_in_memory(options):
    x = np.zeros((2000, 1000), np.float32)
    classes = np.zeros(2000, int)
    softkern.cross_entropy(x, classes, **options)
    tracemalloc.start()
    try:
        softkern.cross_entropy(x, classes, **options)
        assert tracemalloc.get_traced_memory()[1] < x.nbytes / 8
    finally:
        tracemalloc.stop()


def test_classes_out_of_range_cannot_be_seen_in_jax():
    jax = pytest.importorskip("jax")
    loss = jax.jit(softkern.cross_entropy)(X, CLASSES + 2)
    assert np.isnan(loss)


def test_jax_gradient():
    jax = pytest.importorskip("jax")
    for target in (CLASSES, PROBABILITIES):
        gradient = jax.jit(jax.grad(softkern.cross_entropy))(X, target)
        assert_close(gradient, oracle.cross_entropy_vjp(X, target, 1.0))


def test_dask_is_lazy_and_may_be_cut_anywhere():
    da = pytest.importorskip("dask.array")
    rng = np.random.default_rng(1)
    x, classes = rng.normal(size=(50, 30)), rng.integers(30, size=50)
    own = da.from_array(x, chunks=(20, 7)), da.from_array(classes, chunks=15)
    loss, gradient = softkern.cross_entropy_value_and_grad(*own)
    assert isinstance(loss, da.Array)
    expected = losses_and_gradient(x, classes)
    assert_close(loss.compute(), expected[0], 32)
    np.testing.assert_allclose(gradient.compute(), expected[1], rtol=1e-12)
