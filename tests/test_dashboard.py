"""The dashboard opens in a browser, with nothing from the network."""

import json
import re
import shutil
import subprocess
import threading

import dashboard
import numpy as np
import pytest
from matplotlib import image

BROWSER = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--no-proxy-server",
    "--window-size=1400,1000",
    "--virtual-time-budget=20000",
)


def measured_commits():
    return {file.name.partition("-")[0] for file in dashboard.HERE.glob("results/*/*-virtualenv-*")}


def in_history(commit):
    git = ["git", "-C", str(dashboard.HERE), "cat-file", "-e", f"{commit}^{{commit}}"]
    return subprocess.run(git, check=False, capture_output=True).returncode == 0


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    if not all(map(in_history, measured_commits())):
        pytest.skip("not a clone with the commits that were measured")
    folder = tmp_path_factory.mktemp("pages")
    dashboard.publish(folder)
    return folder


@pytest.fixture(scope="module")
def address(pages):
    with dashboard.server(pages) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield dashboard.address(serving)
        serving.shutdown()
        thread.join()


@pytest.fixture
def browse(address, tmp_path):
    """Open a page: its elements and its picture; it must ask for nothing but its own files."""
    if BROWSER is None:
        pytest.skip("no Chromium: apt install chromium")

    def visit(place=""):
        picture, log = tmp_path / "page.png", tmp_path / "log.json"
        profile = f"--user-data-dir={tmp_path / 'profile'}"
        command = [BROWSER, *FLAGS, profile, f"--log-net-log={log}", address + place]
        run = [*command, "--dump-dom", f"--screenshot={picture}"]
        done = subprocess.run(run, check=True, capture_output=True, text=True, timeout=120)
        origin = address.rstrip("/")
        parameters = [event.get("params", {}) for event in json.loads(log.read_text())["events"]]
        asked = {p["url"] for p in parameters if p.get("initiator") == origin}
        assert asked
        assert [url for url in asked if not url.startswith(address)] == []
        return done.stdout, image.imread(picture)

    return visit


def coloured(picture):
    """How many points of a picture are neither white nor grey nor black."""
    return int((np.ptp(picture[..., :3], axis=-1) > 0.3).sum())


def test_the_grid_shows_every_benchmark(browse):
    page, picture = browse()
    for operation in ("softmax", "logsumexp", "log_softmax", "softmax_vjp"):
        assert f"{operation}: time over that of others" in page
    assert page.count('class="flot-base"') >= 5
    assert coloured(picture) > 1000


def test_a_graph_is_drawn(browse):
    page, picture = browse("#ratios.track_softmax?x-axis=commit&other=torch")
    assert 'class="flot-base"' in page
    assert "softmax float32 (4096, 1000); other-torch" in page
    curves = picture[100:880, 250:]  # beside the menu, which has colours of its own
    assert coloured(curves) > 2000


def test_the_regressions_are_listed(browse):
    page, _ = browse("#regressions")
    assert "Regressions" in page
    assert "Browser compatibility" not in page


def test_it_notices_what_a_page_asks_of_others(browse, pages):
    (pages / "elsewhere.html").write_text('<img src="http://elsewhere.example/picture.png">')
    with pytest.raises(AssertionError, match=r"elsewhere\.example"):
        browse("elsewhere.html")


def test_the_pages_name_no_other_place(pages):
    links = re.findall(r'(?:src|href)="([^"]*)"', (pages / "index.html").read_text())
    assert [link for link in links if "//" in link] == []
    for link in links:
        assert link == "#" or link.startswith("#") or (pages / link).is_file()


def test_an_unknown_link_is_not_passed_over():
    with pytest.raises(KeyError, match=r"new\.js"):
        dashboard.self_contained('<script src="https://elsewhere.example/new.js">')
