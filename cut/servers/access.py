"""Who may use a web server on this machine: its own pages, programs here, and whoever has the token.

A page of any site in the user's browser can send requests to a server on the user's machine, also under a name of its
own that it lets point here (DNS rebinding). The browser says for every request by which name it was sent (Host) and
which page sent it (Origin, Sec-Fetch-Site); both are checked, as Jupyter does. Programs send no such origin.
"""

import hmac
import ipaddress
import os
import re
import secrets
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from cut.errors import UserError

VARIABLE = "CUT_TOKEN"  # of the environment: the token to use, instead of a new one for each start
REALM = 'Bearer realm="cut"'  # tells a program that the token of this module is asked for
_TOKEN = re.compile(r"[A-Za-z0-9_.~-]{16,200}")
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\s:/?#@\[\],\\]+))(?::[0-9]{0,5})?")


@dataclass(frozen=True)
class Answer:
    """What is sent instead of the page: a status, a sentence, and headers."""

    status: int
    sentence: str
    headers: dict[str, str] = field(default_factory=dict)


class Access:
    """Decides about requests.

    Args:
        port: of the server, which tells its cookie from those of other servers on the machine.
        names: by which the server may be called, besides those of this machine itself.
        token: what everybody has to show; any name of the server is allowed then, since a page under another name
            does not have the cookie.
    """

    def __init__(self, port: int, names: Iterable[str] = (), token: str | None = None) -> None:
        self.names = {"localhost", socket.gethostname().lower(), *(name.lower() for name in names)} - {""}
        self.token, self.cookie = token, f"cut-{port}"

    def answer(self, method: str, target: str, headers: Iterable[tuple[str, str]]) -> Answer | None:
        """None for a request that is allowed, else what to send.

        Args:
            target: as in the request line.
            headers: of the request, (name, value).
        """
        values: dict[str, list[str]] = {}
        for name, value in headers:
            values.setdefault(name.lower(), []).append(str(value).strip())
        first = {name: several[0] for name, several in values.items()}
        try:
            parts = urlsplit(target)
            tokens = parse_qs(parts.query).get("token", [])
        except ValueError:
            return Answer(400, "The address in the request is malformed.")
        host = parts.netloc if parts.scheme else first.get("host", "")
        called = _name(host)
        if len(values.get("host", ())) > 1 or (host and called is None):
            return Answer(400, "The request needs one Host.")
        if called is not None and self.token is None and not self._is_own(called):  # HTTP/1.0 programs may name none
            return Answer(403, "This server answers only under localhost or the name that it was started with.")
        if _is_foreign(method, host, first):
            return Answer(403, "The request comes from a page of another server.")
        return None if self.token is None else self._admit(method, target, tokens[0] if tokens else None, first)

    def _is_own(self, name: str) -> bool:
        try:
            return name in self.names or ipaddress.ip_address(name).is_loopback
        except ValueError:
            return False

    def _admit(self, method: str, target: str, given: str | None, headers: dict[str, str]) -> Answer | None:
        """None with the right token; if it was in the address, a cookie for it, and the address without it."""
        cookies = [part.strip().partition("=") for part in headers.get("cookie", "").split(";")]
        shown = [value for name, _, value in cookies if name == self.cookie]
        scheme, _, credentials = headers.get("authorization", "").partition(" ")
        if scheme.lower() in ("bearer", "token"):
            shown.append(credentials.strip())
        if given is not None and self._is_right(given):
            if method not in ("GET", "HEAD") or "upgrade" in headers:
                return None
            cookie = f"{self.cookie}={self.token}; Path=/; HttpOnly; SameSite=Lax"
            return Answer(
                302,
                "The token was right.",
                {"Location": _without_token(target), "Set-Cookie": cookie, "Referrer-Policy": "no-referrer"},
            )
        if any(map(self._is_right, shown)):
            return None
        return Answer(
            401,
            "This server asks for a token: open the address with ?token=… that it printed when it was started.",
            {"WWW-Authenticate": REALM},
        )

    def _is_right(self, given: str) -> bool:
        return hmac.compare_digest(given.encode("utf-8", "replace"), (self.token or "").encode())


def new_token() -> str:
    """The token that the environment asks for, else one that cannot be guessed.

    Raises:
        UserError: when the environment's is too short or no token.
    """
    given = os.environ.get(VARIABLE, "")
    if given and not is_token(given):
        raise UserError(f"{VARIABLE} must be 16 to 200 letters, digits or any of _.~- (unset it for a new token).")
    return given or secrets.token_urlsafe(24)


def is_token(text: str) -> bool:
    return _TOKEN.fullmatch(text) is not None


def is_this_machine(address: str) -> bool:
    """Whether only this machine can reach a server that is bound to an address."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _name(host: str) -> str | None:
    """The name or address in a Host header, without the port; None for what is none."""
    found = _HOST.fullmatch(host)
    return (found[1] or found[2]).lower() if found else None


def _is_foreign(method: str, host: str, headers: dict[str, str]) -> bool:
    """Whether a page of another server sent the request; it may only be left by a link, which opens a new page."""
    origin = headers.get("origin")
    if origin is not None:
        scheme, _, place = origin.lower().partition("://")
        return scheme not in ("http", "https") or place != host.lower()
    if headers.get("sec-fetch-site", "none").lower() in ("none", "same-origin"):
        return False
    link = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return not (link and method in ("GET", "HEAD"))


def _without_token(target: str) -> str:
    parts = urlsplit(target)
    query = "&".join(part for part in parts.query.split("&") if not part.startswith("token="))
    path = "/" + parts.path.lstrip("/\\")  # two slashes would name another server
    return f"{path}?{query}" if query else path
