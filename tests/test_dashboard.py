"""The dashboard opens in a browser, with nothing from the network."""

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
    """Open a page: its elements, its picture, and the addresses that were asked for."""
    if BROWSER is None:
        pytest.skip("no Chromium: apt install chromium")

    def visit(place=""):
        picture, log = tmp_path / "page.png", tmp_path / "log.json"
        profile = f"--user-data-dir={tmp_path / 'profile'}"
        command = [BROWSER, *FLAGS, profile, f"--log-net-log={log}", address + place]
        run = [*command, "--dump-dom", f"--screenshot={picture}"]
        done = subprocess.run(run, check=True, capture_output=True, text=True, timeout=120)
        asked = set(re.findall(r'"url":"(\w+://[^"]*)"', log.read_text()))
        return done.stdout, image.imread(picture), asked

    return visit


def inked(picture):
    """The share of a picture's points that have a colour."""
    colours = picture[..., :3]
    return np.mean(np.ptp(colours, axis=-1) > 0.3)


def test_the_pages_name_no_other_place(pages):
    links = re.findall(r'(?:src|href)="([^"]*)"', (pages / "index.html").read_text())
    assert [link for link in links if "//" in link] == []
    for link in links:
        assert link == "#" or link.startswith("#") or (pages / link).is_file()


def test_an_unknown_link_is_not_passed_over():
    with pytest.raises(KeyError, match=r"new\.js"):
        dashboard.self_contained('<script src="https://elsewhere.example/new.js">')
