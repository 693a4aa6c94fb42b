"""Scripts of the tests' folder in processes of their own, which they may bring down."""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def run(script, *arguments, **environment):
    """Run a script with warnings as errors; what became of it."""
    command = [sys.executable, "-W", "error", "-X", "faulthandler", HERE / script, *arguments]
    environment = os.environ | {"PYTHONPATH": str(HERE), "NUMBA_NUM_THREADS": "2"} | environment
    return subprocess.run(
        [str(word) for word in command],
        env=environment,
        text=True,
        capture_output=True,
        check=False,
    )
