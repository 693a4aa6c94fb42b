"""JAX arrays: traced, transformed and differentiated like any of JAX's own functions."""

import functools

import numpy as np
import pytest
from arrays import VALUES, U, X

import softkern

jax = pytest.importorskip("jax")
jnp = jax.numpy

T = np.array([0.5, 1.0, 3.0])
WHERE = np.array([[True, False, True, True], [True] * 4, [False, True, False, False]])


@pytest.fixture(autouse=True)
def _forget_what_was_compiled():
    """It would stay in memory until the last test of all."""
    yield
    jax.clear_caches()


def own(name, **options):
    return lambda x: getattr(softkern, name)(x, -1, **options)


def reference(name):
    return lambda x: getattr(jax.nn, name)(x, -1)


def squares(f):
    return lambda x: (f(x) ** 2).sum()


@pytest.mark.parametrize("name", VALUES)
class TestTransforms:
    """Beside JAX's own functions, on tangents that are not constant."""

    @staticmethod
    def same(transform, name):
        for a, b in zip(
            jax.tree.leaves(transform(own(name))),
            jax.tree.leaves(transform(reference(name))),
            strict=True,
        ):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)

    def test_jit_and_vmap(self, name):
        x = jnp.asarray(X)
        self.same(lambda f: jax.jit(f)(x), name)
        self.same(lambda f: jax.vmap(f)(x), name)
        self.same(lambda f: jax.jit(jax.vmap(f, in_axes=1))(x), name)

    def test_first_derivatives(self, name):
        x, v = jnp.asarray(X), jnp.asarray(U)
        self.same(lambda f: jax.jvp(f, (x,), (v,)), name)
        self.same(lambda f: jax.grad(squares(f))(x), name)
        self.same(lambda f: jax.jit(jax.vmap(jax.grad(squares(f))))(x), name)
        self.same(lambda f: jax.jacfwd(f)(x), name)
        self.same(lambda f: jax.jacrev(f)(x), name)
        self.same(lambda f: jax.linearize(f, x)[1](v), name)

    def test_higher_derivatives(self, name):
        x = jnp.asarray(X[0])
        self.same(lambda f: jax.hessian(squares(f))(x), name)
        self.same(lambda f: jax.jacrev(jax.jacrev(f))(x), name)
        self.same(lambda f: jax.jacfwd(jax.jacfwd(jax.jacrev(f)))(x), name)

    @pytest.mark.parametrize("t", [T, 2.0, 0.25])
    def test_temperatures(self, name, t):
        def by_hand(x, t):
            t = jnp.broadcast_to(t, (3,))
            y = getattr(jax.nn, name)(x / t[:, None], -1)
            return y * t if name == "logsumexp" else y

        def loss(f):
            return lambda x, t: (f(x, t) ** 2).sum()

        def mine(x, t):
            return getattr(softkern, name)(x, -1, temperature=t)

        x, array = jnp.asarray(X), jnp.asarray(t)
        found = jax.grad(loss(mine), (0, 1))(x, array)
        expected = jax.grad(loss(by_hand), (0, 1))(x, array)
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
        if isinstance(t, float):
            found_x = jax.grad(lambda x: loss(mine)(x, t))(x)
            np.testing.assert_allclose(found_x, expected[0], rtol=1e-9, atol=1e-12)

    def test_masks(self, name):
        def loss(x, where):
            y = getattr(softkern, name)(x, -1, where=where)
            return (jnp.where(where, y, 0) ** 2 if name != "logsumexp" else y**2).sum()

        hidden = jnp.where(WHERE, X, jnp.nan)
        found = jax.jit(jax.grad(loss))(hidden, WHERE)
        filled = jax.grad(lambda x: loss(x, jnp.ones(x.shape, bool)))(
            jnp.where(WHERE, X, -jnp.inf)[:2]
        )
        assert jnp.isfinite(found).all()
        np.testing.assert_array_equal(found[~WHERE], 0)
        if name != "log_softmax":
            np.testing.assert_allclose(found[:2], jnp.where(WHERE[:2], filled, 0), rtol=1e-9)

    @pytest.mark.parametrize("t", [0.0, np.inf, np.array([0.0, 1.0, np.inf])])
    def test_the_ends_of_temperature(self, name, t):
        if name == "logsumexp":
            pytest.skip("its value at infinity is infinite")
        x = jnp.asarray(X)
        temperature = t if isinstance(t, float) else jnp.asarray(t)
        dx = jax.grad(squares(own(name, temperature=temperature)))(x)
        at_zero = np.broadcast_to(np.asarray(t) == 0, (3,))
        assert (dx[at_zero] == 0).all()


def test_integers_and_their_tangents():
    assert softkern.softmax(jnp.arange(4)).dtype == jnp.result_type(float)
    tangent = np.zeros(3, jax.dtypes.float0)
    _, dy = jax.jvp(softkern.softmax, (jnp.arange(3),), (tangent,))
    assert (dy == 0).all()


def test_weak_types_and_no_dimensions():
    assert jax.jit(softkern.logsumexp)(3.0) == 3
    assert softkern.softmax(jnp.float32(2)).shape == ()
    assert jax.grad(lambda a: softkern.softmax(jnp.stack([1.0, a]))[0])(2.0) < 0


def test_a_row_of_nothing_is_constant():
    assert (jax.grad(softkern.logsumexp)(jnp.full(3, -jnp.inf)) == 0).all()


def test_a_dominant_row_keeps_its_tangent():
    """Where one entry outweighs all others, v - <y, v> of that entry is the others' alone."""
    x, v = np.zeros(1000), np.random.default_rng(0).standard_normal(1000)
    x[3] = 40.0
    expected = softkern.softmax_jvp(x, v, -1)[1]
    _, forwards = jax.jvp(own("softmax"), (jnp.asarray(x),), (jnp.asarray(v),))
    _, backwards = jax.vjp(own("softmax"), jnp.asarray(x))
    for found in (forwards, backwards(jnp.asarray(v))[0]):
        np.testing.assert_allclose(found[3], expected[3], rtol=1e-13)
        np.testing.assert_allclose(found, expected, rtol=1e-11)


def test_shapes_alone():
    struct = jax.ShapeDtypeStruct((5, 7), jnp.float32)
    out = jax.eval_shape(functools.partial(softkern.logsumexp, axis=0), struct)
    assert out.shape == (7,)
    assert out.dtype == jnp.float32


def test_out_is_not_for_arrays_that_never_change():
    with pytest.raises(TypeError, match="immutable"):
        softkern.softmax(jnp.asarray(X), out=jnp.asarray(X))
