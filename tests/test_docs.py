"""The documentation builds without a warning, and asks nothing of the network."""

import doctest
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
RESOURCE = re.compile(
    r"<(?:script|img|iframe|source)[^>]* src=\"([^\"]+)|<link[^>]* href=\"([^\"]+)"
)


@pytest.mark.parametrize("page", ["getting_started", "embedding"])
def test_what_a_page_computes(page):
    pytest.importorskip("scipy")
    outcome = doctest.testfile(str(DOCS / f"{page}.rst"), module_relative=False)
    assert outcome.attempted > 0
    assert outcome.failed == 0


def test_the_site(tmp_path):
    used = ("sphinx_gallery", "pydata_sphinx_theme", "sphinx-mathjax-offline", "dask", "ot")
    for extension in used:
        pytest.importorskip(extension)
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", DOCS, tmp_path / "site"]
    out = subprocess.run(command, capture_output=True, text=True, check=False)
    assert out.returncode == 0, out.stderr
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(list((tmp_path / "site" / "gallery").glob("plot_*.html"))) == 14
    for page in pages:
        for resource in RESOURCE.findall(page.read_text(encoding="utf-8")):
            assert not re.match("(https?:)?//", "".join(resource)), page
