"""The client of a visdom server: with deadlines, and a reason for every failure."""

import html
import logging
import re
import socket
from collections.abc import Iterator, Mapping
from functools import cached_property, partial
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import requests

from cut.servers.access import REALM, VARIABLE
from cut.servers.token_file import LOCAL, token_for

ANSWER_SECONDS = 10.0  # for one request; a server that needs longer counts as hanging
PUBLISHED_ENVIRONMENT = "main"  # the default of --display_env


class ServerTrouble(Exception):
    """The server cannot be used now.

    Args:
        reason: what is wrong, as a clause.
        advice: what to do about it.
    """

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(f"{reason} ({advice})")
        self.reason, self.advice = reason, advice


def environment_name(display_env: str, run: str) -> str:
    """The environment of a run: the one asked for, else one of its own.

    Args:
        display_env: the option; its published default "main" stands for a run's own environment.
        run: the name of the run.
    """
    return plain(display_env if is_shared(display_env) else run)


def is_shared(display_env: str) -> bool:
    """Whether an environment was asked for, in which other runs may draw too."""
    return display_env not in ("", PUBLISHED_ENVIRONMENT)


def plain(name: str) -> str:
    """A name that is safe in a file name, an address and a page: ASCII letters, digits, "-", "_" and ".".

    Where other characters had to be replaced it ends in a hash, so that different names stay different.
    """
    kept = re.sub(r"[^A-Za-z0-9_.-]", "_", name)
    return kept if kept == name else f"{kept}-{sha256(name.encode('utf-8', 'replace')).hexdigest()[:6]}"


class VisdomServer:
    """One environment of a visdom server.

    Every method may raise `ServerTrouble`. Texts that a page shows as HTML are escaped here, except that of `text`.

    Args:
        server: address without the port ("http://localhost"); "http://" may be left out.
        port: of the server.
        environment: as from `environment_name`.
    """

    def __init__(self, server: str, port: int, environment: str) -> None:
        self.server, self.port, self.environment = server if "//" in server else f"http://{server}", port, environment
        self.address = f"{self.server.rstrip('/')}:{port}"
        self.page = f"{self.address}/env/{environment}"

    def environments(self, seconds: float = ANSWER_SECONDS) -> list[str]:
        """The names of all environments; the answer also shows that the server is visdom."""
        reply = self._post(f"{self.address}/env_state", "{}", seconds)
        if _asks_for_token(reply):
            raise ServerTrouble(
                f"the server at {self.address} asks for a token",
                f"set {VARIABLE} to the one that scripts/monitor.py printed when it was started",
            )
        if reply.status_code == 403:
            raise ServerTrouble(
                f"what answers at {self.address} refuses the request (HTTP 403)",
                "visdom on this machine answers at --display_server http://localhost",
            )
        try:
            names = reply.json() if reply.status_code == 200 else None
        except ValueError:
            names = None
        if not isinstance(names, list):
            raise ServerTrouble(
                f"what answers at {self.address} is not visdom, or asks for a password",
                f"give visdom a port of its own: {start_command(self.port + 1)}, and train with "
                f"--display_port {self.port + 1}",
            )
        return names

    def clear(self) -> None:
        """Close all windows of the environment."""
        self._client.close(win=None)

    def lines(
        self,
        window: str,
        title: str,
        x: np.ndarray,
        curves: Mapping[str, np.ndarray],
        heading: str,
        size: tuple[int, int],
        markers: bool,
    ) -> None:
        """Draw or replace a window of curves over epochs.

        Args:
            title: in the window's bar.
            x: epochs, (N,).
            curves: (N,) by name; what is not finite is a gap.
            heading: above the curves.
            size: of the window, (width, height) in pixels.
            markers: show every point too.
        """
        values = np.stack(list(curves.values()), axis=1)  # (N, M)
        layout = {  # plotly reads texts as HTML, the bar of the window does not
            "title": html.escape(heading, quote=False),
            "xaxis": {"title": "epoch"},
            "yaxis": {"exponentformat": "e", **_around_a_constant(values)},
            "margin": {"l": 50, "r": 20, "t": 40, "b": 60},
        }
        opts = {
            "title": title,
            "width": size[0],
            "height": size[1],
            "legend": [html.escape(name, quote=False) for name in curves],
            "showlegend": len(curves) > 1,
            "markers": markers,
            "markersize": 6,
            "layoutopts": {"plotly": layout},
        }
        self._client.line(X=x, Y=np.where(np.isfinite(values), values, np.nan), win=window, opts=opts)

    def image(self, window: str, title: str, picture: np.ndarray, width: int) -> None:
        """Show a picture, uint8 (H, W, 3), in a window `width` pixels wide."""
        height = max(1, round(width * picture.shape[0] / picture.shape[1]))
        opts = {"title": title, "width": width, "height": height}
        self._client.image(np.ascontiguousarray(picture.transpose(2, 0, 1)), win=window, opts=opts)

    def text(self, window: str, title: str, content: str, size: tuple[int, int]) -> None:
        """Show HTML in a window of `size` (width, height) pixels."""
        self._client.text(content, win=window, opts={"title": title, "width": size[0], "height": size[1]})

    @cached_property
    def _session(self) -> requests.Session:
        session = requests.Session()
        if urlsplit(self.server).hostname in LOCAL:
            session.trust_env = False  # a proxy for the outside world does not know this machine's ports
        return session

    @cached_property
    def _client(self) -> Any:
        logging.getLogger("visdom").setLevel(logging.CRITICAL)  # its log lines would break the progress bar
        try:
            from visdom import Visdom  # slow to import, and not needed by a run without a server
        except Exception as error:  # an old package on a new Python fails in many ways
            raise ServerTrouble(f"the package visdom cannot be imported ({error!r})", "pip install visdom") from error

        class Client(Visdom):
            def _handle_post(client, url: str, data: Any = None) -> str:  # visdom's own has no deadline
                reply = self._post(url, data, ANSWER_SECONDS)
                if reply.status_code != 200:
                    raise RuntimeError(f"visdom refused it with HTTP {reply.status_code}")
                return reply.text

        parts = urlsplit(self.server)
        return Client(
            server=f"{parts.scheme}://{parts.netloc}",
            port=self.port,
            base_url=parts.path.rstrip("/") or "/",
            env=self.environment,
            raise_exceptions=True,
            use_incoming_socket=False,
        )

    def _post(self, url: str, data: Any, seconds: float) -> requests.Response:
        def post() -> requests.Response:
            return self._session.post(url, data=data, timeout=seconds, allow_redirects=False)

        try:
            reply = post()
            if _asks_for_token(reply) and (token := token_for(self.server, self.port)) is not None:
                self._session.auth = partial(_with_token, token)  # a header would lose against a password in ~/.netrc
                reply = post()
            return reply
        except Exception as error:  # requests lets some of urllib3's and of the standard library's through
            raise self._explained(error) from error

    def _explained(self, error: Exception) -> ServerTrouble:
        causes = tuple(_causes(error))
        if any(isinstance(cause, socket.gaierror) for cause in causes):
            return ServerTrouble(f"the host name in {self.address} is not known", "check --display_server")
        if any(isinstance(cause, requests.ReadTimeout) for cause in causes):
            return ServerTrouble(
                f"what listens at {self.address} does not answer",
                f"give visdom a port of its own with --display_port, and start it there: {start_command('PORT')}",
            )
        if any(isinstance(cause, (ConnectionRefusedError, requests.ConnectTimeout)) for cause in causes):
            return ServerTrouble(f"no visdom answers at {self.address}", f"start one: {start_command(self.port)}")
        if isinstance(error, ValueError):  # requests' errors about malformed addresses are ValueErrors too
            return ServerTrouble(
                f"{self.address} is not an address",
                "--display_server is like http://localhost, and its port goes into --display_port",
            )
        return ServerTrouble(
            f"the connection to {self.address} broke ({type(causes[-1]).__name__})",
            f"is it visdom? Start one: {start_command(self.port)}",
        )


def _asks_for_token(reply: requests.Response) -> bool:
    return reply.status_code == 401 and reply.headers.get("WWW-Authenticate") == REALM


def _with_token(token: str, request: requests.PreparedRequest) -> requests.PreparedRequest:
    request.headers["Authorization"] = f"Bearer {token}"
    return request


def start_command(port: int | str) -> str:
    return "python scripts/monitor.py" + ("" if port == 8097 else f" --port {port}")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and its causes, outermost first."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _around_a_constant(values: np.ndarray) -> dict[str, list[float]]:
    """The range of an axis for curves of one value, which plotly would show between rounding errors; else none."""
    finite = values[np.isfinite(values)]
    if not finite.size or finite.max() - finite.min() > 1e-9 * abs(finite.max()):
        return {}
    middle, margin = float(finite[0]), abs(float(finite[0])) / 2 or 1.0
    return {"range": [middle - margin, middle + margin]}
