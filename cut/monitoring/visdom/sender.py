"""The thread that keeps the windows of a visdom server up to date, so that the training never waits for one."""

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from cut.monitoring.visdom.server import ANSWER_SECONDS, ServerTrouble

FIRST_ANSWER_SECONDS = 1.0
SHORTEST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds between attempts to reach a missing server

Draw = Callable[[Any], None]  # draws one window on a `VisdomServer`


class Sender:
    """Draws each window with its newest content.

    Only the newest content of each window waits: what waits is bounded by the number of windows, however slow the
    server is, and `give` never waits. A lost server is tried again, at growing intervals, and gets all windows again
    when it is back, because a restarted server has lost them.

    Args:
        server: a `VisdomServer`; only the thread uses it.
        begin: done once, when the server is first found.
    """

    def __init__(self, server: Any, begin: Draw | None = None) -> None:
        self.server, self.begin = server, begin
        self.decided = threading.Event()  # set once the server was found or missed for the first time
        self.found = False  # whether the server answers now
        self.reports: SimpleQueue[str] = SimpleQueue()
        self.said: set[str] = set()
        self.contents: dict[str, Draw] = {}
        self.waiting: dict[str, None] = {}  # names of windows, oldest first
        self.closing = False
        self.changed = threading.Condition()  # guards the three above, and is never held while drawing
        self.pause = SHORTEST_PAUSE
        self.thread = threading.Thread(target=self._run, name="visdom", daemon=True)  # never keeps the process alive
        self.thread.start()

    def give(self, window: str, draw: Draw) -> None:
        """The new content of a window."""
        with self.changed:
            self.contents[window] = draw
            self.waiting[window] = None
            self.changed.notify()

    def news(self) -> list[str]:
        """Sentences about the server since the last call."""
        return [self.reports.get() for _ in range(self.reports.qsize())]

    def close(self, seconds: float) -> None:
        """Send what waits if the server answers, for so long at most."""
        with self.changed:
            self.closing = True
            self.changed.notify()
        if self.found:
            self.thread.join(seconds)

    def _run(self) -> None:
        while not self.closing:
            try:
                self._serve()
            except ServerTrouble as trouble:
                self._missed(trouble)
            except Exception as error:  # whatever visdom's client and server raise, the thread goes on
                self._missed(ServerTrouble(f"visdom's client failed: {error!r}", "is its package complete?"))
            with self.changed:
                self.changed.wait_for(lambda: self.closing, self.pause)
            self.pause = min(2 * self.pause, LONGEST_PAUSE)
        self.found = False

    def _serve(self) -> None:
        """Draw until the sender is closed; any trouble with the server ends it."""
        self.server.environments(ANSWER_SECONDS if self.decided.is_set() else FIRST_ANSWER_SECONDS)
        self._found()
        if self.begin is not None:
            self.begin(self.server)
            self.begin = None
        forgotten = True
        while True:
            windows = self._next(forgotten)
            if not windows:
                return
            # A server that was restarted between two drawings looks like the old one, but its windows are gone.
            if not forgotten and self.server.environment not in self.server.environments():
                windows = self._next(forgotten=True)
            for window in windows:
                self._draw(window)
            forgotten = False
            self.pause = SHORTEST_PAUSE

    def _next(self, forgotten: bool) -> list[str]:
        """The windows to draw now, all of them if the server has forgotten them; none when the sender is closed."""
        with self.changed:
            if forgotten:
                self.waiting = dict.fromkeys(self.contents)
            self.changed.wait_for(lambda: self.waiting or self.closing)
            windows, self.waiting = list(self.waiting), {}
            return windows

    def _draw(self, window: str) -> None:
        try:
            self.contents[window](self.server)
        except ServerTrouble:
            raise
        except Exception as error:  # only this content is at fault: others can be drawn
            self._say_once("draw", f"The visdom window {window} could not be drawn ({error!r}); training goes on.")

    def _found(self) -> None:
        if "lost" in self.said:
            self._say_once("back", f"The live plots are back: {self.server.page}")
        else:
            self._say_once("found", f"Live plots: {self.server.page}")
        self.found = True
        self.decided.set()

    def _missed(self, trouble: ServerTrouble) -> None:
        if "found" in self.said:
            self._say_once("lost", f"The live plots pause until the server is back: {trouble}; training goes on.")
        else:
            self._say_once("absent", f"No live plots: {trouble}; training goes on, and they begin when visdom answers.")
        self.found = False
        self.decided.set()

    def _say_once(self, kind: str, sentence: str) -> None:
        if kind not in self.said:
            self.said.add(kind)
            self.reports.put(sentence)
