"""The header for users' CUDA kernels: its results, what it costs, and the examples in the gallery."""

import re
import runpy
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import nvrtc
import oracle
import pytest
from cuda_emulator.stand_in import settings

import softkern

FOLDER = softkern.get_include()
EXAMPLES = Path(__file__).parents[1] / "examples" / "gallery"
OPTIONS = ("--std=c++17", f"-I{FOLDER}")
ORDERS = ("forward", "reverse", "random", "greedy")
LIMITS = {"softmax": 2.5, "log_softmax": 1.5, "logsumexp": 1.5}  # units in the last place
NUMBERS = {"float32": "float", "float64": "double"}

# Teams of THREADS take rows in turn: of N entries a thread in registers, or any number in memory.
SOURCE = """
#include "softkern/softkern.cuh"
using softkern::Temperature;

template <int THREADS> __device__ int team() {
  return (blockIdx.x * blockDim.x + threadIdx.x) / THREADS;
}

template <typename T, int THREADS, int N>
__global__ void held(const T* x, T* y, T* z, T* L, int rows, T temperature) {
  const int teams = gridDim.x * blockDim.x / THREADS, lane = threadIdx.x % THREADS;
  const Temperature<T> t(temperature);
  for (int row = team<THREADS>(); row < rows; row += teams) {
    T a[N], b[N];
    for (int i = 0; i < N; ++i) a[i] = b[i] = x[(row * N + i) * THREADS + lane];
    const T sum = softkern::logsumexp<THREADS>(a, t);
    softkern::softmax<THREADS>(a, t);
    softkern::log_softmax<THREADS>(b, t);
    for (int i = 0; i < N; ++i) {
      y[(row * N + i) * THREADS + lane] = a[i];
      z[(row * N + i) * THREADS + lane] = b[i];
    }
    if (lane == 0) L[row] = sum;
  }
}

template <typename T, int THREADS, int N>
__global__ void added(const T* x, T* y, T* z, T* L, int rows, T temperature) {
  const int teams = gridDim.x * blockDim.x / THREADS, lane = threadIdx.x % THREADS;
  const Temperature<T> t(temperature);
  for (int row = team<THREADS>(); row < rows; row += teams) {
    const T* entries = x + row * N * THREADS;
    softkern::Row<T> some, others;
    for (int k = lane; k < N * THREADS; k += THREADS) {
      if (k / THREADS % 3 == 0 || k + THREADS >= N * THREADS) {
        some = add(some, entries[k], t);
      } else {
        const T two[2] = {entries[k], entries[k += THREADS]};
        others = add(others, two, t);
      }
    }
    const softkern::Row<T> sums = softkern::merge_over<THREADS>(merge(some, others, t), t);
    for (int i = lane; i < N * THREADS; i += THREADS) {
      y[row * N * THREADS + i] = softmax(sums, entries[i], t);
      z[row * N * THREADS + i] = log_softmax(sums, entries[i], t);
    }
    if (lane == 0) L[row] = logsumexp(sums, t);
  }
}

template <typename T> __global__ void exponentials(const T* x, T* y) {
  y[threadIdx.x] = softkern::exp(x[threadIdx.x]);
}
"""
TEAMS = ((1, 9), (4, 3), (32, 5), (96, 3))


def hard_rows(dtype, n):
    rng = np.random.default_rng(n)
    rows = rng.normal(0, 3, (6, n))
    rows[1] -= 20
    rows[1, n // 2] = 0  # a dominant entry
    rows[2] = rows[2].round()  # more than one maximum
    rows[3, n // 3 :] = -np.inf
    rows[4] += 1e4
    rows[5] = 7
    return rows.astype(dtype)


def assert_right(results, rows, t=1.0):
    """Softmax, log-softmax and logsumexp of finite rows, within the limits of the library."""
    for name, found in zip(LIMITS, results, strict=True):
        truth = getattr(oracle, name)(rows, 1, temperature=t)
        assert oracle.ulp(found, truth) <= LIMITS[name], name


def expression(kernel, dtype, team):
    return f"{kernel}<{NUMBERS[dtype]}, {team[0]}, {team[1]}>"


@pytest.fixture(scope="module")
def launched(cupy):
    """Launch a kernel on rows; softmax, log-softmax and logsumexp."""
    names = [expression(*each) for each in product(("held", "added"), NUMBERS, TEAMS)]
    module = cupy.RawModule(code=SOURCE, options=OPTIONS, name_expressions=names)

    def launch(kernel, team, rows, t=1.0):
        x = cupy.asarray(rows)
        y, z, L = cupy.empty_like(x), cupy.empty_like(x), cupy.empty(len(rows), x.dtype)
        block = team[0] if team[0] > 32 else 64
        arguments = x, y, z, L, np.int32(len(rows)), x.dtype.type(t)
        function = module.get_function(expression(kernel, rows.dtype.name, team))
        function((2,), (block,), arguments)
        return [a.get() for a in (y, z, L)]

    return launch


every_team = pytest.mark.parametrize("team", TEAMS, ids=lambda team: f"{team[0]} threads")
every_kernel = pytest.mark.parametrize("kernel", ["held", "added"])
every_dtype = pytest.mark.parametrize("dtype", NUMBERS)


@every_team
@every_kernel
@every_dtype
@pytest.mark.parametrize("t", [1.0, 0.5])
def test_hard_rows(launched, kernel, team, dtype, t):
    rows = hard_rows(dtype, team[0] * team[1])
    assert_right(launched(kernel, team, rows, t), rows, t)


@every_dtype
def test_exp(cupy, dtype):
    x = np.array([*np.linspace(-80, 0, 200), -1e-10, -np.inf, np.nan, -1e4], dtype)
    name, y = f"exponentials<{NUMBERS[dtype]}>", cupy.empty(x.size, dtype)
    module = cupy.RawModule(code=SOURCE, options=OPTIONS, name_expressions=[name])
    module.get_function(name)((1,), (x.size,), (cupy.asarray(x), y))
    y = y.get()
    assert oracle.ulp(y[:201], oracle.exp(oracle.number(x[:201]))) <= 0.9
    np.testing.assert_array_equal(y[201:], np.array([0, np.nan, 0], dtype))


@every_team
@every_kernel
@every_dtype
def test_nan_and_infinities(launched, kernel, team, dtype):
    rows = hard_rows(dtype, team[0] * team[1])[:4]
    rows[0, -1] = np.inf
    rows[1, rows.shape[1] // 2] = np.nan
    rows[2] = -np.inf
    rows[3, :2] = np.nan, np.inf
    y, z, L = launched(kernel, team, rows)
    assert np.isnan(y).all()
    assert np.isnan(z).all()
    np.testing.assert_array_equal(L, np.array([np.inf, np.nan, -np.inf, np.nan], dtype))


@every_team
@every_kernel
def test_no_fault_and_the_same_bits_in_any_order(emulated, launched, kernel, team):
    with settings.using(checked=True, orders=ORDERS):
        launched(kernel, team, hard_rows("float32", team[0] * team[1]))


# The examples


@pytest.fixture(scope="module")
def example(cupy):
    """The names that a script of the gallery leaves behind."""

    @cache
    def run(name):
        with settings.using(checked=True, orders=ORDERS):
            return runpy.run_path(str(EXAMPLES / f"{name}.py"))

    return run


@pytest.mark.parametrize("dtype", NUMBERS)
def test_the_example_with_templates(example, cupy, dtype):
    names = example("with_cupy_raw_module")
    for n in names["TEAMS"]:
        rows = hard_rows(dtype, n)
        y, L = (a.get() for a in names["rows"](cupy.asarray(rows), 0.5))
        assert oracle.ulp(y, oracle.softmax(rows, 1, temperature=0.5)) <= LIMITS["softmax"]
        assert oracle.ulp(L, oracle.logsumexp(rows, 1, temperature=0.5)) <= LIMITS["logsumexp"]
        rows[0, 0], rows[1, 0], rows[2] = np.nan, np.inf, -np.inf
        y, L = (a.get() for a in names["rows"](cupy.asarray(rows), 0.5))
        assert np.isnan(y[:3]).all()
        np.testing.assert_array_equal(L[:3], np.array([np.nan, np.inf, -np.inf], dtype))


def test_the_example_with_scores_of_its_own(example, cupy):
    names = example("with_cupy_raw_kernel")
    rng = np.random.default_rng(1)
    points, centres = (rng.integers(-3, 4, (n, 2)).astype("float32") for n in (21, 70))
    points[0], points[1] = np.nan, -np.inf  # scores of NaN, and of -inf alone
    scores = -((points[:, None] - centres) ** 2).sum(axis=2) / 2
    y, L = cupy.empty((21, 70), "float32"), cupy.empty(21, "float32")
    sizes = np.int32(21), np.int32(70), np.int32(2)
    names["assign"]((6,), (128,), (cupy.asarray(points), cupy.asarray(centres), y, L, *sizes))
    y, L = y.get(), L.get()
    assert oracle.ulp(y[2:], oracle.softmax(scores[2:], 1)) <= LIMITS["softmax"]
    assert oracle.ulp(L[2:], oracle.logsumexp(scores[2:], 1)) <= LIMITS["logsumexp"]
    assert np.isnan(y[:2]).all()
    np.testing.assert_array_equal(L[:2], np.array([np.nan, -np.inf], "float32"))


def test_a_row_of_no_entries(example, cupy):
    points, L = cupy.ones((8, 2), "float32"), cupy.empty(8, "float32")
    sizes = np.int32(8), np.int32(0), np.int32(2)
    example("with_cupy_raw_kernel")["assign"](
        (2,), (128,), (points, points, cupy.empty_like(points), L, *sizes)
    )
    assert L.tolist() == [-np.inf] * 8


def source_for_numba():
    text = (EXAMPLES / "with_numba_cuda.py").read_text()
    return re.search(r'^SOURCE = """(.*?)"""', text, re.DOTALL | re.MULTILINE)[1]


CALLER = """
extern "C" __global__ void kernel(const float* x, float* y) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  y[i] = softmax_of_warp(x[i]);
}
"""


def test_the_function_for_numba(cupy):
    rows = hard_rows("float32", 32)
    y = cupy.empty(rows.shape, "float32")
    kernel = cupy.RawKernel(source_for_numba() + CALLER, "kernel", OPTIONS)
    kernel((3,), (64,), (cupy.asarray(rows), y))
    assert oracle.ulp(y.get(), oracle.softmax(rows, 1)) <= LIMITS["softmax"]


def test_the_example_for_numba_is_linked(tmp_path):
    pytest.importorskip("numba_cuda")
    core, compiler = pytest.importorskip("cuda.core"), pytest.importorskip("numba.cuda.compiler")
    script = (EXAMPLES / "with_numba_cuda.py").read_text()
    (tmp_path / "until_the_launch.py").write_text(script[: script.index("# 1000 tokens")])
    names = runpy.run_path(str(tmp_path / "until_the_launch.py"))
    arrays = "void(float32[:, ::1], float32[:, ::1], float32[:, ::1])"
    route = names["route"].py_func
    caller, function = compiler.compile_all(route, arrays, device=False, abi="numba", cc=(9, 0))[0]
    options = core.LinkerOptions(arch="sm_90", link_time_optimization=True)
    linker = core.Linker(core.ObjectCode.from_ltoir(caller), function, options=options)
    assert linker.link("cubin").code.startswith(b"\x7fELF")


# What NVIDIA's compiler makes of it


@pytest.mark.parametrize("architecture", nvrtc.ARCHITECTURES)
def test_the_examples_compile_for_every_architecture(example, architecture):
    module, kernel = example("with_cupy_raw_module"), example("with_cupy_raw_kernel")
    wanted = [(module["SOURCE"], name) for name in module["NAMES"].values()]
    for source, name in [*wanted, (kernel["SOURCE"], None), (source_for_numba() + CALLER, None)]:
        compiled = nvrtc.compiled(source, OPTIONS, architecture, name)
        assert (compiled.stack, compiled.spills, compiled.warnings) == (0, 0, []), name


def test_the_folder_hides_no_header_of_others():
    assert sorted(path.name for path in Path(FOLDER).iterdir()) == ["softkern"]
