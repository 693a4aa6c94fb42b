"""The C functions: called by ctypes, by SciPy, and by compiled C."""

import ctypes
import shutil
import subprocess

import numpy as np
import pytest

import softkern

NAMES = ("softmax", "log_softmax", "logsumexp")
C_TYPES = {"float32": ctypes.c_float, "float64": ctypes.c_double}
every = pytest.mark.parametrize("name", NAMES)
FLOATS = pytest.mark.parametrize("dtype", C_TYPES)


def pointer(a):
    return a.ctypes.data_as(ctypes.POINTER(C_TYPES[a.dtype.name]))


def call(name, x, y, t=None):
    temperature = None if t is None else ctypes.byref(ctypes.c_double(t))
    return softkern.c_function(name, x.dtype.name)(pointer(x), x.size, pointer(y), temperature)


@every
@FLOATS
@pytest.mark.parametrize("t", [None, 0.5])
def test_has_the_bits_of_the_operation(name, dtype, t):
    for n in (0, 1, 20, 1000, 2048, 2049, 70_000):
        x = np.random.default_rng(n).normal(0, 3, n).astype(dtype)
        y = np.empty(1 if name == "logsumexp" else n, dtype)
        assert call(name, x, y, t) == 1
        expected = getattr(softkern, name)(x, temperature=t or 1.0)
        np.testing.assert_array_equal(y, np.atleast_1d(expected))
        if name != "logsumexp":
            call(name, x, x, t)
            np.testing.assert_array_equal(x, expected)


@every
def test_a_temperature_that_is_none_is_told(name):
    x, y = np.zeros(3), np.full(3, 7.0)
    for t in (0.0, -1.0, np.inf, np.nan):
        assert call(name, x, y, t) == 0
    np.testing.assert_array_equal(y, 7.0)


def test_as_a_filter_of_images():
    ndimage = pytest.importorskip("scipy.ndimage")
    from scipy import LowLevelCallable

    image = np.random.default_rng(0).normal(size=(40, 50))
    windows = np.lib.stride_tricks.sliding_window_view(image, (3, 5))
    function, t = softkern.c_function("logsumexp"), ctypes.c_double(2.0)
    place = ctypes.cast(ctypes.pointer(t), ctypes.c_void_p)
    for callback, temperature in (
        (LowLevelCallable(function), 1.0),
        (LowLevelCallable(function, place), 2.0),
    ):
        found = ndimage.generic_filter(image, callback, size=(3, 5))[1:-1, 2:-2]
        expected = softkern.logsumexp(windows, (2, 3), temperature=temperature)
        np.testing.assert_array_equal(found, expected)


PROGRAM = """
#include <stdint.h>
#include <stdlib.h>

typedef int (*row_function)(double *x, intptr_t n, double *y, void *temperature);

/* The softmax of every row in place, and the sum of their logsumexp. */
int rows(row_function softmax, row_function logsumexp, double *x, intptr_t count, intptr_t n,
         double temperature, double *total) {
    double L;
    *total = 0;
    for (intptr_t i = 0; i < count; ++i) {
        if (!logsumexp(x + i * n, n, &L, &temperature)) return 0;
        if (!softmax(x + i * n, n, x + i * n, &temperature)) return 0;
        *total += L;
    }
    return 1;
}
"""


def test_called_from_c(tmp_path):
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler")
    source, library = tmp_path / "rows.c", tmp_path / "rows.so"
    source.write_text(PROGRAM)
    subprocess.run(
        [compiler, "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, source], check=True
    )
    x, total = np.random.default_rng(0).normal(size=(7, 30)), ctypes.c_double()
    expected = softkern.softmax(x, 1, temperature=0.5), softkern.logsumexp(x, 1, temperature=0.5)
    functions = [softkern.c_function(name) for name in ("softmax", "logsumexp")]
    rows = ctypes.CDLL(str(library)).rows
    shape, t = map(ctypes.c_ssize_t, x.shape), ctypes.c_double(0.5)
    assert rows(*functions, pointer(x), *shape, t, ctypes.byref(total)) == 1
    np.testing.assert_array_equal(x, expected[0])
    assert total.value == pytest.approx(expected[1].sum(), rel=1e-15)


def test_there_are_no_others():
    for name, dtype in (("softmin", "float64"), ("softmax", "float16")):
        with pytest.raises(ValueError, match="there is softmax, log_softmax"):
            softkern.c_function(name, dtype)
