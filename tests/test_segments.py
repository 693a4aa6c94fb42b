"""Segments: on every array, each as the row that it is to the ordinary operation."""

from itertools import pairwise

import hypothesis.strategies as st
import numpy as np
import oracle
import pytest
from arrays import array, assert_close, dtype_of, to_numpy
from hypothesis import given, settings
from test_accuracy import CASES, LIMIT_OF_DERIVATIVES, LIMITS, SHORT, hard_rows, truths

import softkern

inf, nan = np.inf, np.nan
NAMES = [f"{name}{kind}" for name in ("softmax", "logsumexp") for kind in ("", "_jvp", "_vjp")]
REDUCED = ("logsumexp", "logsumexp_jvp")
every_operation = pytest.mark.parametrize("name", NAMES)
few = settings(max_examples=60, deadline=None)

CUTS = {
    "none": [0],
    "one": [0, 9],
    "all empty": [0, 0, 0, 0],
    "empty first": [0, 0, 2, 5],
    "empty in the middle": [0, 2, 2, 2, 6],
    "empty last": [0, 4, 7, 7],
    "one entry each": [0, 1, 2, 3],
    "some long": [0, 3, 50, 50, 90, 91, 124],
    "more than lanes": list(range(0, 100, 3)),
}


def offsets_of(lengths):
    return np.append(0, np.cumsum(np.asarray(lengths, int)))


def given_for(name, offsets, rest=(), seed=0):
    """Entries, and what goes with them: a tangent, a cotangent or nothing."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 3, (offsets[-1], *rest))
    u = rng.normal(size=(len(offsets) - 1, *rest) if name == "logsumexp_vjp" else x.shape)
    return x, u


def on_segments(name, x, u, *cuts, **options):
    """The results of a segment operation, as a tuple."""
    arguments = (x,) if name in ("softmax", "logsumexp") else (x, u)
    results = getattr(softkern, f"segment_{name}")(*arguments, *cuts, **options)
    return results if isinstance(results, tuple) else (results,)


def one_by_one(module, name, x, u, offsets, temperature=1.0):
    """The results of the ordinary operation on each segment, put together."""
    found = []
    t = np.broadcast_to(temperature, (len(offsets) - 1, *x.shape[1:]))
    for k, (lo, hi) in enumerate(pairwise(offsets)):
        own = u[k] if name == "logsumexp_vjp" else u[lo:hi]
        v = (own,) if "_" in name else ()
        results = getattr(module, name)(x[lo:hi], *v, 0, temperature=t[k])
        found.append(results if isinstance(results, tuple) else (results,))
    if not found:
        return tuple(x for _ in range(2 if "jvp" in name else 1))
    join = np.stack if name in REDUCED else np.concatenate
    return tuple(join(parts) for parts in zip(*found, strict=True))


def assert_true(name, x, u, offsets, temperature=1.0, ulps=16, **options):
    t = temperature if isinstance(temperature, float) else to_numpy(temperature)
    truth = one_by_one(oracle, name, to_numpy(x), to_numpy(u), offsets, t)
    results = on_segments(name, x, u, offsets, temperature=temperature, **options)
    for result, expected in zip(results, truth, strict=True):
        assert result.dtype == x.dtype
        assert_close(result, expected, ulps)


@every_operation
@pytest.mark.parametrize("cuts", CUTS)
def test_each_segment_is_a_row(xp, name, cuts):
    x, u = (array(xp, a) for a in given_for(name, CUTS[cuts]))
    assert_true(name, x, u, CUTS[cuts])


@every_operation
@pytest.mark.parametrize("rest", [(3,), (2, 2)])
def test_columns_are_apart(xp, name, rest):
    x, u = (array(xp, a) for a in given_for(name, CUTS["some long"], rest))
    assert_true(name, x, u, CUTS["some long"])


@every_operation
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_dtypes(xp, name, dtype):
    offsets = CUTS["some long"]
    x, u = (array(xp, a, dtype) for a in given_for(name, offsets))
    assert_true(name, x, u, offsets, ulps=16 if dtype == "float32" else 0.501)


@every_operation
def test_integers_become_floats(xp, name):
    x = array(xp, [200, 1, 3, 4, 255], "uint8")
    u = array(xp, [1, 2] if name == "logsumexp_vjp" else [1, 2, 3, 4, 5], "int32")
    truth = one_by_one(
        oracle, name, to_numpy(x).astype(float), to_numpy(u).astype(float), [0, 2, 5]
    )
    for result, expected in zip(on_segments(name, x, u, [0, 2, 5]), truth, strict=True):
        assert result.dtype == xp.zeros(()).dtype
        assert_close(result, expected, 16 if result.dtype == dtype_of(xp, "float64") else 1e9)


@every_operation
@pytest.mark.parametrize("t", [0.0, 0.5, 3.0, inf])
def test_temperature(xp, name, t):
    offsets = CUTS["some long"]
    x, u = (array(xp, a) for a in given_for(name, offsets))
    assert_true(name, x, u, offsets, t)


@every_operation
@pytest.mark.parametrize("cold", [0.25, 0.0])
def test_a_temperature_for_each_segment(xp, name, cold):
    offsets = CUTS["some long"]
    t = np.linspace(cold, 2, len(offsets) - 1)
    for rest, temperature in (((), t), ((2,), t[:, None]), ((2,), np.stack([t, t + 1], 1))):
        x, u = (array(xp, a) for a in given_for(name, offsets, rest))
        assert_true(name, x, u, offsets, array(xp, temperature))


@every_operation
def test_segment_ids_say_the_same_as_offsets(xp, name):
    offsets = [0, 0, 2, 2, 7, 7]
    x, u = (array(xp, a) for a in given_for(name, offsets))
    expected = on_segments(name, x, u, array(xp, offsets, "int32"))
    for ids in ([1, 1, 3, 3, 3, 3, 3], array(xp, [1, 1, 3, 3, 3, 3, 3], "int64")):
        found = on_segments(name, x, u, segment_ids=ids, num_segments=5)
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_array_equal(to_numpy(a), to_numpy(b))
    assert softkern.segment_logsumexp(x, segment_ids=[1, 1, 3, 3, 3, 3, 3]).shape == (4,)
    empty = array(xp, [])
    found = to_numpy(softkern.segment_logsumexp(empty, segment_ids=[], num_segments=2))
    np.testing.assert_array_equal(found, [-inf, -inf])


@every_operation
@pytest.mark.parametrize("long", [0, 40])
@pytest.mark.parametrize("special", [[nan, 1], [inf, 1], [-inf, -inf], [inf, nan], [-inf, 1]])
def test_special_segments_stay_among_themselves(xp, name, special, long):
    filler = [special[1]] * long
    x = np.array([1.0, 2.0, *special, *filler, 3.0, 5.0, 4.0])
    offsets = offsets_of([2, 2 + long, 0, 3])
    _, u = given_for(name, offsets)
    expected = one_by_one(softkern, name, x, u, offsets)
    found = on_segments(name, array(xp, x), array(xp, u), offsets)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(to_numpy(a), b, rtol=1e-12, atol=1e-15)


@every_operation
@few
@given(data=st.data())
def test_any_cuts_and_values(name, data):
    lengths = data.draw(st.lists(st.sampled_from([0, 1, 2, 5, 16, 31, 32, 33, 70]), max_size=40))
    rest = data.draw(st.sampled_from([(), (1,), (3,), (2, 9), (0,)]))
    dtype = data.draw(st.sampled_from(["float16", "float32", "float64"]))
    offsets = offsets_of(lengths)
    x, u = (a.astype(dtype) for a in given_for(name, offsets, rest, data.draw(st.integers(0, 99))))
    for _ in range(data.draw(st.integers(0, 3)) if x.size else 0):
        x.flat[data.draw(st.integers(0, x.size - 1))] = data.draw(st.sampled_from([-inf, nan, 30]))
    layout = data.draw(st.sampled_from(["contiguous", "Fortran", "stepped", "reversed"]))
    x = {
        "contiguous": x,
        "Fortran": np.asfortranarray(x),
        "stepped": np.repeat(x, 2, axis=0)[::2],
        "reversed": x[::-1].copy()[::-1],
    }[layout]
    ulps = 30 if np.dtype(dtype).itemsize > 2 else 1
    expected = one_by_one(softkern, name, x, u, offsets)
    for a, b in zip(on_segments(name, x, u, offsets), expected, strict=True):
        assert a.dtype == dtype
        assert_close(a, b.reshape(a.shape), ulps)


# Accuracy


@pytest.mark.parametrize("columns", [1, 3])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_accuracy(case, dtype, columns):
    rows = {n: hard_rows(case, n, dtype) for n in SHORT}
    offsets = offsets_of([n for n in SHORT for _ in rows[n][0]])
    x, v = (np.concatenate([rows[n][i].ravel() for n in SHORT]) for i in (0, 1))
    g = np.concatenate([rows[n][1][:, 0] for n in SHORT])
    for name in NAMES:
        u = g if name == "logsumexp_vjp" else v
        a, b = (np.repeat(numbers[:, None], columns, axis=1) for numbers in (x, u))
        found = on_segments(name, a, b, offsets)[-1]
        assert (found == found[:, :1]).all()
        found, at = found[:, 0], 0
        for n in SHORT:
            count = len(rows[n][0])
            size = count if name in REDUCED else count * n
            result, at = found[at : at + size], at + size
            truth = truths(case, n, dtype)[name]
            place = place_of(name, truths(case, n, dtype), rows[n][1])
            limit = LIMITS.get(name, LIMIT_OF_DERIVATIVES)
            assert oracle.ulp(result.reshape(truth.shape), truth, place) <= limit, (name, n)


def place_of(name, known, v):
    """Whose units in the last place count: as in `test_accuracy.errors`."""
    if name == "softmax":
        return None
    if name == "logsumexp":
        return np.maximum(abs(known[name]), 1)
    if name == "logsumexp_jvp":
        return (known["softmax"] * abs(v.astype(float))).sum(1)
    return abs(known[name]).max(1, keepdims=True)


@every_operation
@pytest.mark.parametrize("rest", [(), (2,)])
def test_segments_that_are_cut_into_blocks(name, rest):
    offsets = offsets_of([3, 32768, 0, 70_000, 40, 32769])
    x, u = given_for(name, offsets, rest)
    t = np.linspace(0.5, 2, len(offsets) - 1).reshape(-1, *(1 for _ in rest))
    for temperature in (1.0, 2.0, t):
        expected = one_by_one(softkern, name, x, u, offsets, temperature)
        found = on_segments(name, x, u, offsets, temperature=temperature)
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-14, atol=1e-15)


@every_operation
@pytest.mark.parametrize("rest", [(), (4,)])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_bits_depend_on_the_segment_alone(name, rest, dtype):
    lengths = np.random.default_rng(1).choice([0, 1, 3, 6, 9, 17, 30, 33, 500], 4000)
    offsets = offsets_of(lengths)
    x, u = (a.astype(dtype) for a in given_for(name, offsets, rest))
    with softkern.num_threads(1):
        alone = on_segments(name, x, u, offsets)
    with softkern.num_threads(2):
        together = on_segments(name, x, u, offsets)
    for a, b in zip(together, alone, strict=True):
        np.testing.assert_array_equal(a, b)
    for k in np.flatnonzero(lengths)[:40]:
        lo, hi = offsets[k : k + 2]
        own = slice(k, k + 1) if name in REDUCED else slice(lo, hi)
        v = u[k : k + 1] if name == "logsumexp_vjp" else u[lo:hi]
        for a, b in zip(on_segments(name, x[lo:hi], v, [0, hi - lo]), alone, strict=True):
            np.testing.assert_array_equal(a, b[own])


# Derivatives


@pytest.mark.parametrize("t", [1.0, 0.3])
def test_vjps_are_the_adjoints_of_jvps(xp, t):
    offsets = CUTS["some long"]
    for name in ("softmax", "logsumexp"):
        x, g = (array(xp, a) for a in given_for(f"{name}_vjp", offsets, (2,), 1))
        _, v = (array(xp, a) for a in given_for(f"{name}_jvp", offsets, (2,), 2))
        (_, dy), (dx,) = (
            on_segments(f"{name}_{kind}", x, u, offsets, temperature=t)
            for kind, u in (("jvp", v), ("vjp", g))
        )
        np.testing.assert_allclose(to_numpy(xp.sum(dy * g)), to_numpy(xp.sum(dx * v)), rtol=1e-12)


@pytest.mark.filterwarnings("ignore:`torch.jit.script`:DeprecationWarning")
@pytest.mark.parametrize("name", ["softmax", "logsumexp"])
def test_torch_differentiates_them(name):
    torch = pytest.importorskip("torch")
    x, t = torch.randn(6, 2, dtype=torch.float64), torch.rand(3, 2, dtype=torch.float64) + 0.5
    x, t, function = x.requires_grad_(), t.requires_grad_(), getattr(softkern, f"segment_{name}")

    def beside_empty(x):
        return torch.nan_to_num(function(x, torch.tensor([0, 2, 2, 5, 6])), neginf=0.0)

    def at_temperature(x, t):
        return function(x, [0, 2, 5, 6], temperature=t)

    assert torch.autograd.gradcheck(beside_empty, (x,), check_forward_ad=True)
    assert torch.autograd.gradcheck(at_temperature, (x, t), check_forward_ad=True)


def test_jax_differentiates_and_compiles_them():
    jax = pytest.importorskip("jax")
    offsets = CUTS["empty in the middle"]
    x, g = map(jax.numpy.asarray, given_for("softmax_vjp", offsets))
    pull = jax.jit(lambda x, g: jax.vjp(lambda x: softkern.segment_softmax(x, offsets), x)[1](g)[0])
    assert_close(pull(x, g), softkern.segment_softmax_vjp(x, g, offsets))
    with pytest.raises(TypeError, match="known when the call is made"):
        jax.jit(softkern.segment_softmax)(x, jax.numpy.asarray(offsets))
