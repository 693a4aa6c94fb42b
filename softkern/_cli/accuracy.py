"""How far results lie from the truth, in units in the last place; softkern's and its peers'."""

import math
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

import softkern

LIMITS = {"softmax": 2.5, "log_softmax": 1.5, "logsumexp": 1.5}
SAMPLE = 1000  # entries of an output that are compared

Array = np.ndarray[Any, Any]
Library = Callable[[str, Array], Array]


class Reference(NamedTuple):
    """Arithmetic in extended precision on NumPy arrays, of objects where need be."""

    name: str
    epsilon: float
    number: Callable[[Array], Array]
    exp: Callable[[Array], Array]
    log1p: Callable[[Array], Array]


class Measurement(NamedTuple):
    dtype: str
    row: str
    op: str
    limit: float
    ulps: dict[str, float]

    @property
    def holds(self) -> bool:
        return self.ulps["softkern"] <= self.limit


def reference() -> Reference:
    """Return mpmath's arithmetic where it is installed, else that of NumPy's long double."""
    try:
        mp = import_module("mpmath").mp.clone()
    except ImportError:
        eps = float(np.finfo(np.longdouble).eps)
        name = f"numpy.longdouble of {1 - round(math.log2(eps))} bits"
        return Reference(name, eps, lambda x: x.astype(np.longdouble), np.exp, np.log1p)
    mp.prec = 120
    number, exp, log1p = (np.frompyfunc(f, 1, 1) for f in (mp.mpf, mp.exp, mp.log1p))
    return Reference("mpmath", float(mp.eps), number, exp, log1p)


def measure(exact: Reference) -> Iterator[Measurement]:
    """Yield the worst error of every operation on every hard row."""
    libraries = {"softkern": _softkern, **_peers()}
    for dtype in (np.dtype(np.float32), np.dtype(np.float64)):
        if exact.epsilon > np.finfo(dtype).eps / 64:
            continue
        for row, x in _hard_rows(dtype):
            entries, truth = _truth(exact, x)
            for op, limit in LIMITS.items():
                ulps = {
                    name: _worst(exact, np.atleast_1d(library(op, x)), truth[op], op, entries)
                    for name, library in libraries.items()
                }
                yield Measurement(str(dtype), row, op, limit, ulps)


def _hard_rows(dtype: np.dtype[Any]) -> Iterator[tuple[str, Array]]:
    rng = np.random.default_rng(0)
    span = 80 if dtype == np.float32 else 600
    dominant = rng.normal(size=1000)
    dominant[500] = 40
    rows = {
        "typical": rng.normal(scale=3, size=1000),
        "wide span": -span * rng.random(1000),
        "one dominant": dominant,
        "near-equal": 1000 + rng.normal(scale=1e-3, size=1000),
        "long": rng.normal(scale=3, size=100_000),
    }
    for name, x in rows.items():
        yield name, x.astype(dtype)


def _truth(exact: Reference, x: Array) -> tuple[Array, dict[str, Array]]:
    """Return some entries of the row, and the true results there."""
    top = int(x.argmax())
    entries = np.unique([top, *np.linspace(0, x.size - 1, SAMPLE).astype(int)])
    x = exact.number(x)
    d = x - x[top]
    e = exact.exp(d)
    others = np.delete(e, top).sum()
    log_s = exact.log1p(others)
    return entries, {
        "softmax": e[entries] / (1 + others),
        "log_softmax": d[entries] - log_s,
        "logsumexp": np.array([x[top] + log_s]),
    }


def _worst(exact: Reference, y: Array, truth: Array, op: str, entries: Array) -> float:
    if op == "logsumexp":
        unit = np.spacing(np.maximum(np.abs(truth.astype(y.dtype)), 1))
    else:
        y = y[entries]
        unit = np.spacing(np.abs(truth.astype(y.dtype)))
    with np.errstate(all="ignore"):
        errors = np.abs(exact.number(y) - truth) / exact.number(unit)
    return float(np.nan_to_num(errors.astype(np.float64), nan=np.finfo(np.float64).max).max())


def _softkern(op: str, x: Array) -> Array:
    return np.asarray(getattr(softkern, op)(x, axis=-1))


def _peers() -> dict[str, Library]:
    """Return the peers that are installed."""
    peers: dict[str, Library] = {}
    for name, load in {"scipy": _scipy, "torch": _torch, "jax": _jax}.items():
        try:
            peers[name] = load()
        except ImportError:
            continue
    return peers


def _scipy() -> Library:
    special = import_module("scipy.special")
    return lambda op, x: np.asarray(getattr(special, op)(x, axis=-1))


def _torch() -> Library:
    torch = import_module("torch")
    return lambda op, x: getattr(torch, op)(torch.from_numpy(x), -1).numpy()


def _jax() -> Library:
    jax = import_module("jax")

    def call(op: str, x: Array) -> Array:
        with jax.enable_x64(True):
            return np.asarray(getattr(jax.nn, op)(jax.numpy.asarray(x), axis=-1))

    return call
