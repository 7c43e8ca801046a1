"""Answers of servers and archives that no honest one makes."""

import io
import random
import stat
import zipfile
from collections.abc import Iterator

ESCAPES = "\x1b[2J\x1b]0;owned\x07\x9b31m\r\x08"  # clear the screen, set the title, colours, overwrite the line


def _answer(status: str, *headers: str, body: str = "x") -> str:
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "", body])


ANSWERS: dict[str, str] = {
    "a length of a petabyte": _answer("200 OK", f"Content-Length: {10**15}"),
    "a length of 40 digits": _answer("200 OK", f"Content-Length: {'9' * 40}"),
    "a length of 5,000 digits": _answer("200 OK", f"Content-Length: {'9' * 5000}"),
    "two lengths": _answer("200 OK", "Content-Length: 5", "Content-Length: 7"),
    "two lengths in one": _answer("200 OK", "Content-Length: 5, 7"),
    "a negative length": _answer("200 OK", "Content-Length: -5"),
    "a length in words": _answer("200 OK", "Content-Length: many"),
    "a length in other digits": _answer("200 OK", "Content-Length: \xb2\xb3"),
    "a chunk of no length": _answer("200 OK", "Transfer-Encoding: chunked", body="zz\r\nabc\r\n"),
    "a chunk of negative length": _answer("200 OK", "Transfer-Encoding: chunked", body="-5\r\nabc\r\n"),
    "a range not asked for": _answer("206 Partial", f"Content-Range: bytes 0-1/{'9' * 5000}", "Content-Length: 1"),
    "control characters in the reason": _answer(f"404 Not{ESCAPES}Found".replace("\r", ""), "Content-Length: 0"),
    "control characters in a passing reason": _answer(f"503 {ESCAPES}".replace("\r", ""), "Content-Length: 0"),
    "control characters in an odd reason": _answer(f"402 {ESCAPES}".replace("\r", ""), "Content-Length: 0"),
    "a long reason": _answer("403 " + "a" * 60_000, "Content-Length: 0"),
    "an unknown status": _answer("999 x", "Content-Length: 0"),
    "a status that is none": _answer("abc x", "Content-Length: 0"),
    "another protocol": "HTTP/x\r\n\r\n",
    "many headers": _answer("200 OK", *["X: 1"] * 500),
    "a long header": _answer("200 OK", "X: " + "a" * 100_000),
    "half an address": _answer("302 Found", "Location: http://[", "Content-Length: 0"),
    "an address with a long label": _answer("302 Found", f"Location: http://{'a' * 70}.example/", "Content-Length: 0"),
    "an address with an empty label": _answer("302 Found", "Location: http://.example./", "Content-Length: 0"),
    "an address with control characters": _answer("302 Found", f"Location: http://{ESCAPES[:9]}/", "Content-Length: 0"),
    "an address with a port that is none": _answer("302 Found", "Location: http://a:99999999/", "Content-Length: 0"),
    "an address with a port in words": _answer("302 Found", "Location: http://a:b/", "Content-Length: 0"),
    "a file of this machine": _answer("302 Found", "Location: file:///etc/passwd", "Content-Length: 0"),
    "no host": _answer("302 Found", "Location: http://", "Content-Length: 0"),
    "itself": _answer("302 Found", "Location: /horse2zebra.zip", "Content-Length: 0"),
    "a tag with a folded line": _answer("200 OK", 'ETag: "a', ' b"', "Content-Length: 9"),
}
"""Whole answers by what is wrong with them, or where they redirect to."""


def archive(*members: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    """A zip archive that may hold a name several times."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in members:
            file.writestr(name, content)
    return buffer.getvalue()


def special(name: str, kind: int) -> zipfile.ZipInfo:
    """A member that is no regular file, by its mode."""
    info = zipfile.ZipInfo(name)
    info.external_attr = (kind | 0o777) << 16
    return info


_GOOD = (("x/trainA/1.png", b"1"), ("x/trainB/1.png", b"1"))

ARCHIVES: dict[str, bytes] = {
    "a file named trainA": archive(("x/trainA", b"1"), _GOOD[1]),
    "only files named like folders": archive(("trainA", b"1"), ("trainB", b"1")),
    "a file and its own folder": archive(*_GOOD, ("x/trainA", b"1")),
    "a folder and its own file": archive(("x/trainA", b"1"), *_GOOD),
    "a file and an empty folder": archive(*_GOOD, ("x/readme", b"1"), ("x/readme/", b"")),
    "a file and its folder in capitals": archive(*_GOOD, ("x/TRAINa", b"1")),
    "two spellings of a folder": archive(*_GOOD, ("x/TrainA/2.png", b"1")),
    "two spellings of a file": archive(*_GOOD, ("x/trainA/1.PNG", b"1")),
    "two ways to write an accent": archive(*_GOOD, ("x/trainA/\xe9", b"1"), ("x/trainA/e\u0301", b"1")),
    "a file twice": archive(*_GOOD, _GOOD[0]),
    "a file twice, with a dot": archive(*_GOOD, ("x/./trainA/1.png", b"1")),
    "a long name": archive(*_GOOD, (f"x/trainA/{'a' * 256}", b"1")),
    "a long name in other letters": archive(*_GOOD, ("x/trainA/" + "\xe9" * 130, b"1")),
    "a long path": archive(*_GOOD, ("x/trainA/" + "a/" * 2000 + "1.png", b"1")),
    "a very long path": archive(*_GOOD, ("x/trainA/" + "a/" * 30_000 + "1.png", b"1")),
    "the parent": archive(*_GOOD, ("../trainA/1.png", b"1")),
    "the parent inside": archive(*_GOOD, ("x/trainA/../../../1.png", b"1")),
    "an absolute path": archive(*_GOOD, ("/tmp/1.png", b"1")),
    "two slashes": archive(*_GOOD, ("//tmp/1.png", b"1")),
    "a drive": archive(*_GOOD, ("C:/1.png", b"1")),
    "no name": archive(*_GOOD, (".", b"1")),
    "control characters": archive(*_GOOD, (f"x/trainA/{ESCAPES}.png", b"1")),
    "control characters and a parent": archive(*_GOOD, (f"../{ESCAPES}", b"1")),
    "a link": archive(*_GOOD, (special("x/trainA/2.png", stat.S_IFLNK), b"/etc/passwd")),
    "a link named like a folder": archive((special("x/trainA/", stat.S_IFLNK), b"/etc"), *_GOOD),
    "a device": archive(*_GOOD, (special("x/trainA/2.png", stat.S_IFCHR), b"")),
    "a block device": archive(*_GOOD, (special("x/trainA/2.png", stat.S_IFBLK), b"")),
    "a named pipe": archive(*_GOOD, (special("x/trainA/2.png", stat.S_IFIFO), b"")),
    "a socket": archive(*_GOOD, (special("x/trainA/2.png", stat.S_IFSOCK), b"")),
    "nothing": archive(),
    "only hidden files": archive(("x/trainA/.1.png", b"1")),
    "only empty folders": archive(("x/trainA/", b""), ("x/trainB/", b"")),
}
"""Archives that are refused, by what is wrong with them."""


def damaged(content: bytes, count: int) -> Iterator[bytes]:
    """Versions of a file with a few bytes changed, parts left out or doubled; the same at each call."""
    rng = random.Random(0)
    for _ in range(count):
        piece = bytearray(content)
        for _ in range(rng.randint(1, 4)):
            start = rng.randrange(len(piece))
            end = start + rng.randint(1, 40)
            change = rng.choice(("set", "set", "cut", "double"))
            if change == "set":
                piece[start] = rng.randrange(256)
            else:
                piece[start:end] = b"" if change == "cut" and len(piece) > 60 else piece[start:end] * 2
        yield bytes(piece)
