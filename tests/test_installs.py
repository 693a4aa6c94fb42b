"""Bad installations: kernels that cannot be kept, or are kept torn, foreign or old, are compiled anew."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from processes import DEADLOCK, LONG, python

import softkern

pytest.importorskip("softkern.backends.numba_cpu")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits processes as Linux does")

# Prints how many of the kernels that it calls had been kept.
CALLS = """
import numpy as np, softkern
from numba import types
from softkern.backends.numba_cpu.launch import kernel

def call(dtype):
    L = softkern.logsumexp(np.log([1, 2, 3]).astype(dtype))
    assert abs(L - np.log(6)) < 1e-6, (dtype, L)
    return kernel("logsumexp", getattr(types, dtype), True).cache_hits

"""
ONE = CALLS + "print(call('float64'))"
TWO = CALLS + "print(call('float64') + call('float32'))"


def files(folder, pattern):
    found = sorted(folder.rglob(pattern))
    assert found
    return found


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A folder of kept kernels."""
    folder = tmp_path_factory.mktemp("filled")
    assert python(TWO, NUMBA_CACHE_DIR=str(folder)) == "0\n"
    assert python(TWO, NUMBA_CACHE_DIR=str(folder)) == "2\n"
    return folder


@pytest.fixture
def kept(filled, tmp_path):
    """A copy of it."""
    return Path(shutil.copytree(filled, tmp_path / "kept"))


@pytest.fixture
def install(tmp_path):
    """A folder for PYTHONPATH with a copy of the package."""
    site, leave_out = tmp_path / "site", shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(softkern.__file__).parent, site / "softkern", ignore=leave_out)
    source = Path(sys.modules["softkern.backends"].__file__).parent
    shutil.copytree(source, site / "softkern/backends", ignore=leave_out, dirs_exist_ok=True)
    return site


def as_anyone():
    """Without what lets root write where others may not."""
    if os.getuid() != 0:
        return []
    return ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]


class TestNothingCanBeKept:
    def test_in_a_read_only_install_without_a_home(self, install):
        for path in (install, *install.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        code = f"""{ONE}
from softkern.backends.numba_cpu import caching
assert softkern.__file__.startswith({str(install)!r})
assert caching.folder() is None, caching.folder()
"""
        found = python(
            code,
            warnings="ignore:softkern compiles its kernels anew:RuntimeWarning",
            under=as_anyone(),
            PYTHONPATH=str(install),
            HOME="/dev/null",
            XDG_CACHE_HOME=None,
            NUMBA_CACHE_DIR=None,
        )
        for path in (install, *install.rglob("*")):
            path.chmod(0o755)
        assert found == "0\n"
        assert not list(install.rglob("*.nb?"))

    @pytest.mark.parametrize("most", [0, 100_000])  # none, or not all, can be written
    def test_where_the_disk_is_full(self, tmp_path, most):
        for under in (["prlimit", f"--fsize={most}"], []):
            assert python(ONE, NUMBA_CACHE_DIR=str(tmp_path), under=under) == "0\n"
        assert not list(tmp_path.rglob("*.part"))

    def test_on_a_file_system_that_fills_up(self, tmp_path):
        mount = ["unshare", "--mount", "sh", "-c"]
        script = f"mount -t tmpfs -o size=200k none {tmp_path} && "
        if not shutil.which("unshare") or subprocess.call([*mount, f"{script} true"]) != 0:
            pytest.skip("no file system can be mounted here")
        done = subprocess.run(
            [*mount, f'{script} exec {sys.executable} -W error -c "$CALLS"'],
            env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "CALLS": ONE},
            timeout=DEADLOCK,
            check=False,
        )
        assert done.returncode == 0

    def test_once_the_folder_is_gone(self, tmp_path, install):
        folder = tmp_path / "gone"
        begin = f"import shutil, softkern.backends.numba_cpu; shutil.rmtree({str(folder)!r})\n"
        spoil = f"open({str(folder)!r}, 'w').close()\n"
        environment = {"PYTHONPATH": str(install), "NUMBA_CACHE_DIR": str(folder)}
        assert python(begin + spoil + ONE, **environment) == "0\n"


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


DAMAGE = {
    "empty": lambda path: path.write_bytes(b""),
    "truncated": truncate,
    "one bit": flip,
    "text": lambda path: path.write_text("no kernel"),
}


class TestKeptIsDamaged:
    @pytest.mark.parametrize("how", DAMAGE)
    def test_files(self, kept, how):
        for path in files(kept, "*.nbc"):
            DAMAGE[how](path)
        assert python(ONE, NUMBA_CACHE_DIR=str(kept)) == "0\n"
        assert python(ONE, NUMBA_CACHE_DIR=str(kept)) == "1\n"

    def test_files_of_another_signature(self, kept):
        one, other = files(kept, "over_columns.logsumexp*.nbc")
        code = one.read_bytes()
        one.write_bytes(other.read_bytes())
        other.write_bytes(code)
        assert python(TWO, NUMBA_CACHE_DIR=str(kept)) == "0\n"


class TestKeptIsOld:
    def test_another_version_of_softkern(self, install, tmp_path):
        """One file of parts is another, and no newer."""
        environment = {"PYTHONPATH": str(install), "NUMBA_CACHE_DIR": str(tmp_path / "kept")}
        assert python(ONE, **environment) == "0\n"
        before = files(tmp_path, "over_columns*.nbc")
        source = install / "softkern/backends/numba_cpu/row.py"
        source.write_text(source.read_text() + "\nCHANGED = True\n")
        os.utime(source, (0, 0))
        assert python(ONE, **environment) == "0\n"
        after = files(tmp_path, "over_columns*.nbc")
        assert len(after) == len(before) == 1
        assert after != before

    def test_another_version_of_numba(self, kept):
        other = "import numba; numba.__version__ = '0.0'\n"
        assert python(other + ONE, NUMBA_CACHE_DIR=str(kept)) == "0\n"


STARTER = """
import sys
import numpy as np, softkern.backends.numba_cpu.linked_calls as calls
dtype = sys.argv[1]
x = np.ones(3, dtype)
print(flush=True)
sys.stdin.readline()  # until all are here
assert calls.total(x) == 3
"""


def test_32_processes_that_start_at_once(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    code = STARTER + (TWO if LONG else "")
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", code, dtype], env=environment, text=True, **pipes
        )
        for dtype in ("float32", "float64") * 16
    ]
    for process in processes:
        process.stdout.readline()
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    errors = [process.communicate(timeout=DEADLOCK)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 32, errors
    for dtype in ("float32", "float64"):
        done = subprocess.run(
            [sys.executable, "-c", code, dtype], env=environment, input="\n", text=True, check=False
        )
        assert done.returncode == 0


SHARED = """
import numba, numpy as np, softkern
x = np.random.default_rng(0).normal(size=(64, 5000))
y = softkern.softmax(x, 1)
with softkern.num_threads(1):
    assert np.array_equal(softkern.softmax(x, 1), y)
print(numba.threading_layer())
"""


def test_without_an_openmp_library():
    without = "import sys; sys.modules['numba.np.ufunc.omppool'] = None\n"
    environment = {"NUMBA_NUM_THREADS": "2", "NUMBA_THREADING_LAYER": None}
    assert python(without + SHARED, **environment) in ("workqueue\n", "tbb\n")


def test_without_a_compiler(tmp_path):
    environment = {"PATH": "", "CC": None, "CXX": None, "NUMBA_CACHE_DIR": str(tmp_path)}
    assert python(ONE, **environment) == "0\n"
