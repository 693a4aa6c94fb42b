"""Python in processes of their own, for what may not be tried in the one that tests."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

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
    known = {**os.environ, **environment}
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


def skip_without_layer(layer: str) -> None:
    """Skip where Numba cannot load this threading layer."""
    code = (
        "import numba, numpy as np\n"
        "double = numba.njit(parallel=True)(lambda x: x + x)\n"
        "double(np.ones(4))\n"
        "print(numba.threading_layer())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "NUMBA_THREADING_LAYER": layer},
        capture_output=True,
        text=True,
        timeout=DEADLOCK,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"Numba loads no {layer} layer here: {done.stderr.splitlines()[-1]}")
