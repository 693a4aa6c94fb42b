"""The CUDA kernels, run under the emulator's checks: no GPU is needed, and none is used."""

import mmap
from math import prod

import ml_dtypes
import numpy as np
import pytest
from arrays import OPERATIONS, VALUES, call
from cuda_emulator import Program
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
    "columns, few side by side": ((90, 3, 2), 1),
    "rows side by side": ((40, 33), "transposed"),
}
ORDERS = ("forward", "reverse", "random", "greedy")
every_regime = pytest.mark.parametrize("regime", REGIMES)
every_operation = pytest.mark.parametrize("name", OPERATIONS)


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
    t = emulated.linspace(0.5, 2, x.size // x.shape[axis])
    t = t.reshape([size for k, size in enumerate(x.shape) if k != axis])
    with settings.using(checked=True, orders=ORDERS):
        call(softkern, "softmax_jvp", x, u, axis, temperature=t, where=u > 0)


@pytest.mark.parametrize("columns", [1, 3])
@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("name", [name for name in OPERATIONS if not name.startswith("log_")])
def test_no_fault_in_segments(emulated, name, dtype, columns):
    offsets = np.cumsum([0, 3, 0, 32, 40, 1, 200, 1025, 3000, 5, 0])
    x, u = np.random.default_rng(columns).normal(size=(2, offsets[-1], columns)).astype(dtype)
    u = u[: len(offsets) - 1] if name == "logsumexp_vjp" else u
    arguments = [emulated.asarray(a) for a in ((x,) if name in VALUES else (x, u))]
    expected = getattr(softkern, f"segment_{name}")(*arguments, offsets)
    with settings.using(checked=True, orders=ORDERS):
        found = getattr(softkern, f"segment_{name}")(*arguments, offsets)
    same(*(a if isinstance(a, tuple) else (a,) for a in (found, expected)))


# How often memory is read and written


@pytest.fixture
def counted(emulated):
    """Launch an operation under the emulator's eyes; the reports of its kernels."""

    def count(name, x, *others, **options):
        settings.launches.clear()
        with settings.using(checked=True):
            getattr(softkern, name)(x, *others, **options)
        return [launch.report for launch in settings.launches]

    return count


def times(counts):
    """How often the bytes were touched, if all equally often."""
    assert counts.min() == counts.max()
    return counts.min()


ON_CHIP = [(300, 7), (16, 40), (8, 256), (2, 4096), (2, 20_000)]


@pytest.mark.parametrize("shape", ON_CHIP)
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_reads_once_and_writes_once(counted, emulated, name, shape):
    (report,) = counted(name, emulated.ones(shape, "float32"), axis=1)
    assert [times(report.loads[0]), times(report.stores[0])] == [1, 0]
    assert [times(report.loads[1]), times(report.stores[1])] == [0, 1]


@pytest.mark.parametrize("shape", [*ON_CHIP, (2, 70_000)])
@pytest.mark.parametrize("axis", [0, 1])
def test_logsumexp_reads_once(counted, emulated, shape, axis):
    shape = shape if axis == 1 else shape[::-1]
    first, *rest = counted("logsumexp", emulated.ones(shape, "float32"), axis=axis)
    assert times(first.loads[0]) == 1
    assert all(times(report.loads[0]) == 0 for report in rest)


@pytest.mark.parametrize("shape", ON_CHIP)
def test_softmax_vjp_reads_twice_and_writes_once(counted, emulated, shape):
    y, g = emulated.ones(shape, "float32"), emulated.ones(shape, "float32")
    (report,) = counted("softmax_vjp", None, g, axis=1, output=y)
    assert [times(counts) for counts in report.loads[:3]] == [1, 1, 0]
    assert [times(counts) for counts in report.stores[:3]] == [0, 0, 1]


@pytest.mark.parametrize("shape", ON_CHIP)
def test_softmax_jvp_reads_twice_and_writes_twice(counted, emulated, shape):
    x, v = emulated.ones(shape, "float32"), emulated.ones(shape, "float32")
    (report,) = counted("softmax_jvp", x, v, axis=1)
    assert [times(counts) for counts in report.loads[:4]] == [1, 1, 0, 0]
    assert [times(counts) for counts in report.stores[:4]] == [0, 0, 1, 1]


def test_columns_read_once_while_registers_hold_them(counted, emulated):
    (report,) = counted("softmax", emulated.ones((64, 96), "float32"), axis=0)
    assert [times(report.loads[0]), times(report.stores[1])] == [1, 1]


def test_a_row_in_slices_is_read_twice(counted, emulated):
    fold, map_ = counted("softmax", emulated.ones((2, 70_000), "float32"), axis=1)
    assert [times(fold.loads[0]), times(map_.loads[0]), times(map_.stores[1])] == [1, 1, 1]


def efficiency(reports, kind):
    """Bytes asked for, of the bytes of the sectors that had to be moved for them."""
    lines = [line for report in reports for line in report.lines if line.kind == kind]
    moved = sum(line.sectors for line in lines)
    return sum(line.sectors * line.efficiency for line in lines) / moved


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(512, 8), (16, 64), (8, 256), (2, 4096), (2, 20_480)])
@pytest.mark.parametrize("axis", [0, 1])
def test_every_sector_moved_is_wanted(counted, emulated, shape, dtype, axis):
    shape = shape if axis == 1 else shape[::-1]
    reports = counted("softmax", emulated.ones(shape, dtype), axis=axis)
    assert efficiency(reports, "load") > 0.99  # the sums of slices are read one by one
    assert efficiency(reports, "store") > 0.99


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_rows_of_an_odd_length_are_moved_in_aligned_chunks(counted, emulated, dtype):
    (report,) = counted("softmax", emulated.ones((9, 2049), dtype), axis=1)
    assert report.loads[0].max() == 2  # each by the two threads whose numbers a chunk holds
    assert times(report.stores[1]) == 1
    assert efficiency([report], "store") > 0.6


# The host's share


@pytest.mark.parametrize("name", ["softmax", "logsumexp", "softmax_jvp", "softmax_vjp"])
@pytest.mark.parametrize("shape", [(4, 10), (4, 1000), (2, 20_000), (2, 100_000)])
def test_nothing_is_allocated_but_the_results(emulated, name, shape):
    x, u = emulated.ones(shape), emulated.ones(shape)
    results = call(softkern, name, x, u, 1)  # and the room for the sums of slices, for ever
    settings.allocations.clear()
    call(softkern, name, x, u, 1)
    assert settings.allocations.bytes == sum(a.nbytes for a in results)
    settings.allocations.clear()
    call(softkern, name, x, u, 1, out=results if len(results) == 2 else results[0])
    assert settings.allocations.count == 0


@every_operation
def test_empty_arrays_launch_nothing(emulated, name):
    for shape in ((0, 3), (3, 0), (0,)):
        call(softkern, name, emulated.ones(shape), emulated.ones(shape), -1)
    assert settings.launches == []


def test_launches_go_to_the_current_stream(emulated):
    stream = emulated.cuda.Stream()
    with stream:
        softkern.softmax(emulated.ones(3))
    assert [launch.stream for launch in settings.launches] == [stream.ptr]


def test_a_chip_with_little_shared_memory_cuts_rows_into_slices(emulated, monkeypatch):
    from softkern.backends.cupy_cuda import launch

    x = emulated.asarray(np.random.default_rng(0).normal(size=(2, 20_001)).astype("float32"))
    expected = softkern.softmax(x, 1)
    launch._plan.cache_clear()
    monkeypatch.setattr(launch, "_most_shared", lambda device: 64 << 10)
    result = softkern.softmax(x, 1)
    launch._plan.cache_clear()
    assert [launch.kernel for launch in settings.launches] == ["shared_rows", "rows", "rows"]
    np.testing.assert_allclose(result.get(), expected.get(), rtol=1e-6)


# Beyond 2**32 numbers: memory that is only mapped, of which the last block alone is touched


NO_RESERVE = 0x4000  # MAP_NORESERVE, which the mmap module lacks


def mapped(shape):
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | NO_RESERVE
    return np.frombuffer(mmap.mmap(-1, 2 * prod(shape), flags=flags), "float16").reshape(shape)


def run_last_block(kernel, macros, x, y, sizes, steps, slices, grid, block, shared):
    from softkern.backends.cupy_cuda import kernels, launch

    layout = np.zeros((), launch.LAYOUT)
    layout["sizes"], layout["slices"], layout["x"], layout["y"] = sizes, slices, steps, steps
    macros = (("NUMBER", "__half"), ("OPERATION", "Softmax"), *macros, ("PHASE", "WHOLE"))
    options = kernels.options(macros)
    program = Program(kernels.source(f"{kernel}.cu"), options, checked=False)
    none, one = np.uint64(0), (np.float32(1), np.float32(0))
    arguments = (x, none, y, *(none,) * 5, *one, none, layout.tobytes())
    program.launch(kernel, (grid,), block, arguments, shared_bytes=shared, blocks=[grid - 1])


@pytest.mark.parametrize("n", [8, 100, 256, 4096, 60_000])
def test_rows_beyond_32_bits(emulated, n):
    from softkern.backends.cupy_cuda import regimes

    rows = 2**32 // n + 1000
    regime = regimes.of_rows(n, 2, arrays=1, reduced=False, most_shared=220 << 10)
    x, y = mapped((rows, n)), mapped((rows, n))
    x[-regime.rows :] = np.random.default_rng(n).normal(0, 3, (regime.rows, n))
    blocks = -(-rows // regime.rows)
    last = rows - (blocks - 1) * regime.rows
    run_last_block(
        regime.kernel,
        regime.macros,
        x,
        y,
        (rows, n, 1),
        (n, 1, 1),
        (1, n),
        blocks,
        (regime.threads,),
        regime.shared,
    )
    np.testing.assert_allclose(y[-last:], softkern.softmax(x[-last:], 1), rtol=2e-3, atol=1e-7)


@pytest.mark.parametrize(("n", "inner"), [(50, 2**32 // 3200 * 64 + 6400), (2, 2**32 + 640)])
def test_columns_beyond_32_bits(emulated, n, inner):
    from softkern.backends.cupy_cuda import regimes

    regime = regimes.of_columns(n, inner, 2, width=4)
    x, y = mapped((n, inner)), mapped((n, inner))
    last = inner % regime.columns or regime.columns
    x[:, -last:] = np.random.default_rng(0).normal(0, 3, (n, last))
    run_last_block(
        "columns",
        regime.macros,
        x,
        y,
        (1, n, inner),
        (0, inner, 1),
        (1, n),
        -(-inner // regime.columns),
        regime.threads,
        regime.shared,
    )
    expected = softkern.softmax(x[:, -last:], 0)
    np.testing.assert_allclose(y[:, -last:], expected, rtol=2e-3, atol=1e-7)
