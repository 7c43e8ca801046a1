"""Serve the web pages of the runs, to watch them from another machine: `python scripts/serve.py`.

On your own machine:  ssh -L 8000:localhost:8000 YOU@TRAINING_MACHINE  and then open http://localhost:8000/.
Only pages and pictures are served, and only to this machine (which ssh reaches) unless --host says otherwise.
"""

import argparse
import sys
from datetime import datetime
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # runs from a clone without installing

import cut.environment  # noqa: F401 first: it explains what is missing below

if __name__ == "__main__":  # before the imports that take their time
    from cut.ctrl_c import ends_imports

    ends_imports()

# isort: split
from dominate import tags

from cut.errors import UserError, exit_status
from cut.html import address, page, shown
from cut.monitoring.web.page_data import read_script

FOLDERS = ("web", "previews")  # of a run; its weights are not served
TYPES = {".html", ".js", ".png"}


class Pages(SimpleHTTPRequestHandler):
    """The runs at /, and NAME/web and NAME/previews of each; everything else is not found."""

    def do_GET(self) -> None:
        if urlsplit(self.path).path != "/":
            return super().do_GET()
        content = overview(Path(self.directory)).encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def send_head(self):
        parts = [part for part in unquote(urlsplit(self.path).path).split("/") if part]
        inside = len(parts) >= 3 and parts[1] in FOLDERS and not any(part.startswith(".") for part in parts)
        if not inside or Path(parts[-1]).suffix not in TYPES:
            self.send_error(HTTPStatus.NOT_FOUND)
            return None
        return super().send_head()

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-cache")  # ask again whether it has changed, which files here do
        super().end_headers()

    def log_message(self, *details: object) -> None:
        """Log nothing: an open page asks every few seconds."""


def overview(folder: Path) -> str:
    """The runs in a folder as a page, the most recently updated first."""
    found = []
    for index in folder.glob("*/web/index.html"):
        data = read_script(index.with_name("data.js")) or {}
        updated = data.get("updated")
        found.append((updated if isinstance(updated, (int, float)) else 0, index.parents[1].name, data))
    with page("Runs", style=".facts { white-space: nowrap; }") as content:
        with tags.section(cls="card"), tags.div(cls="scroll"), tags.table():
            tags.tr(tags.th(name) for name in ("run", "state", "done", "epoch", "best", "updated"))
            for updated, name, data in sorted(found, reverse=True, key=lambda run: run[:2]):
                tags.tr(
                    tags.td(tags.a(shown(name), href=f"{address(name)}/web/index.html")),
                    *(tags.td(shown(text)) for text in _summary(data)),
                    tags.td(f"{datetime.fromtimestamp(updated):%Y-%m-%d %H:%M}" if updated else ""),
                )
        if not found:
            tags.p("No run here has a web page yet; reload this page once one has started.", cls="note")
    return content.render()


def _summary(data: dict) -> tuple[str, str, str, str]:
    """State, share that is done, epoch and best measure, from the data of a run's page; empty where it has none."""
    try:
        best = data["best"]
        measure = f"{best['label']} {best['value']:.4g} (epoch {best['epoch']})" if best else ""
        return str(data["state"]), f"{data['done']:.0%}", str(dict(data["facts"])["epoch"]), measure
    except (KeyError, TypeError, ValueError):
        return "", "", "", ""


def make_server(folder: Path, host: str, port: int) -> ThreadingHTTPServer:
    """A server of the runs in `folder`; port 0 takes any that is free.

    Raises:
        UserError: when there is no such folder, or the address cannot be used.
    """
    if not folder.is_dir():
        raise UserError(f"There is no folder {folder}; give the folder of the runs with --checkpoints_dir.")

    def handler(*details):
        return Pages(*details, directory=str(folder))

    try:
        return ThreadingHTTPServer((host, port), handler)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{host}:{port} cannot be used ({reason}); choose another with --port.") from error


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoints_dir", type=Path, default=Path("checkpoints"), help="folder of the runs")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--host", default="localhost", help="0.0.0.0 serves everybody who can reach this machine")

    def work() -> None:
        options = parser.parse_args(arguments)
        serve(make_server(options.checkpoints_dir, options.host, options.port), options)

    return exit_status(work)


def serve(server: ThreadingHTTPServer, options: argparse.Namespace) -> None:
    """Print the address and serve until interrupted."""
    port = server.server_address[1]
    print(f"The runs in {options.checkpoints_dir} are at http://localhost:{port}/ (Ctrl-C ends it).", flush=True)
    print(
        f"From another machine: ssh -L {port}:localhost:{port} YOU@THIS_MACHINE, then open the same address there.",
        flush=True,  # ssh with a command gives it a pipe, whose buffer would hold this back
    )
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
