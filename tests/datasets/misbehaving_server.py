"""A small web server that serves ranges, drops connections or lies, as told."""

import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    """Serves `content` at every path, by one behaviour a request; the last one goes on.

    Behaviours: `honest` (with ranges and an ETag), `no ranges`, `drop` (closes after 60% of what was announced),
    `drop, no ranges`, `short` (announces too little), `long` (announces too much), `wrong range`, `wrong bytes` (a
    range of zeros), `changed` (another ETag, ignores If-Range), `no length`, a number (that status), or
    the whole answer from its "HTTP/…" on.
    """

    def __init__(self, content: bytes, *behaviours: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.behaviours = content, list(behaviours)
        self.ranges: list[str | None] = []  # asked for, by request
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_) -> None:
        """A client that hangs up is no news here."""


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        server = self.server
        server.ranges.append(self.headers.get("Range"))
        behaviour = server.behaviours.pop(0) if len(server.behaviours) > 1 else server.behaviours[0]
        if behaviour.startswith("HTTP/"):
            self.wfile.write(behaviour.encode("latin-1"))
            self.close_connection = True
            return None
        if behaviour.isdecimal():
            return self.answer(int(behaviour), {"Content-Length": "0"}, b"")
        content, tag = server.content, '"other"' if behaviour == "changed" else '"one"'
        start = self.start(behaviour, tag)
        if start >= len(content):
            return self.answer(416, {"Content-Range": f"bytes */{len(content)}", "Content-Length": "0"}, b"")
        body = content[start:]
        headers = {"ETag": tag, "Content-Length": str(len(body) + {"short": -7, "long": 7}.get(behaviour, 0))}
        if start:
            shift = 1 if behaviour == "wrong range" else 0
            headers["Content-Range"] = f"bytes {start + shift}-{len(content) - 1}/{len(content)}"
        if behaviour == "no length":
            headers = {}
        if behaviour == "wrong bytes" and start:
            body = bytes(len(body))
        if behaviour.startswith("drop"):
            body = body[: len(body) * 6 // 10]
        return self.answer(206 if start else 200, headers, body)

    def start(self, behaviour: str, tag: str) -> int:
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        same = self.headers.get("If-Range") in (None, tag) or behaviour == "changed"
        return int(asked[1]) if asked and same and "no ranges" not in behaviour else 0

    def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True
