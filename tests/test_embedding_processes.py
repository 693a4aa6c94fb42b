"""What a package that builds on softkern can count on: threads and compiled kernels of its processes."""

import multiprocessing
import subprocess
import sys
import threading

import numba
import pytest

import softkern

threads = pytest.importorskip("softkern.backends.numba_cpu.threads")


def number_of_threads(_):
    return softkern.get_num_threads()


class TestThreads:
    def test_small_calls_stay_on_the_callers(self):
        assert threads.threads_for(32767) == 1
        shared = threads.threads_for(32768)
        if numba.threading_layer() != "workqueue":  # that layer shares nothing beside other threads
            assert shared == softkern.get_num_threads()

    def test_one_setting_for_all_threads(self):
        seen = []
        with softkern.num_threads(1):
            caller = threading.Thread(target=lambda: seen.append(softkern.get_num_threads()))
            caller.start()
            caller.join()
        assert seen == [1]

    def test_joblibs_workers_share_the_cores(self, monkeypatch):
        monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
        joblib = pytest.importorskip("joblib")
        workers = joblib.cpu_count()
        look = joblib.delayed(number_of_threads)
        assert set(joblib.Parallel(workers)(look(k) for k in range(workers))) == {1}

    def test_spawned_processes_are_told(self):
        spawn = multiprocessing.get_context("spawn")
        with spawn.Pool(1, initializer=softkern.set_num_threads, initargs=(1,)) as pool:
            assert pool.map(number_of_threads, [0]) == [1]

    def test_threadpoolctl_and_softkern_leave_each_other_alone(self):
        threadpoolctl = pytest.importorskip("threadpoolctl")
        before = threads.threads_for(1 << 20)
        with threadpoolctl.threadpool_limits(1):
            assert threads.threads_for(1 << 20) == before
        pools = [pool["num_threads"] for pool in threadpoolctl.threadpool_info()]
        with softkern.num_threads(1):
            now = threadpoolctl.threadpool_info()
            assert [pool["num_threads"] for pool in now] == pools


ANEW = """
import warnings
import numpy as np
from numba.core import caching

def refuse(**_):
    raise PermissionError

caching.tempfile.TemporaryFile = refuse
import softkern
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    L = softkern.logsumexp(np.zeros(2))
assert L == np.log(2), L
print(*(warning.message for warning in caught))
"""


class TestCache:
    def test_without_a_folder_kernels_are_compiled_anew(self):
        done = subprocess.run(
            [sys.executable, "-c", ANEW], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert "set NUMBA_CACHE_DIR to one that can be written to" in done.stdout
