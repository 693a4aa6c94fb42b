"""The CUDA kernels, run under the emulator's checks: no GPU is needed, and none is used."""

import ml_dtypes
import numpy as np
import pytest
from arrays import OPERATIONS, call
from cuda_emulator.stand_in import settings

import softkern

# A shape and an axis for every way in which threads share a row.
REGIMES = {
    "a thread a row": ((200, 7), 1),
    "a few lanes a row": ((33, 41), 1),
    "a warp a row": ((5, 300), 1),
    "a block a row": ((3, 3001), 1),
    "shared memory": ((2, 20_001), 1),
    "slices": ((2, 70_001), 1),
    "columns": ((21, 70), 0),
    "columns, some at once": ((21, 96), 0),
    "columns, read twice": ((100, 33), 0),
    "columns, in slices": ((4100, 5), 0),
    "rows side by side": ((40, 33), "transposed"),
}
ORDERS = ("forward", "reverse", "random", "greedy")
every_regime = pytest.mark.parametrize("regime", REGIMES)
every_operation = pytest.mark.parametrize("name", OPERATIONS)


@pytest.fixture
def emulated(cupy):
    if cupy.cuda.runtime.getDeviceProperties(0)["name"] != b"CUDA emulator":
        pytest.skip("the emulator is not in use: there is a GPU")
    settings.launches.clear()
    return cupy


def arguments(cupy, regime, dtype):
    shape, axis = REGIMES[regime]
    dtype = ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype
    rng = np.random.default_rng(len(regime))
    x, u = (cupy.asarray(rng.normal(0, 3, shape).astype(dtype)) for _ in range(2))
    return (x.T, u.T, 1) if axis == "transposed" else (x, u, axis)


def same(results, others):
    for a, b in zip(results, others, strict=True):
        np.testing.assert_array_equal(a.get(), b.get())


@every_regime
@every_operation
def test_no_fault_and_the_same_bits_in_any_order(emulated, name, regime):
    x, u, axis = arguments(emulated, regime, "float32")
    expected = call(softkern, name, x, u, axis)
    with settings.using(checked=True, orders=ORDERS):
        same(call(softkern, name, x, u, axis), expected)


@every_regime
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
@pytest.mark.parametrize("name", ["log_softmax_vjp", "softmax_jvp"])
def test_no_fault_in_other_dtypes(emulated, name, dtype, regime):
    x, u, axis = arguments(emulated, regime, dtype)
    with settings.using(checked=True, orders=ORDERS):
        call(softkern, name, x, u, axis)


@every_regime
def test_no_fault_with_a_mask_and_temperatures(emulated, regime):
    x, u, axis = arguments(emulated, regime, "float32")
    t = emulated.linspace(0.5, 2, x.shape[1 - axis])
    with settings.using(checked=True, orders=ORDERS):
        call(softkern, "softmax_jvp", x, u, axis, temperature=t, where=u > 0)
