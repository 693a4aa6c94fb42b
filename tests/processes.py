"""Python in processes of their own, for what may not be tried in the one that tests."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

TESTS = str(Path(__file__).parent)
DEADLOCK = 300  # seconds
LONG = os.environ.get("SOFTKERN_LONG_TESTS") == "1"


def script(name: str, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """What became of a script of this folder, which it may bring down: warnings are errors in it."""
    command = ["-W", "error", "-X", "faulthandler", f"{TESTS}/{name}", *map(str, arguments)]
    return _run(command, {"NUMBA_NUM_THREADS": "2", **environment})


def python(
    code: str,
    *arguments: str,
    warnings: str = "error",
    under: Sequence[str] = (),
    **environment: str | None,
) -> str:
    """What the code prints; the test fails where it does, is ended by a signal or never ends.

    `environment` is added to this process's; what is None is taken from it. `under` is the command that
    starts it, such as one that sets a limit.
    """
    done = _run(["-W", warnings, "-c", code, *arguments], environment, under)
    assert done.returncode == 0, f"ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def _run(
    command: Sequence[str],
    environment: Mapping[str, str | None],
    under: Sequence[str] = (),
) -> subprocess.CompletedProcess[str]:
    known = {**os.environ, "PYTHONPATH": TESTS, **environment}
    return subprocess.run(
        [*under, sys.executable, *command],
        env={name: value for name, value in known.items() if value is not None},
        capture_output=True,
        text=True,
        timeout=DEADLOCK,
        check=False,
    )


def taking(layer: str) -> dict[str, str]:
    """The environment in which Numba takes a threading layer; skips where it cannot be loaded."""
    libraries = [f"{sys.prefix}/lib", os.environ.get("LD_LIBRARY_PATH", "")]  # pip leaves TBB there
    environment = {
        "NUMBA_THREADING_LAYER": layer,
        "NUMBA_NUM_THREADS": "2",  # where there is one core, too
        "LD_LIBRARY_PATH": ":".join(filter(None, libraries)),
    }
    code = "import numba; numba.get_num_threads(); print(numba.threading_layer())"
    done = _run(["-c", code], environment)
    if done.stdout != f"{layer}\n":
        pytest.skip(f"Numba cannot load its {layer} layer here")
    return environment
