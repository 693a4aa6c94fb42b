"""Torch tensors: the kernels' own results, with everything torch does to a function."""

import subprocess
import sys

import numpy as np
import pytest
from arrays import OPERATIONS, VALUES, U, X, call

import softkern

torch = pytest.importorskip("torch")

from torch.autograd import forward_ad, gradcheck, gradgradcheck

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script`:DeprecationWarning")
AXES = (-1, 0, (0, 1))
T = np.array([0.5, 1.0, 3.0])


def tensor(values, **options):
    return torch.tensor(np.array(values), **options)


def variable(values):
    return tensor(values, dtype=torch.float64, requires_grad=True)


def reference(name):
    """What torch itself has for an operation, along the last axis."""
    return lambda x: getattr(torch, name)(x, -1)


def along_rows(name, **options):
    return lambda x: getattr(softkern, name)(x, -1, **options)


class TestKernels:
    """Tensors on the CPU give the same bits as NumPy arrays: they are the same memory."""

    @pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
    @pytest.mark.parametrize("axis", AXES)
    @pytest.mark.parametrize("name", OPERATIONS)
    def test_the_bits_are_numpys(self, name, axis, dtype):
        x, u = X.astype(dtype), U.astype(dtype)
        expected = call(softkern, name, x, u, axis)
        found = call(softkern, name, tensor(x), tensor(u), axis)
        for y, other in zip(found, expected, strict=True):
            assert isinstance(y, torch.Tensor)
            np.testing.assert_array_equal(y.numpy(), other, strict=True)

    @pytest.mark.parametrize("name", OPERATIONS)
    def test_bfloat16(self, name):
        ml_dtypes = pytest.importorskip("ml_dtypes")
        x, u = X.astype(ml_dtypes.bfloat16), U.astype(ml_dtypes.bfloat16)
        expected = call(softkern, name, x, u, -1)
        x, u = (tensor(a.astype("float32")).to(torch.bfloat16) for a in (x, u))
        for y, other in zip(call(softkern, name, x, u, -1), expected, strict=True):
            assert y.dtype is torch.bfloat16
            np.testing.assert_array_equal(y.float().numpy(), other.astype("float32"))

    @pytest.mark.parametrize("name", VALUES)
    def test_strides_of_all_kinds(self, name):
        x = torch.randn(8, 9, 10, dtype=torch.float64)
        for view in (x[::2, :, ::3], x.permute(2, 0, 1), x[:, :1].expand(8, 4, 10), x[3, 2]):
            found = along_rows(name)(view)
            torch.testing.assert_close(found, along_rows(name)(view.contiguous()), rtol=0, atol=0)
            torch.testing.assert_close(found, reference(name)(view))

    def test_integers_become_the_default_float(self):
        assert softkern.softmax(torch.arange(3)).dtype is torch.get_default_dtype()

    def test_no_dimension_and_no_numbers(self):
        assert softkern.softmax(torch.tensor(3.0)) == 1
        assert softkern.logsumexp(torch.tensor(3.0)) == 3
        assert softkern.softmax(torch.zeros(0, 3), -1).shape == (0, 3)
        assert torch.isneginf(softkern.logsumexp(torch.zeros(3, 0), -1)).all()

    def test_a_parameter(self):
        parameter = torch.nn.Parameter(tensor(X))
        assert type(softkern.softmax(parameter, -1)) is torch.Tensor

    def test_where_there_are_no_kernels_the_formulas_serve(self):
        assert softkern.softmax(torch.empty(2, 3, device="meta"), -1).shape == (2, 3)
        assert softkern.softmax(tensor(X).to(torch.complex64), -1).dtype is torch.complex64

    def test_two_devices(self):
        with pytest.raises(TypeError, match="two devices"):
            softkern.softmax_jvp(tensor(X), torch.empty(3, 4, device="meta"), -1)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU that torch could use")
@pytest.mark.parametrize("name", OPERATIONS)
def test_tensors_on_a_gpu(name):
    pytest.importorskip("cupy")
    x, u = (torch.tensor(a, device="cuda") for a in (X, U))
    expected = call(softkern, name, X, U, 0, temperature=1.5)
    with torch.cuda.stream(torch.cuda.Stream()):
        found = call(softkern, name, x, u, 0, temperature=1.5)
    torch.cuda.synchronize()
    for y, other in zip(found, expected, strict=True):
        assert y.device == x.device
        np.testing.assert_allclose(y.cpu().numpy(), other, rtol=1e-13, atol=1e-15)


class TestOut:
    @pytest.mark.parametrize("name", VALUES)
    def test_results_go_there(self, name):
        x = tensor(X)
        expected = along_rows(name)(x)
        out = torch.empty_like(expected)
        assert along_rows(name, out=out)(x) is out
        torch.testing.assert_close(out, expected, rtol=0, atol=0)

    def test_a_pair_and_strides(self):
        out = torch.empty(4, 3).T, torch.empty(4, 3).T
        found = softkern.softmax_jvp(tensor(X).float(), tensor(U).float(), -1, out=out)
        assert all(a is b for a, b in zip(found, out, strict=True))
        for a, b in zip(out, call(softkern, "softmax_jvp", X, U, -1), strict=True):
            np.testing.assert_allclose(a.numpy(), b, rtol=1e-6, atol=1e-7)

    def test_one_of_a_pair(self):
        out = torch.empty(3, 4, dtype=torch.float64)
        y, dy = softkern.softmax_jvp(tensor(X), tensor(U), -1, out=(None, out))
        assert dy is out
        torch.testing.assert_close((y, dy), softkern.softmax_jvp(tensor(X), tensor(U), -1))

    def test_kept_dimensions(self):
        out = torch.empty(3, 1, dtype=torch.float64)
        assert softkern.logsumexp(tensor(X), -1, keepdims=True, out=out) is out
        torch.testing.assert_close(out[:, 0], softkern.logsumexp(tensor(X), -1))

    def test_it_takes_no_part_in_differentiation(self):
        with pytest.raises(RuntimeError, match="out="):
            softkern.softmax(variable(X), -1, out=torch.empty(3, 4, dtype=torch.float64))
        with torch.no_grad():
            softkern.softmax(variable(X), -1, out=torch.empty(3, 4, dtype=torch.float64))


class TestDerivatives:
    @pytest.mark.parametrize("axis", AXES)
    @pytest.mark.parametrize("name", VALUES)
    def test_of_values(self, name, axis):
        def operation(x):
            return getattr(softkern, name)(x, axis, temperature=1.5)

        assert gradcheck(operation, variable(X), check_forward_ad=True)
        assert gradgradcheck(
            operation, variable(X), check_fwd_over_rev=True, check_rev_over_rev=True
        )

    @pytest.mark.parametrize("name", [name for name in OPERATIONS if name not in VALUES])
    def test_of_derivatives(self, name):
        def operation(x, u):
            return call(softkern, name, x, u, -1)

        assert gradcheck(operation, (variable(X), variable(U)), check_forward_ad=True)

    @pytest.mark.parametrize("name", VALUES)
    def test_of_temperatures(self, name):
        def operation(x, t):
            return getattr(softkern, name)(x, -1, temperature=t)

        assert gradcheck(operation, (variable(X), variable(T)), check_forward_ad=True)
        assert gradgradcheck(operation, (variable(X), variable(T)))

    @pytest.mark.parametrize("name", VALUES)
    def test_of_masked_rows(self, name):
        where = tensor([[True, False, True, True], [True] * 4, [False, True, False, False]])
        if name == "log_softmax":
            operation = lambda x: torch.where(where, along_rows(name, where=where)(x), 0.0)
        else:
            operation = along_rows(name, where=where)
        assert gradcheck(operation, variable(X), check_forward_ad=True)

    def test_of_weights(self):
        def operation(a, b):
            return softkern.logsumexp(a, -1, b)

        assert gradcheck(operation, (variable(X), variable(abs(U))))

    def test_a_row_of_nothing_is_constant(self):
        x = variable(np.full(3, -np.inf))
        softkern.logsumexp(x).backward()
        assert (x.grad == 0).all()

    def test_a_dominant_row_keeps_its_gradient(self):
        x, v = np.zeros(1000), np.random.default_rng(0).standard_normal(1000)
        x[3] = 40.0
        dual = variable(x)
        (found,) = torch.autograd.grad(softkern.softmax(dual, -1), dual, tensor(v))
        np.testing.assert_array_equal(found.numpy(), softkern.softmax_vjp(x, v, -1))


class TestModes:
    def test_what_wants_no_gradient_gets_none(self):
        assert softkern.softmax(variable(X), -1).requires_grad
        assert not softkern.softmax(tensor(X), -1).requires_grad
        with torch.no_grad():
            assert not softkern.softmax(variable(X), -1).requires_grad
        with torch.inference_mode():
            assert softkern.softmax(variable(X), -1).is_inference()

    @pytest.mark.parametrize("name", VALUES)
    def test_dual_numbers(self, name):
        x, v = tensor(X), tensor(U)
        with forward_ad.dual_level():
            dual = along_rows(name)(forward_ad.make_dual(x, v))
            y, dy = forward_ad.unpack_dual(dual)
        expected = getattr(softkern, f"{name}_jvp")(x, v, -1)
        torch.testing.assert_close((y, dy), expected)


@pytest.mark.parametrize("name", VALUES)
class TestTransforms:
    """torch.func, beside torch's own operations, on tangents that are not constant."""

    @pytest.fixture
    def pair(self, name):
        return along_rows(name), reference(name)

    @staticmethod
    def same(transform, pair):
        torch.testing.assert_close(transform(pair[0]), transform(pair[1]))

    def test_jvp_and_vjp(self, pair):
        func, x, v = torch.func, tensor(X), tensor(U)
        self.same(lambda f: func.jvp(f, (x,), (v,)), pair)
        self.same(lambda f: func.vjp(lambda a: (f(a) ** 2).sum(), x)[1](tensor(2.0)), pair)

    def test_jacobians(self, pair):
        func, x = torch.func, tensor(X)
        for jacobian in (func.jacfwd, func.jacrev):
            self.same(lambda f, j=jacobian: j(f)(x), pair)
        self.same(lambda f: func.hessian(lambda a: (f(a) ** 2).sum())(x), pair)
        self.same(lambda f: func.jacfwd(func.jacfwd(func.jacrev(f)))(x[0]), pair)

    def test_vmap(self, pair):
        func, x = torch.func, tensor(X)
        for dim in (0, 1):
            self.same(lambda f, d=dim: func.vmap(f, in_dims=d)(x), pair)
        self.same(lambda f: func.vmap(func.vmap(f))(x.reshape(3, 2, 2)), pair)
        self.same(lambda f: func.vmap(func.grad(lambda a: (f(a) ** 2).sum()))(x), pair)

    def test_vmap_over_temperatures(self, name):
        x, t = tensor(X), tensor(T)
        found = torch.func.vmap(lambda a, s: getattr(softkern, name)(a, temperature=s))(x, t)
        torch.testing.assert_close(found, along_rows(name, temperature=t)(x))

    @pytest.mark.parametrize("dynamic", [False, True])
    def test_compile(self, pair, dynamic):
        torch.compiler.reset()
        own, other = variable(X), variable(X)
        loss = torch.compile(
            lambda x: (pair[0](x) ** 2).sum(), fullgraph=True, backend="aot_eager", dynamic=dynamic
        )
        loss(own).backward()
        (pair[1](other) ** 2).sum().backward()
        torch.testing.assert_close(own.grad, other.grad)


def test_compile_first_thing_in_a_process():
    """The backend is found, and imported, while torch traces."""
    code = """
import torch, softkern
loss = lambda x: softkern.softmax(x, -1).square().sum()
compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
x = torch.randn(3, 5, requires_grad=True)
compiled(x).backward()
(expected,) = torch.autograd.grad(loss(x), x)
torch.testing.assert_close(x.grad, expected)
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_compiled_derivatives():
    torch.compiler.reset()
    x, u, t = tensor(X), tensor(U), tensor(T)

    def some(x, u, t):
        y, dy = softkern.softmax_jvp(x, u, -1, temperature=t)
        return y, dy, softkern.log_softmax_vjp(x, u, -1, where=x > 0)

    compiled = torch.compile(some, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x, u, t), some(x, u, t))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_torchs_samples_of_cross_entropy():
    """Those that torch tests its own function with, each with its gradient."""
    pytest.importorskip("expecttest", reason="torch's samples are imported with it")
    from torch.testing._internal.common_methods_invocations import op_db

    (info,) = (op for op in op_db if op.name == "nn.functional.cross_entropy")
    tried = 0
    for dtype in (torch.float32, torch.float64):
        for sample in info.sample_inputs("cpu", dtype, requires_grad=True):
            x, (target, *_) = sample.input, sample.args
            options = {"reduction": "mean", **sample.kwargs}
            expected = torch.nn.functional.cross_entropy(x, target, **options)
            options["ignore_index"] = options.get("ignore_index", -100)
            if target.is_floating_point():
                del options["ignore_index"]
            loss = softkern.cross_entropy(x, target, min(1, x.ndim - 1), **options)
            torch.testing.assert_close(loss, expected)
            for found in zip(gradients(loss, x), gradients(expected, x), strict=True):
                torch.testing.assert_close(*found)
            tried += 1
    assert tried > 40


def gradients(loss, x):
    g = torch.ones_like(loss)
    return torch.autograd.grad(loss, x, g, allow_unused=True)
