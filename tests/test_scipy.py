"""SciPy's own tests of softmax, log_softmax and logsumexp, run on softkern's."""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

THEIRS = "from scipy.special import log_softmax, logsumexp, softmax\n"
OURS = """\
from softkern import log_softmax, logsumexp, softmax


def make_xp_test_case(*functions):  # SciPy's would look up what SciPy's functions cannot do
    return lambda case: case
"""
INTEGERS_FAIL = '@pytest.mark.xfail_xp_backends("array_api_strict", reason="int->float promotion")'


@pytest.mark.parametrize("library", ["numpy", "array_api_strict"])
def test_scipys_tests_pass(library, tmp_path):
    special = pytest.importorskip("scipy.special")
    source = (Path(special.__file__).parent / "tests/test_logsumexp.py").read_text()
    assert source.count(THEIRS) == 1
    copy = tmp_path / "test_logsumexp.py"
    copy.write_text(source.replace(THEIRS, OURS).replace(INTEGERS_FAIL, ""))
    report = tmp_path / "report.xml"
    run = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", copy, "-c", os.devnull, f"--junitxml={report}"),
            *("-p", "scipy.conftest", "-p", "no:cacheprovider", "-W", "error::RuntimeWarning"),
            *("--deselect", f"{copy.name}::test_wrap_radians"),
        ],
        cwd=tmp_path,
        env={**os.environ, "SCIPY_ARRAY_API": f'["{library}"]'},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    (suite,) = ElementTree.parse(report).getroot()
    counts = {key: int(suite.get(key)) for key in ("failures", "errors", "skipped")}
    assert counts == {"failures": 0, "errors": 0, "skipped": 0}
    assert int(suite.get("tests")) >= 400
