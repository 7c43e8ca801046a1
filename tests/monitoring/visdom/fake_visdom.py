"""A visdom server that only remembers: what a `VisdomServer` draws, by window."""

from collections.abc import Callable

from cut.monitoring.visdom.server import ServerTrouble


class FakeServer:
    """Keeps the newest content of every window in `windows`, as (kind, arguments), and every drawing in `drawn`.

    Args:
        before: called before every request, with what is asked for; may block or raise.
    """

    address, page = "http://fake:1", "http://fake:1/env/run"

    def __init__(self, before: Callable[[str], None] = lambda request: None) -> None:
        self.before = before
        self.environment = "run"
        self.windows: dict[str, tuple[str, dict]] = {}
        self.drawn: list[str] = []
        self.cleared = 0
        self.known: list[str] = []

    def __call__(self, server: str, port: int, environment: str) -> "FakeServer":
        """What a `VisdomView` takes as `connect`."""
        self.environment = environment
        return self

    def environments(self, seconds: float = 0.0) -> list[str]:
        self.before("environments")
        return self.known

    def clear(self) -> None:
        self.cleared += 1

    def lines(self, window: str, title: str, x, curves, heading: str, size, markers: bool) -> None:
        shown = {name: values.tolist() for name, values in curves.items()}
        self._draw("lines", window, title=title, heading=heading, x=x.tolist(), curves=shown)

    def image(self, window: str, title: str, picture, width: int) -> None:
        self._draw("image", window, title=title, picture=picture, width=width)

    def text(self, window: str, title: str, content: str, size) -> None:
        self._draw("text", window, title=title, content=content)

    def _draw(self, kind: str, window: str, **content) -> None:
        self.before(window)
        self.windows[window] = (kind, content)
        self.drawn.append(window)
        self.known = ["main", self.environment]

    def content(self, window: str) -> dict:
        return self.windows[window][1]


def lost(request: str) -> None:
    raise ServerTrouble("the server is gone", "start it")
