"""Calls of running log-sum-exp: what may be given to it, and what differentiates it."""

import numpy as np
import oracle
import pytest
from arrays import U, X, array, assert_close, to_numpy
from test_logcumsumexp import NAMES, assert_true, call, every_operation

import softkern

inf = np.inf


@every_operation
@pytest.mark.parametrize("dtype", ["int8", "uint16", "int64", "bool"])
def test_integers_become_floats(xp, name, dtype):
    x, u = array(xp, abs(X), dtype), array(xp, abs(U), dtype)
    for result in call(softkern, name, x, u, 1):
        assert result.dtype == xp.zeros(()).dtype
    assert_true(name, x, u, 1)


@every_operation
def test_strides_of_all_kinds(name):
    rng = np.random.default_rng(0)
    x, u = rng.normal(size=(2, 8, 9, 1100))
    for cut in (np.s_[::2, ::-1], np.s_[:, ::3, ::-7], np.s_[3, 2], np.s_[:, :, 0]):
        for axis in range(x[cut].ndim):
            views = call(softkern, name, x[cut], u[cut], axis)
            copies = call(softkern, name, x[cut].copy(), u[cut].copy(), axis)
            for result, expected in zip(views, copies, strict=True):
                np.testing.assert_array_equal(result, expected, strict=True)


@every_operation
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("n", [5, 1500])
def test_a_rows_bits_depend_on_the_row_alone(name, dtype, n):
    x, u = np.random.default_rng(n).normal(0, 3, (2, 130, n)).astype(dtype)
    together = call(softkern, name, x, u, 1)
    with softkern.num_threads(1):
        serially = call(softkern, name, x, u, 1)
    columns = call(softkern, name, x.T.copy(), u.T.copy(), 0)
    for result, serial, column in zip(together, serially, columns, strict=True):
        np.testing.assert_array_equal(result, serial)
        np.testing.assert_array_equal(result, column.T)
    for k in (0, 129):
        for result, alone in zip(together, call(softkern, name, x[k], u[k]), strict=True):
            np.testing.assert_array_equal(result[k], alone)


@pytest.mark.parametrize("axis", [None, 0, 1])
def test_out(xp, axis):
    if xp.__name__ == "jax.numpy":
        pytest.skip("its arrays cannot be written to")
    x = array(xp, X)
    expected = to_numpy(softkern.logcumsumexp(x, axis))
    out = array(xp, np.zeros(X.shape))
    assert softkern.logcumsumexp(x, axis, out=out) is out
    np.testing.assert_array_equal(to_numpy(out), expected)
    softkern.logcumsumexp(x, axis, out=x)
    np.testing.assert_array_equal(to_numpy(x), expected)
    with pytest.raises(ValueError, match="out must have shape"):
        softkern.logcumsumexp(x, axis, out=xp.zeros((1, 7)))


def test_a_tangent_may_be_a_number(xp):
    x = array(xp, X)
    assert_close(softkern.logcumsumexp_jvp(x, 2.0, 1)[1], np.full(X.shape, 2.0))
    assert_close(
        softkern.logcumsumexp_vjp(x, 2.0, 1), oracle.logcumsumexp_vjp(X, np.full(X.shape, 2.0), 1)
    )


class TestErrors:
    @every_operation
    def test_complex(self, xp, name):
        with pytest.raises(TypeError, match="complex"):
            call(softkern, name, array(xp, [1j], "complex128"), array(xp, [1.0]), 0)

    @every_operation
    @pytest.mark.parametrize("axis", [(0, 1), (0,), 0.5])
    def test_axis(self, xp, name, axis):
        with pytest.raises(TypeError, match="axis must be"):
            call(softkern, name, array(xp, X), array(xp, U), axis)

    @every_operation
    def test_axis_out_of_bounds(self, xp, name):
        with pytest.raises(np.exceptions.AxisError):
            call(softkern, name, array(xp, X), array(xp, U), 2)

    @every_operation
    def test_temperature(self, name):
        with pytest.raises(ValueError, match="temperature"):
            call(softkern, name, X, U, 1, temperature=-1)

    def test_two_libraries(self):
        strict = pytest.importorskip("array_api_strict")
        with pytest.raises(TypeError, match="two libraries"):
            softkern.logcumsumexp_jvp(strict.asarray(X), U, 1)


# What differentiates it


@pytest.mark.filterwarnings("ignore:`torch.jit.script`:DeprecationWarning")
@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_torch_differentiates_it(temperature):
    torch = pytest.importorskip("torch")
    x, g = torch.tensor(X, requires_grad=True), torch.tensor(U)

    def along_rows(x):
        return softkern.logcumsumexp(x, 1, temperature=temperature)

    assert torch.autograd.gradcheck(along_rows, x, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(along_rows, x)
    (dx,) = torch.autograd.grad(along_rows(x), x, g)
    assert_close(dx, oracle.logcumsumexp_vjp(X, U, 1, temperature=temperature))
    t = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, t: softkern.logcumsumexp(x, 1, temperature=t), (x, t))


def test_jax_differentiates_it():
    jax = pytest.importorskip("jax")
    x, g = jax.numpy.asarray(X), jax.numpy.asarray(U)
    for t in (1.0, 0.5):
        L, pull = jax.vjp(jax.jit(lambda x, t=t: softkern.logcumsumexp(x, 1, temperature=t)), x)
        assert_close(L, oracle.logcumsumexp(X, 1, temperature=t))
        assert_close(pull(g)[0], oracle.logcumsumexp_vjp(X, U, 1, temperature=t))
    twice = jax.hessian(lambda x: softkern.logcumsumexp(x)[-1])(x[0])
    y = oracle.softmax(X[0]).astype(float)
    np.testing.assert_allclose(twice, np.diag(y) - np.outer(y, y), atol=1e-15)


@pytest.mark.filterwarnings("ignore:`torch.jit.script`:DeprecationWarning")
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_gradients_at_minus_infinity(temperature):
    row = np.array([-inf, -inf, 1.0, -inf, 2.0])
    expected = oracle.logcumsumexp_vjp(row, np.ones(5), 0)
    expected = expected if temperature else [0, 0, 2, 0, 1]
    torch = pytest.importorskip("torch")
    x = torch.tensor(row, requires_grad=True)
    softkern.logcumsumexp(x, temperature=temperature)[2:].sum().backward()
    assert_close(x.grad, expected)
    jax = pytest.importorskip("jax")
    dx = jax.grad(lambda x: softkern.logcumsumexp(x, temperature=temperature)[2:].sum())
    assert_close(dx(jax.numpy.asarray(row)), expected)


def test_dask_stays_lazy():
    da = pytest.importorskip("dask.array")
    x = da.from_array(X, chunks=2)
    for name in NAMES:
        assert all(isinstance(y, da.Array) for y in call(softkern, name, x, x, 1))
