"""Cross-entropy on CuPy arrays: its kernels, run under the emulator's checks, beside NumPy's."""

import ml_dtypes
import numpy as np
import pytest
from cuda_emulator.stand_in import settings
from oracle import ulp
from test_accuracy import hard_rows
from test_cupy_kernels import ON_CHIP, ORDERS, REGIMES, times

import softkern

LIMIT_OF_LOSSES, LIMIT_OF_GRADIENTS = 2.5, 4.0
NARROW = (np.float16, ml_dtypes.bfloat16)
every_regime = pytest.mark.parametrize("regime", REGIMES)


def rows_of(regime, dtype="float32"):
    """Logits, classes, probabilities, and an axis."""
    shape, axis = REGIMES[regime]
    turned = axis == "transposed"
    axis = 0 if turned else axis
    rng = np.random.default_rng(len(regime))
    x = rng.normal(0, 3, shape).astype(dtype)
    classes = rng.integers(0, shape[axis], np.delete(shape, axis))
    q = rng.random(shape) * (rng.random(shape) < 0.7) + 1e-6
    q = (q / q.sum(axis=axis, keepdims=True)).astype(dtype)
    return (x.T, classes, q.T, 1) if turned else (x, classes, q, axis)


def both(cupy, x, target, **options):
    """The losses, the gradient, and the losses alone; the first two from NumPy, in float64."""
    known = {key: a.astype(float) if hasattr(a, "dtype") else a for key, a in options.items()}
    q = target if target.dtype.kind == "i" else target.astype(float)
    truths = softkern.cross_entropy_value_and_grad(x.astype(float), q, reduction="none", **known)
    moved = {key: cupy.asarray(a) if hasattr(a, "dtype") else a for key, a in options.items()}
    arguments = cupy.asarray(x), cupy.asarray(target)
    results = (
        *softkern.cross_entropy_value_and_grad(*arguments, reduction="none", **moved),
        softkern.cross_entropy(*arguments, reduction="none", **moved),
    )
    return [a.get() for a in results], truths


def check(results, truths, axis, scale=1.0):
    """Losses are right for themselves; gradients beside the largest of their row, or `scale`."""
    losses, gradient, alone = results
    at = np.maximum(abs(truths[1]).max(axis=axis, keepdims=True), scale)
    assert ulp(losses, truths[0]) <= LIMIT_OF_LOSSES
    assert ulp(alone, truths[0]) <= LIMIT_OF_LOSSES
    assert ulp(gradient, truths[1], at) <= LIMIT_OF_GRADIENTS


@every_regime
@pytest.mark.parametrize("kind", ["classes", "smoothed", "probabilities"])
def test_right_and_without_fault_in_any_order(emulated, kind, regime):
    x, classes, q, axis = rows_of(regime)
    options = {"axis": axis}
    if kind == "smoothed":
        weight = np.random.default_rng(0).random(x.shape[axis]).astype(x.dtype)
        ignored = int(classes.flat[0])
        options |= {"label_smoothing": 0.1, "weight": weight, "ignore_index": ignored}
    with settings.using(checked=True, orders=ORDERS):
        target = q if kind == "probabilities" else classes
        results, truths = both(emulated, x, target, **options)
    check(results, truths, axis, scale=1 / x.shape[axis])


@every_regime
@pytest.mark.parametrize("dtype", [*NARROW, np.float64])
def test_in_other_dtypes(emulated, dtype, regime):
    x, classes, q, axis = rows_of(regime, dtype)
    with settings.using(checked=True):
        target = q if dtype == ml_dtypes.bfloat16 else classes
        check(*both(emulated, x, target, axis=axis), axis, scale=1 / x.shape[axis])


@every_regime
def test_temperatures_of_rows(emulated, regime):
    x, classes, _, axis = rows_of(regime)
    t = np.random.default_rng(0).uniform(0.5, 2, classes.shape)
    check(*both(emulated, x, classes, axis=axis, temperature=t), axis)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [10, 100, 1000])
def test_a_row_that_is_sure_of_its_class_keeps_its_digits(emulated, n, dtype):
    x = hard_rows("dominant", n, dtype)[0]
    classes = x.argmax(axis=1)
    wide = x.astype(np.longdouble)
    others = np.exp(wide - wide.max(axis=1, keepdims=True))
    others[np.arange(len(x)), classes] = 0
    s = others.sum(axis=1)
    (losses, gradient, alone), _ = both(emulated, x, classes)
    assert ulp(losses, np.log1p(s)) <= LIMIT_OF_LOSSES
    assert ulp(alone, np.log1p(s)) <= LIMIT_OF_LOSSES
    assert ulp(gradient[np.arange(len(x)), classes], -s / (1 + s)) <= LIMIT_OF_GRADIENTS


# Rows that are not numbers alone

INF, NAN = np.inf, np.nan
HARD = np.array([[1, 2, -INF], [0, -INF, -INF], [1, NAN, 2], [1, INF, 2], [-INF, -INF, -INF]])
Q = np.array([[0.5, 0.5, 0], [0, 0.5, 0.5], [1, 0, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])
PLACES = {"short": (3, 1), "longer": (300, 1), "long": (70_001, 1), "columns": (40, 0)}


def hard(place):
    """The hard rows and their labels, drawn out by entries that take no part."""
    n, axis = PLACES[place]
    beyond = ((0, 0), (0, n - 3))
    x, q = np.pad(HARD, beyond, constant_values=-INF), np.pad(Q, beyond)
    return (x, q, 1) if axis else (x.T.copy(), q.T.copy(), 0)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("classes", [[0] * 5, [2] * 5, None])
def test_infinities_and_nan(emulated, place, classes):
    x, q, axis = hard(place)
    x = x.astype("float32")
    target = q.astype("float32") if classes is None else np.array(classes)
    results, truths = both(emulated, x, target, axis=axis)
    for result, truth in zip(results, (*truths, truths[0]), strict=True):
        np.testing.assert_allclose(result, truth, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_an_ignored_row_is_zero_whatever_it_holds(emulated, place, smoothing):
    x, _, axis = hard(place)
    options = {"axis": axis, "ignore_index": -1, "label_smoothing": smoothing}
    results, _ = both(emulated, x.astype("float32"), np.full(5, -1), **options)
    assert all((a == 0).all() for a in results)


def test_a_class_out_of_range_is_nan(emulated):
    x = emulated.zeros((3, 50), "float32")
    for classes in ([0, 50, 1], [0, -1, 1]):
        losses, gradient = softkern.cross_entropy_value_and_grad(
            x, emulated.asarray(classes), reduction="none"
        )
        assert np.isnan(losses.get()).tolist() == [False, True, False]
        assert np.isnan(gradient.get()).all(axis=1).tolist() == [False, True, False]


# What is given for rows


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "uint64"])
def test_classes_are_integers_of_any_dtype_and_layout(emulated, dtype):
    x, classes, _, axis = rows_of("a few lanes a row")
    expected = softkern.cross_entropy(emulated.asarray(x), emulated.asarray(classes), axis)
    stepped = emulated.asarray(np.repeat(classes, 2).astype(dtype))[::2]
    assert softkern.cross_entropy(emulated.asarray(x), stepped, axis) == expected


@pytest.mark.parametrize("regime", ["a warp a row", "columns", "slices"])
def test_cotangents_of_rows(emulated, regime):
    x, classes, _, axis = rows_of(regime)
    g = np.random.default_rng(0).normal(size=classes.shape).astype("float32")
    _, gradient = softkern.cross_entropy_value_and_grad(
        x.astype(float), classes, axis, reduction="none"
    )
    truth = gradient * np.expand_dims(g, axis)
    x, classes, g = (emulated.asarray(a) for a in (x, classes, g))
    dx = softkern.cross_entropy_vjp(x, classes, g, axis, reduction="none")
    at = abs(truth).max(axis=axis, keepdims=True)
    assert ulp(dx.get(), truth, at) <= LIMIT_OF_GRADIENTS


# How often memory is read and written


def launched(name, *arguments):
    """The reports of the kernels of an operation."""
    settings.launches.clear()
    with settings.using(checked=True):
        getattr(softkern, name)(*arguments, reduction="none")
    return [launch.report for launch in settings.launches]


def is_read_once_but_for_the_class(counts):
    """Every number of a row once; that of its class again, which is near by then."""
    numbers = np.sort(counts.reshape(2, -1, 4), axis=1)
    return (numbers[:, :-1] == 1).all() and (numbers[:, -1] > 1).all()


@pytest.mark.parametrize("n", [7, 40, 256, 4096, 70_000])
def test_losses_read_once_and_write_one_number_a_row(emulated, n):
    x, classes = emulated.ones((2, n), "float32"), emulated.asarray([3, n - 1])
    reports = launched("cross_entropy", x, classes)
    loads = sum(report.loads[0] for report in reports)
    assert is_read_once_but_for_the_class(loads)
    assert loads.max() == 2
    stores = sum(report.stores[2] for report in reports)
    assert stores.reshape(4, -1).max(axis=1).tolist() == [0, 0, 0, 1]
    assert times(reports[-1].stores[0]) == 0


@pytest.mark.parametrize("n", [n for _, n in ON_CHIP])
def test_losses_and_gradients_read_once_and_write_once(emulated, n):
    x, classes = emulated.ones((2, n), "float32"), emulated.asarray([3, n - 1])
    (report,) = launched("cross_entropy_value_and_grad", x, classes)
    assert is_read_once_but_for_the_class(report.loads[0])
    assert times(report.stores[1]) == 1


@pytest.mark.parametrize("n", [7, 256, 4096])
def test_probabilities_are_read_once(emulated, n):
    x, q = emulated.ones((2, n), "float32"), emulated.ones((2, n), "float32")
    (report,) = launched("cross_entropy", x, q)
    assert [times(counts) for counts in report.loads[:2]] == [1, 1]
