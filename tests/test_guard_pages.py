"""No kernel reads or writes a byte beyond its arrays, at either end."""

import sys

import processes
import pytest
from test_properties import FLOATS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="mprotect is called as in Linux")


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(
    "part", ["every_length", "every_offset", "every_layout", "blocks", "shared"]
)
def test_nothing_beyond_an_array_is_touched(tmp_path, part, dtype):
    journal = tmp_path / "journal"
    journal.touch()
    done = processes.script("guarded.py", journal, part, dtype)
    assert done.returncode == 0, f"at {journal.read_text()}: {done.stderr}"
