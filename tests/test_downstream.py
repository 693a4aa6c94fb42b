"""Packages that use SciPy's functions run unmodified on softkern's, and agree."""

import sys

import numpy as np
import pytest

import softkern
from softkern import _in_scipy

pytest.importorskip("scipy.special")


@pytest.fixture
def agree(monkeypatch):
    """Compare what a function gives with SciPy's functions and with softkern's, which it must call."""
    calls = []

    def logsumexp(*arguments, **options):
        calls.append(arguments)
        return softkern.logsumexp(*arguments, **options)

    monkeypatch.setitem(_in_scipy._OURS, "logsumexp", logsumexp)

    def compare(function, *modules, rtol):
        expected = function()
        assert not calls
        with softkern.in_scipy(*modules):
            found = function()
        assert calls
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * np.abs(b).max())

    return compare


@pytest.fixture
def points():
    rng = np.random.default_rng(0)
    return rng.normal(np.repeat(rng.normal(0, 4, (20, 3)), 50, axis=0), 1)


def test_latent_dirichlet_allocation(agree):
    decomposition = pytest.importorskip("sklearn.decomposition")
    counts = np.random.default_rng(0).poisson(1.0, (40, 30))
    model = decomposition.LatentDirichletAllocation(4, max_iter=2, random_state=0).fit(counts)
    agree(lambda: [model.score(counts)], decomposition._lda, rtol=1e-12)


def test_gaussian_mixture(agree, points):
    """By scikit-learn up to version 1.7, which took logsumexp from SciPy."""
    mixture = pytest.importorskip("sklearn.mixture")
    if not hasattr(mixture._base, "logsumexp"):
        pytest.skip("scikit-learn has a logsumexp of its own")

    def fit():
        model = mixture.GaussianMixture(5, max_iter=20, tol=1e-3, random_state=0).fit(points)
        return model.means_, model.covariances_, model.weights_

    agree(fit, mixture._base, rtol=1e-9)


def test_hidden_markov_model(agree, points):
    hmm = pytest.importorskip("hmmlearn.hmm")

    def fit():
        model = hmm.GMMHMM(3, 2, n_iter=3, tol=-np.inf, random_state=0).fit(points)
        return model.means_, model.transmat_, model.predict_proba(points)

    agree(fit, rtol=1e-9)


def test_optimal_transport(agree, points):
    ot = pytest.importorskip("ot")
    costs, weights = ot.dist(points[:60], points[-60:]), np.full(60, 1 / 60)
    options = {"method": "sinkhorn_log", "numItermax": 20, "warn": False}
    agree(lambda: [ot.sinkhorn(weights, weights, costs, 1.0, **options)], rtol=1e-11)


def test_free_energies(agree, monkeypatch):
    """Weights b, of states without samples among them; pymbar prefers JAX where there is one."""
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "jax", None)
        pymbar = pytest.importorskip("pymbar")
    states, samples = np.array([0.0, 1.0, 2.0, 5.0]), np.array([80, 90, 70, 0])
    x = np.random.default_rng(0).normal(np.repeat(states, samples), 1)
    energies = (x - states[:, None]) ** 2 / 2
    solver = pymbar.mbar_solvers
    agree(
        lambda: [pymbar.MBAR(energies, samples, solver_protocol="robust").f_k[1:]],
        solver,
        rtol=1e-9,
    )
