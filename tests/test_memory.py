"""Little memory is taken; where it runs out that is a MemoryError, which leaves `out` alone."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import processes
import pytest
from arrays import OPERATIONS, call
from hypothesis import given
from hypothesis import strategies as st

import softkern


@pytest.fixture(scope="module")
def failing_malloc(tmp_path_factory):
    """A library to load before libc's, whose allocations fail when told to."""
    compiler = shutil.which(os.environ.get("CC", "gcc"))
    if compiler is None or sys.platform != "linux":
        pytest.skip("no C compiler on Linux, for an allocator that fails")
    library = tmp_path_factory.mktemp("failing") / "failing_malloc.so"
    source = Path(__file__).with_name("failing_malloc.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
    return library


@pytest.mark.parametrize("least", [0, 4000])
def test_any_allocation_may_fail(failing_malloc, least):
    """Every one in what the kernels do, with threads too; those of 4000 bytes or more in all else."""
    done = processes.script("out_of_memory.py", least, LD_PRELOAD=str(failing_malloc))
    assert done.returncode == 0, done.stdout[-200:] + done.stderr
    assert int(done.stdout.split()[-1]) > 300


@pytest.mark.parametrize("name", [name for name in OPERATIONS if not name.startswith("logsumexp")])
@pytest.mark.parametrize("options", [{}, {"where": True}])
def test_results_that_are_too_large(name, options):
    n = 1 << 45
    x = np.broadcast_to(np.float32(0), (n,))
    options = {key: np.broadcast_to(value, (n,)) for key, value in options.items()}
    with pytest.raises(MemoryError):
        call(softkern, name, x, x, 0, **options)


@given(
    st.integers(1, 10**4),
    st.integers(1, 10**7),
    st.integers(1, 10**5),
    st.sampled_from([2, 4, 8]),
    st.integers(1, 64),
    st.lists(st.booleans(), min_size=9, max_size=9),
)
def test_a_thread_takes_less_than_a_megabyte(outer, n, inner, size, threads, options):
    """Beside the states of blocks, of a row or of columns that fill a vector."""
    launch = pytest.importorskip("softkern.backends.numba_cpu.launch")
    rows = (n * inner * size, inner * size, size)
    job = launch._describe(
        (outer, n, inner), (rows, rows, rows), size, (1, *options[:8], threads, options[8])
    )
    assert job.tile_bytes < 10**6
    states = max(inner * -(-n // (1 << 15)), (inner // 8 + 12) * -(-n // 1024))
    assert job.memo_bytes <= 832 * outer * states
