"""Python in processes of their own, for what may not be tried in the one that tests."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

TESTS = str(Path(__file__).parent)
DEADLOCK = 300  # seconds
LONG = os.environ.get("SOFTKERN_LONG_TESTS") == "1"


def python(
    code: str,
    *arguments: str,
    warnings: str = "error",
    before: Callable[[], None] | None = None,
    **environment: str | None,
) -> str:
    """What the code prints; the test fails where it does, is ended by a signal or never ends.

    `environment` is added to this process's; what is None is taken from it. `before` is called in the
    new process.
    """
    known = {**os.environ, "PYTHONPATH": TESTS, **environment}
    done = subprocess.run(
        [sys.executable, "-W", warnings, "-c", code, *arguments],
        env={name: value for name, value in known.items() if value is not None},
        preexec_fn=before,
        capture_output=True,
        text=True,
        timeout=DEADLOCK,
        check=False,
    )
    assert done.returncode == 0, f"ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def taking(layer: str) -> dict[str, str]:
    """The environment in which Numba takes a threading layer; skips where it cannot be loaded."""
    libraries = [f"{sys.prefix}/lib", os.environ.get("LD_LIBRARY_PATH", "")]  # pip leaves TBB there
    environment = {
        "NUMBA_THREADING_LAYER": layer,
        "NUMBA_NUM_THREADS": "2",  # where there is one core, too
        "LD_LIBRARY_PATH": ":".join(filter(None, libraries)),
    }
    code = "import numba; numba.get_num_threads(); print(numba.threading_layer())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=DEADLOCK,
        check=False,
    )
    if done.stdout != f"{layer}\n":
        pytest.skip(f"Numba cannot load its {layer} layer here")
    return environment
