"""One `xp` fixture: the same test on the arrays of every library that is installed."""

import os
import shutil
import sys

import pytest
from cuda_emulator import stand_in
from hypothesis import HealthCheck, settings

# Child processes import the installed package, not a checkout they happen to be started in.
os.environ["PYTHONSAFEPATH"] = "1"
os.environ.setdefault("JAX_ENABLE_X64", "1")  # before anyone imports jax

# Chosen by --hypothesis-profile, for the tests that set no number of examples of their own.
for profile, examples in {"ci": 40, "long": 10_000}.items():
    settings.register_profile(
        profile,
        max_examples=examples,
        derandomize=profile == "ci",
        deadline=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
settings.load_profile("ci")

NAMESPACES = {
    "numpy": "array_api_compat.numpy",
    "array_api_strict": "array_api_strict",
    "torch": "array_api_compat.torch",
    "jax": "jax.numpy",
    "dask": "array_api_compat.dask.array",
    "cupy": "array_api_compat.cupy",
}


@pytest.fixture(params=NAMESPACES)
def xp(request):
    if request.param == "cupy":
        request.getfixturevalue("cupy")
    return pytest.importorskip(NAMESPACES[request.param])


@pytest.fixture(scope="session")
def cupy():
    """CuPy on a GPU; where there is none, the stand-in, whose kernels an emulator runs."""
    try:
        import cupy

        if cupy.cuda.is_available():
            return cupy
    except ImportError:
        pass
    if shutil.which(os.environ.get("CXX", "g++")) is None:
        pytest.skip("no GPU, and no g++ to run its kernels on the CPU")
    return stand_in.install()


@pytest.fixture
def emulated(cupy):
    """The stand-in for CuPy."""
    if cupy.cuda.runtime.getDeviceProperties(0)["name"] != b"CUDA emulator":
        pytest.skip("the emulator is not in use: there is a GPU")
    stand_in.settings.launches.clear()
    return cupy


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without rich and tqdm."""
    for name in {"rich", "tqdm", *sys.modules}:
        if name.partition(".")[0] in ("rich", "tqdm"):
            monkeypatch.setitem(sys.modules, name, None)
