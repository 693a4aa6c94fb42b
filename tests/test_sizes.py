"""Sizes and strides at the ends of what there is.

Large arrays here take little memory: pages that are only read stay one page of zeros, and results go to
one piece of memory that is mapped again and again. `SOFTKERN_HUGE=1 pytest -n 0 tests/test_sizes.py`
takes real ones too, of 8.6 GB.
"""

import ctypes
import itertools
import mmap
import os
import sys

import ml_dtypes
import numpy as np
import pytest
from arrays import OPERATIONS, call
from every_call import WITH_OUT
from numpy.lib.stride_tricks import as_strided
from test_properties import FLOATS

import softkern

ROW = 2**31 + 5  # numbers, more than an int counts
SIDE = 2**16 + 1  # of an array with more numbers than an unsigned int counts
PIECE = 2**25  # bytes
NORESERVE, FIXED = 0x4000, 0x10  # of Linux's mmap

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="memory is mapped as in Linux")


def assert_near(result, truth):
    np.testing.assert_allclose(result, truth, rtol=1e-3)


# Rows longer than 2**31


def test_a_row_is_read_to_its_end():
    x, v = np.zeros(ROW, np.float16), np.zeros(ROW, np.float16)
    x[-2], v[-2] = 30, 7
    L, dL = softkern.logsumexp_jvp(x, v)
    assert_near(L, 30 + np.log1p(ROW * np.exp(-30)))
    assert_near(dL, 7)


def test_columns_are_read_to_their_ends():
    x = np.zeros((ROW // 2, 3), np.float16)
    x[-2] = 28, 29, 30
    m = np.array([28.0, 29, 30])
    assert_near(softkern.logsumexp(x, 0), m + np.log1p(len(x) * np.exp(-m)))


@on_linux
def test_a_row_is_written_to_its_end():
    """z = x - L: the same everywhere but where it has memory of its own."""
    place, x = folded(2 * ROW), np.zeros(ROW, np.float16)
    out = np.ndarray(ROW, np.float16, place)
    x[-PIECE // 4 :] = np.arange(PIECE // 4) % 16
    softkern.log_softmax(x, out=out)
    L = np.log(ROW - PIECE // 4 + PIECE // 64 * np.exp(np.arange(16.0)).sum())
    assert_near(out[-PIECE // 4 :], x[-PIECE // 4 :] - L)
    assert_near(out[: PIECE // 2], -L)


def folded(size):
    """Memory whose last piece is its own, and all others are one and the same."""
    file = os.memfd_create("folded")
    os.truncate(file, 2 * PIECE)
    last = size - PIECE
    last -= last % PIECE
    reserved = mmap.mmap(-1, last + 2 * PIECE, mmap.MAP_PRIVATE | NORESERVE)
    start = np.frombuffer(reserved, np.uint8).ctypes.data
    read_write, shared_fixed = mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_SHARED | FIXED
    map_at = ctypes.CDLL(None).mmap
    map_at.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    map_at.restype = ctypes.c_void_p
    for at in range(0, last, PIECE):
        assert map_at(start + at, PIECE, read_write, shared_fixed, file, 0) == start + at
    os.close(file)
    return reserved


# Arrays of more than 2**32


@pytest.mark.parametrize("axis", [0, 1])
def test_an_array_is_read_to_its_end(axis):
    x = np.zeros((SIDE, SIDE), np.float16)
    x[-1, -1] = 30
    L = softkern.logsumexp(x, axis)
    assert_near(L[:-1], np.log(SIDE))
    assert_near(L[-1], 30)


@pytest.mark.skipif("SOFTKERN_HUGE" not in os.environ, reason="SOFTKERN_HUGE=1 takes 8.6 GB")
@pytest.mark.parametrize("shape", [(SIDE, SIDE), (1, SIDE * SIDE), (SIDE * SIDE, 1)])
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_an_array_of_8_GB_in_place(shape, name):
    x = np.zeros(shape, np.float16)
    x[:, -1] = 30
    first = x[:2].copy() if shape[0] > 1 else None
    result = getattr(softkern, name)(x, 1, out=x)
    assert result is x
    if first is not None:
        np.testing.assert_array_equal(x[:2], getattr(softkern, name)(first, 1))
        assert all((x[k : k + 4096] == x[0]).all() for k in range(0, len(x), 4096))
    else:
        z = -np.log1p(np.exp(30.0) / (SIDE * SIDE - 1)) - np.log(SIDE * SIDE - 1.0)
        rest = np.exp(z) if name == "softmax" else z
        assert_near(x[0, :: SIDE - 2][:-1], np.float16(rest))


# No numbers at all


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8"])
def test_no_numbers_in_any_place(name, dtype):
    for ndim in (1, 2, 3, 4):
        for sizes in itertools.product((0, 1, 3), repeat=ndim):
            if 0 not in sizes:
                continue
            x = np.zeros(sizes, dtype)
            for axis in (None, *range(-ndim, ndim), *itertools.combinations(range(ndim), 2)):
                reduced = range(ndim) if axis is None else np.atleast_1d(axis) % ndim
                kept = tuple(n for k, n in enumerate(sizes) if k not in reduced)
                shape = kept if name in ("logsumexp", "logsumexp_jvp") else sizes
                results = call(softkern, name, x, x, axis)
                for result, value in zip(results, (-np.inf, 0.0), strict=False):
                    assert result.shape == shape
                    assert (result == value).all()


# Strides near the limits


@pytest.fixture(scope="module")
def far():
    """Addresses enough for strides of 2**43 bytes; no memory before it is written to."""
    if sys.platform != "linux":
        pytest.skip("memory is reserved as in Linux")
    try:
        reserved = mmap.mmap(-1, 2**45, mmap.MAP_PRIVATE | NORESERVE)
    except OSError:
        pytest.skip("this machine does not let that many addresses be reserved")
    return np.frombuffer(reserved, np.uint8)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(4, 9), (4, 100), (9, 4), (4, 1)])
@pytest.mark.parametrize("step", [2**43, 2**43 - 4096 + 8, 3 * 2**41])
def test_far_apart(far, dtype, shape, step):
    own = np.dtype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)
    x, u = np.random.default_rng(0).normal(0, 3, (2, *shape)).astype(own)
    k = shape.index(4)
    strides = (step, own.itemsize) if k == 0 else (own.itemsize, step)
    places = [as_strided(far[at:].view(own), shape, strides) for at in (0, 2**20)]
    places[0][...], places[1][...] = x, u
    for name, operation in WITH_OUT.items():
        for axis in (0, 1):
            for way in (1, -1):
                along = np.s_[::way] if k == 0 else np.s_[:, ::way]
                expected = operation(x[along].copy(), u[along].copy(), axis)
                found = operation(places[0][along], places[1][along], axis)
                for a, b in zip(found, expected, strict=True):
                    np.testing.assert_array_equal(a, b, err_msg=name)


@pytest.mark.parametrize("stride", [2**62, -(2**62), 2**63 - 8, -(2**63), 7])
def test_strides_that_lead_nowhere(stride):
    x = np.arange(6.0)
    for shape, strides in (
        ((1, 6), (stride, 8)),
        ((6, 1), (8, stride)),
        ((1, 6, 1), (stride, 8, stride)),
    ):
        a = as_strided(x, shape, strides)
        for name, operation in WITH_OUT.items():
            for axis in range(len(shape)):
                expected = operation(x.reshape(shape), x.reshape(shape), axis)
                for found, truth in zip(operation(a, a, axis), expected, strict=True):
                    np.testing.assert_array_equal(found, truth, err_msg=name)
