"""Serve the web pages of the runs, to watch them from another machine: `python scripts/serve.py`.

On your own machine:  ssh -L 8000:localhost:8000 YOU@TRAINING_MACHINE  and then open http://localhost:8000/.
Only pages and pictures are served, and only to this machine (which ssh reaches) unless --host says otherwise: then
everybody has to show the token in the address that is printed.
"""

import argparse
import io
import math
import os
import re
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from urllib.parse import unquote, urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # runs from a clone without installing

import cut.environment  # noqa: F401 first: it explains what is missing below

# isort: split
from dominate import tags

from cut.errors import UserError, exit_status
from cut.html import address, page, shown
from cut.monitoring.web.page_data import read_script
from cut.reading import other_kind
from cut.servers.access import Access, is_this_machine, new_token

FOLDERS = ("web", "previews")  # of a run; its weights are not served
TYPES = {".html", ".js", ".png"}
CLIENT_SECONDS = 30  # for a client to send its request, and to take each piece of the answer
LONGEST_TEXT = 200  # characters of a text in the table


class Pages(SimpleHTTPRequestHandler):
    """The runs at /, and NAME/web and NAME/previews of each; everything else is not found."""

    timeout = CLIENT_SECONDS
    default_request_version = "HTTP/1.0"  # an answer to what is no request has a status line too
    server: "Server"
    file: Path  # what is asked for, once it was found
    refused = False

    def parse_request(self) -> bool:
        if re.fullmatch(rb"[A-Za-z]+ [!-~\x80-\xff]+ HTTP/[1-9]\.[0-9]\r?\n", self.raw_requestline):
            return super().parse_request()
        self.command, self.requestline, self.request_version = "", "", self.default_request_version
        self.close_connection = True
        self.send_error(HTTPStatus.BAD_REQUEST)
        return False

    def send_head(self):
        """Send the headers; returns a file with the rest of the answer, None if there is none."""
        answer = self.server.access.answer(self.command, self.path, self.headers.items())
        if answer is not None:
            self.refused = answer.status >= 400
            return self.sent(answer.status, "text/plain", answer.sentence + "\n", answer.headers)
        return self.found()

    def found(self):
        """Likewise for a request that is allowed."""
        try:
            parts = _parts(self.path)
        except ValueError:
            return self.send_error(HTTPStatus.BAD_REQUEST)
        if not parts:
            return self.sent(HTTPStatus.OK, "text/html", overview(Path(self.directory)))
        try:
            self.file = served_file(Path(self.directory), parts)
        except UserError:
            return self.send_error(HTTPStatus.NOT_FOUND)
        return super().send_head()

    def translate_path(self, path: str) -> str:
        return str(self.file)

    def sent(self, status: int, kind: str, text: str, headers: dict[str, str] | None = None) -> io.BytesIO:
        return self.sent_bytes(status, f"{kind}; charset=utf-8", text.encode(), headers)

    def sent_bytes(self, status: int, kind: str, content: bytes, headers: dict[str, str] | None = None) -> io.BytesIO:
        self.send_response(status)
        facts = {"Content-Type": kind, "Content-Length": str(len(content)), **(headers or {})}
        for name, value in facts.items():
            self.send_header(name, value)
        self.end_headers()
        return io.BytesIO(content)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        self.refused = True
        super().send_error(code)  # in the standard's words: the message would repeat what the client sent

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-cache")  # ask again whether it has changed, which files here do
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")  # no other page may embed pictures or data
        super().end_headers()

    def finish(self) -> None:
        super().finish()
        if self.refused:  # what it still sends has to be read, or the connection is reset before it sees the answer
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_WR)
                self.connection.settimeout(1)
                for _ in range(64):
                    if not self.connection.recv(2**16):
                        break

    def log_message(self, *details: object) -> None:
        """Log nothing: an open page asks every few seconds."""


class Server(ThreadingHTTPServer):
    """Answers every request in a thread of its own; `access` says which."""

    daemon_threads = True
    access: Access

    def server_bind(self) -> None:
        TCPServer.server_bind(self)  # HTTPServer's looks up the name of the machine, which can take a minute
        self.server_name, self.server_port = self.server_address[:2]

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exc_info()[1], OSError):  # as when a browser leaves a page while it loads
            super().handle_error(request, client_address)


def _parts(target: str) -> list[str]:
    """The names in the path of a request; bytes that are no UTF-8 stay what they are.

    Raises:
        ValueError: when it is no path.
    """
    parts = urlsplit(target)
    path = unquote(parts.path, errors="surrogateescape")
    if "\0" in path or not path.startswith("/"):
        raise ValueError(f"no path: {target!r}")
    return [part for part in path.split("/") if part]


def served_file(folder: Path, parts: list[str]) -> Path:
    """The place of a file that may be served, by its path in the folder of the runs; links inside it are followed.

    Raises:
        UserError: when there is none, or it is kept back: it leads elsewhere, is no page or picture, or no file.
    """
    shown_path = "/".join(parts[1:])
    if not _is_public(parts):
        raise UserError(f"{shown_path} is not served.")
    root, place = os.path.realpath(folder), os.path.realpath(folder.joinpath(*parts))
    inside = os.path.relpath(place, root).split(os.sep)
    if not _is_public(inside):
        raise UserError(f"{shown_path} is a symbolic link out of the pages, which is not followed; copy the run here.")
    try:
        os.stat(place)
    except OSError as error:
        raise UserError(f"{shown_path} cannot be read ({error.strerror or error}).") from error
    if (kind := other_kind(place)) is not None:
        raise UserError(f"{shown_path} is {kind}, not a file.")
    return Path(place)


def _is_public(parts: list[str]) -> bool:
    hidden = any(part.startswith(".") for part in parts)
    return len(parts) >= 3 and parts[1] in FOLDERS and not hidden and Path(parts[-1]).suffix in TYPES


@dataclass
class Row:
    """A run in the overview: what its page says (four texts), or why there is nothing to show.

    Attributes:
        page: whether it has a page that can be opened.
    """

    name: str
    page: bool = False
    texts: tuple[str, ...] = ()
    updated: float = 0  # seconds since 1970
    problem: str = ""


def overview(folder: Path) -> str:
    """The runs in a folder as a page, the most recently updated first."""
    problem, rows = "", []
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if not entry.name.startswith("."))
        rows = [read_row(folder, name) for name in names if _may_be_run(folder / name)]
    except OSError as error:
        problem = f"{folder} cannot be read ({error.strerror or error})."
    with page("Runs", style=".facts { white-space: nowrap; }") as content:
        with tags.section(cls="card"), tags.div(cls="scroll"), tags.table():
            tags.tr(tags.th(name) for name in ("run", "state", "done", "epoch", "best", "updated"))
            for row in sorted(rows, reverse=True, key=lambda row: (row.updated, row.name)):
                name = shown(row.name)
                link = tags.a(name, href=f"{address(row.name)}/web/index.html") if row.page else tags.span(name)
                if row.problem:
                    tags.tr(tags.td(link), tags.td(shown(row.problem), colspan=5, cls="note"))
                else:
                    day = f"{datetime.fromtimestamp(row.updated):%Y-%m-%d %H:%M}"
                    tags.tr(tags.td(link), *(tags.td(shown(text)) for text in row.texts), tags.td(day))
        if problem or not rows:
            tags.p(
                shown(problem) or "No run here has a web page yet; reload this page once one has started.", cls="note"
            )
    return content.render()


def _may_be_run(folder: Path) -> bool:
    """Whether something has a folder for a page, as far as that can be seen."""
    try:
        os.lstat(folder / "web")
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:  # its row says why
        return True
    return True


def read_row(folder: Path, name: str) -> Row:
    """What the page of a run says; whatever is wrong with its files becomes its problem."""
    row, file = Row(name), folder
    try:
        served_file(folder, [name, "web", "index.html"])
        row.page = True
        file = served_file(folder, [name, "web", "data.js"])
        data = read_script(file)
    except UserError as error:
        row.problem = f"Not shown: {str(error).replace(str(file), 'web/data.js')}"
        return row
    try:
        row.texts, row.updated = _summary(data)
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        row.problem = "Not shown: web/data.js has other content than a run writes; continuing the run writes it again."
    return row


def _summary(data: dict) -> tuple[tuple[str, ...], float]:
    """State, share that is done, epoch and best measure, and the time; an error means that the data lacks one."""
    facts, best = dict(data["facts"]), data["best"]
    measure = ""
    if best is not None:
        value = "not finite" if best["value"] is None else f"{_number(best['value']):.4g}"
        measure = f"{_text(best['label'])} {value} (epoch {_number(best['epoch']):.10g})"
    done, updated = _number(data["done"]), _number(data["updated"])
    if not 0 <= done <= 1:
        raise ValueError(f"{done} is no share")
    datetime.fromtimestamp(updated)
    return (_text(data["state"]), f"{done:.0%}", _text(facts["epoch"]), measure), updated


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no number")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no text")
    return value[:LONGEST_TEXT]


def make_server(folder: Path, host: str, port: int) -> Server:
    """A server of the runs in `folder`; port 0 takes any that is free. One that others can reach has a token.

    Raises:
        UserError: when there is no such folder, or the address cannot be used.
    """
    if not folder.is_dir():
        raise UserError(f"There is no folder {folder}; give the folder of the runs with --checkpoints_dir.")

    return bound_server(partial(Pages, directory=str(folder)), host, port)


def bound_server(handler: Callable[..., Pages], host: str, port: int) -> Server:
    """A server whose requests a handler answers; port 0 takes any that is free. One that others can reach has a token.

    Raises:
        UserError: when the address cannot be used.
    """
    try:
        server = Server((host, port), handler)
    except (OSError, OverflowError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{host}:{port} cannot be used ({reason}); choose another with --port.") from error
    try:
        bound, port = server.server_address[:2]
        server.access = Access(port, [host], None if is_this_machine(str(bound)) else new_token())
    except UserError:
        server.server_close()
        raise
    return server


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--checkpoints_dir", type=Path, default=Path("checkpoints"), help="folder of the runs (default %(default)s)"
    )
    parser.add_argument("--port", type=int, default=8000, help="of the page (default %(default)s)")
    parser.add_argument(
        "--host", default="localhost", help="0.0.0.0 serves everybody who can reach this machine and has the token"
    )

    def work() -> None:
        options = parser.parse_args(arguments)
        serve(make_server(options.checkpoints_dir, options.host, options.port), options)

    return exit_status(work)


def serve(server: Server, options: argparse.Namespace) -> None:
    """Print the address and serve until interrupted."""
    serve_pages(server, f"The runs in {options.checkpoints_dir} are")


def serve_pages(server: Server, what: str) -> None:
    """Likewise for any pages: `what` is "… are" or "… is", to be followed by the address."""
    port, token = server.server_address[1], server.access.token
    if token is None:
        place, then = f"http://localhost:{port}/", "the same address"
    else:
        place, then = f"http://{socket.gethostname()}:{port}/?token={token}", f"http://localhost:{port}/?token={token}"
    print(f"{what} at {place} (Ctrl-C ends it).", flush=True)
    print(
        f"From another machine: ssh -L {port}:localhost:{port} YOU@THIS_MACHINE, then open {then} there.",
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
