"""What a user waits for at first: import, the first call, and the least a call costs."""

import os
import subprocess
import sys
import tempfile

import numpy as np

import softkern

EIGHT = np.arange(8.0)
FIRST_CALL = """
import time
import numpy
start = time.perf_counter()
import softkern
softkern.softmax(numpy.zeros((4, 4), "float32"))
print(time.perf_counter() - start)
"""


def timeraw_import() -> str:
    return "import softkern"


timeraw_import.version = "1"  # type: ignore[attr-defined]
timeraw_import.pretty_name = "import softkern"  # type: ignore[attr-defined]
timeraw_import.number = 1  # type: ignore[attr-defined]


def first_call(cache_folder: str) -> float:
    """Seconds from import to the first result, in a process of its own."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": cache_folder}
    command = [sys.executable, "-P", "-c", FIRST_CALL]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return float(done.stdout)


class FirstCall:
    version = "1"
    timeout = 300
    unit = "seconds"
    params = ("nothing cached", "compiled before")
    param_names = ("disk",)
    pretty_name = "import and first softmax"

    def track_seconds(self, disk: str) -> float:
        with tempfile.TemporaryDirectory() as folder:
            seconds = first_call(folder)
            if disk == "compiled before":
                seconds = min(first_call(folder) for _ in range(5))
            return seconds


class EightNumbers:
    version = "1"
    params = ("softmax", "log_softmax", "logsumexp")
    param_names = ("operation",)
    pretty_name = "a call with 8 numbers"
    warmup_time = 2
    rounds = 1

    def setup_cache(self) -> None:
        """Leave the kernels compiled on disk."""
        for operation in self.params:
            self.time_call(operation)

    def time_call(self, operation: str) -> None:
        getattr(softkern, operation)(EIGHT)
