"""One `xp` fixture: the same test on the arrays of every library that is installed."""

import os

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
