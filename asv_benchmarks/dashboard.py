"""Show how softkern's speed went from commit to commit.

Each COMMIT that this machine has no results of is built and measured first, a quarter of an hour
each. Then asv makes its pages of all results in `results/`, and they are served until interrupted.
Nothing on them comes from the network: what asv links to is in `vendor/`.

    python asv_benchmarks/dashboard.py [COMMIT ...]
"""

import argparse
import platform
import re
import shutil
import subprocess
import sys
import webbrowser
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from asv.machine import Machine

HERE = Path(__file__).parent
PAGES = HERE / ".asv" / "html"

VENDORED = {  # the last part of the address that asv links to, and our copy
    "bootstrap.min.css": "bootstrap-3.1.1/bootstrap.min.css",
    "bootstrap.min.js": "bootstrap-3.1.1/bootstrap.min.js",
    "jquery-3.3.1.min.js": "jquery-3.3.1/jquery.min.js",
    "jquery.flot.min.js": "flot-0.8.3/jquery.flot.js",
    "jquery.flot.categories.min.js": "flot-0.8.3/jquery.flot.categories.js",
    "jquery.flot.selection.min.js": "flot-0.8.3/jquery.flot.selection.js",
    "jquery.flot.time.min.js": "flot-0.8.3/jquery.flot.time.js",
    "jquery.flot.orderBars.js": "flot-orderbars-1.0.0/jquery.flot.orderBars.js",
    "md5.min.js": "blueimp-md5-2.19.0/md5.min.js",
    "stupidtable.min.js": "stupid-table-plugin-1.1.3/stupidtable.min.js",
}
LINK = re.compile(r'(?P<attribute>src|href)="https?://[^"]*/(?P<name>[^"/]*)"')
CHECKS = re.compile(r'\s(?:integrity|crossorigin|referrerpolicy)="[^"]*"')


def asv(*arguments: str) -> None:
    command = [sys.executable, "-m", "asv", "--config", str(HERE / "asv.conf.json"), *arguments]
    subprocess.run(command, check=True)


def measure(commits: list[str]) -> None:
    """Run the benchmarks that have no results yet."""
    found = Machine.get_defaults()
    # A name for machines of this kind, where asv would take that of the host.
    name = re.sub(r"\W+", "-", f"{found['cpu']} {found['num_cpu']} cores").strip("-")
    found |= {"machine": name, "os": platform.system()}
    Machine.load(machine_name=name, **found)
    for commit in commits:
        asv("run", "--machine", name, "--skip-existing", f"{commit}^!")


def publish(pages: Path) -> None:
    """Make the pages, complete in themselves."""
    asv("publish", "--no-pull", "--html-dir", str(pages))
    shutil.copytree(HERE / "vendor", pages / "vendor", dirs_exist_ok=True)
    index = pages / "index.html"
    index.write_text(self_contained(index.read_text("utf-8")), "utf-8")


def self_contained(page: str) -> str:
    """Put our copies in place of what a page links to elsewhere."""
    page = page.replace('href="https://github.com/airspeed-velocity/asv/"', 'href="#"')
    page = LINK.sub(lambda m: f'{m["attribute"]}="vendor/{VENDORED[m["name"]]}"', page)
    return CHECKS.sub("", page)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def server(pages: Path) -> ThreadingHTTPServer:
    handler = partial(_Quiet, directory=pages)
    return ThreadingHTTPServer(("127.0.0.1", 0), handler)


def address(serving: ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{serving.server_port}/"


def main() -> None:
    parser = argparse.ArgumentParser(description="Show softkern's speed from commit to commit.")
    parser.add_argument("commits", nargs="*", metavar="COMMIT", help="to measure first")
    options = parser.parse_args()
    if options.commits:
        measure(options.commits)
    publish(PAGES)
    with server(PAGES) as serving:
        print(f"The dashboard is at {address(serving)}; Ctrl-C ends it.", flush=True)
        webbrowser.open(address(serving))
        try:
            serving.serve_forever()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
