"""The coverage-guided fuzzers, for some seconds; CONTRIBUTING.md tells how to let them run for hours."""

import processes
import pytest


@pytest.mark.parametrize("fuzzer", ["fuzz_npy", "fuzz_arguments"])
def test_nothing_is_found_in_some_seconds(tmp_path, fuzzer):
    pytest.importorskip(
        "atheris", reason="atheris, which has wheels for few Pythons, is not installed"
    )
    # Its limit on memory would count what this process has taken before.
    options = "-max_total_time=8", "-seed=1", "-rss_limit_mb=0", f"-artifact_prefix={tmp_path}/"
    done = processes.script(f"fuzz/{fuzzer}.py", *options)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
