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


timeraw_import.version = "1"
timeraw_import.pretty_name = "import softkern"
timeraw_import.number = 1


def first_call(cache_folder: str) -> float:
    """Seconds from import to the first result, in a process of its own."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": cache_folder}
    command = [sys.executable, "-P", "-c", FIRST_CALL]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return float(done.stdout)


def track_first_call(disk: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        seconds = first_call(folder)
        if disk == "compiled before":
            seconds = min(first_call(folder) for _ in range(5))
        return seconds


track_first_call.pretty_name = "import and first softmax"
track_first_call.version = "1"
track_first_call.unit = "seconds"
track_first_call.params = ["nothing cached", "compiled before"]
track_first_call.param_names = ("disk",)
track_first_call.timeout = 300


def time_eight_numbers(operation: str) -> None:
    getattr(softkern, operation)(EIGHT)


def compile_all() -> None:
    """Leave the kernels compiled on disk."""
    for operation in time_eight_numbers.params:
        time_eight_numbers(operation)


time_eight_numbers.pretty_name = "a call with 8 numbers"
time_eight_numbers.version = "1"
time_eight_numbers.params = ["softmax", "log_softmax", "logsumexp"]
time_eight_numbers.param_names = ("operation",)
time_eight_numbers.setup_cache = compile_all
time_eight_numbers.warmup_time = 2
time_eight_numbers.rounds = 1
