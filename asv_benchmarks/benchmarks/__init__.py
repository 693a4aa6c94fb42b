"""What asv runs: by operation, the cases of `timing.cases`; see dashboard.py."""
