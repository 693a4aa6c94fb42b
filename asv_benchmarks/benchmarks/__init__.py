"""What asv runs: by operation, the cases of `timing.cases`; see dashboard.py."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # asv itself finds this folder alone
