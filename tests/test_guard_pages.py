"""No kernel reads or writes a byte beyond its arrays, at either end."""

import subprocess
import sys
from pathlib import Path

import pytest
from test_properties import FLOATS

GUARDED = Path(__file__).with_name("guarded.py")
PARTS = ("every_length", "every_offset", "every_layout", "blocks")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="mprotect is called as in Linux")


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("part", PARTS)
def test_nothing_beyond_an_array_is_touched(tmp_path, part, dtype):
    journal = tmp_path / "journal"
    command = [sys.executable, "-W", "error", "-X", "faulthandler", GUARDED, journal, part, dtype]
    done = subprocess.run(command, text=True, capture_output=True, check=False)
    assert done.returncode == 0, f"at {journal.read_text()}: {done.stderr}"
