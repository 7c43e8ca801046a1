"""Damaged data of pages, and requests that are none."""

import json
import socket

_GOOD = {"state": "training", "done": 0.5, "facts": [["epoch", "1 of 2"]], "best": None, "updated": 1e6}


def _with(**changed: object) -> bytes:
    return f"window.runData = {json.dumps(_GOOD | changed)};\n".encode()


_DATA: dict[str, bytes] = {
    "empty": b"",
    "cut short": _with()[:40],
    "binary": bytes(range(256)) * 20,
    "zeros": bytes(5000),
    "no UTF-8": _with(state="training").replace(b"training", b"\xff\xfe"),
    "a web page": b"<html>Log in</html>",
    "JSON lines": b'{"a": 1}\n{"b": 2}\n',
    "a list": b"[1, 2]",
    "a number": b"7",
    "nested deeply": b"[" * 100_000,
    "nested objects": b'{"a":' * 50_000,
    "a number of 5,000 digits": _with().replace(b"0.5", b"9" * 5000),
    "no fields": b"window.runData = {};",
    "NaN": _with(done=float("nan")),
    "infinite time": _with(updated=float("inf")),
    "a time far ahead": _with(updated=1e300),
    "a time long ago": _with(updated=-1e15),
    "a huge whole number": _with(updated=10**400),
    "done as text": _with(done="x"),
    "done as truth": _with(done=True),
    "more than done": _with(done=1e300),
    "facts as a number": _with(facts=3),
    "facts of other lengths": _with(facts=[["epoch"], [1, 2, 3]]),
    "facts that cannot be names": _with(facts=[[{}, 1]]),
    "an epoch that is a list": _with(facts=[["epoch", [1]]]),
    "a state that is an object": _with(state={"a": 1}),
    "no state": _with(state=None),
    "best as text": _with(best="good"),
    "best without fields": _with(best={}),
    "best as a list": _with(best=[1]),
    "best of other types": _with(best={"label": 1, "value": "x", "epoch": []}),
}  # fmt: skip

DAMAGED_DATA = list(_DATA)


def damaged_data(name: str) -> bytes:
    """The content of a data.js that no run writes."""
    return _DATA[name]


NO_REQUESTS: dict[str, bytes] = {
    "nothing": b"\r\n\r\n",
    "one word": b"GARBAGE\r\n\r\n",
    "no version": b"GET /\r\n\r\n",
    "an old version": b"GET / HTTP/0.9\r\n\r\n",
    "another protocol": b"GET / FTP/1.0\r\n\r\n",
    "four words": b"GET / x HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "no path": b"GET x HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "NUL": b"GET /%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "NUL in a name": b"GET /a%00b/web/index.html HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a raw NUL": b"GET /\0 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "half an address": b"GET http://[ HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "half an address in a path": b"GET //[/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100) + b"\n",
    "an escape sequence": b"GET /\x1b[2J HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
    "a host that is none": b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    "a long line": b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a long line without an end": b"A" * 300_000,
    "a long header": b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: 1\r\n" * 5000 + b"\r\n",
}
"""What a web server refuses with a status of 400 to 431, by what is wrong."""


def said_to(port: int, request: bytes) -> bytes:
    """The whole answer of a server on this machine to the bytes of a request."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(request)
        answer = b""
        while piece := connection.recv(2**16):
            answer += piece
    return answer
