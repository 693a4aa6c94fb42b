"""One `xp` fixture: the same test on the arrays of every library that is installed."""

import os
import sys

import pytest

# Child processes import the installed package, not a checkout they happen to be started in.
os.environ["PYTHONSAFEPATH"] = "1"
os.environ.setdefault("JAX_ENABLE_X64", "1")  # before anyone imports jax

NAMESPACES = {
    "numpy": "array_api_compat.numpy",
    "array_api_strict": "array_api_strict",
    "torch": "array_api_compat.torch",
    "jax": "jax.numpy",
}


@pytest.fixture(params=NAMESPACES)
def xp(request):
    return pytest.importorskip(NAMESPACES[request.param])


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without rich and tqdm."""
    for name in {"rich", "tqdm", *sys.modules}:
        if name.partition(".")[0] in ("rich", "tqdm"):
            monkeypatch.setitem(sys.modules, name, None)
