"""The command line, and what memory it took beyond that of a small run before."""

import re
import sys
from pathlib import Path

import numpy as np

from softkern.__main__ import main


def memory(field):
    """In bytes, as Linux tells it."""
    return int(re.search(field + r":\s+(\d+)", Path("/proc/self/status").read_text())[1]) * 1024


if __name__ == "__main__":
    run, source, dash_o, target, *options = sys.argv[1:]
    np.save(target, np.zeros((2, 3)))
    main([run, target, dash_o, target, *options])
    Path("/proc/self/clear_refs").write_text("5")  # VmHWM counts from here
    before = memory("VmRSS")
    try:
        main(sys.argv[1:])
    finally:
        print("peak", memory("VmHWM") - before)
