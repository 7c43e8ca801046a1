"""Ending a run when asked to: Ctrl-C, or a cluster's SIGTERM."""

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

Handler = Callable[[int, FrameType | None], Any] | int | None  # what signal.signal returns and takes


class StopRequest:
    """Context manager that turns the first SIGINT or SIGTERM into a request to stop; a second Ctrl-C acts as usual.

    A second SIGTERM changes nothing: schedulers send one to every process of a job, and the process that started this
    one may pass its own on. To end a process at once they send SIGKILL.

    Attributes:
        signal: the number of the signal that was received, or None.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self._previous: dict[int, Handler] = {}

    def __enter__(self) -> "StopRequest":
        for number in (signal.SIGINT, signal.SIGTERM):
            self._previous[number] = signal.signal(number, self._receive)
        return self

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.signal == number == signal.SIGTERM:
            return
        self.signal = number
        self._restore(but=signal.SIGTERM if number == signal.SIGTERM else None)

    def _restore(self, but: int | None = None) -> None:
        for number, handler in self._previous.items():
            if number != but:
                signal.signal(number, handler)

    def __exit__(self, *_: object) -> None:
        self._restore()

    @property
    def exit_status(self) -> int:
        """130 for SIGINT, 143 for SIGTERM, as a shell reports them; 0 when no stop was requested."""
        return 128 + self.signal if self.signal else 0
