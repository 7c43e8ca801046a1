"""Ending a run when asked to: Ctrl-C, a cluster's SIGTERM, or the SIGHUP of a terminal that is gone."""

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

import torch

from cut.processes.group import count, objects_of_all, summed

Handler = Callable[[int, FrameType | None], Any] | int | None  # what signal.signal returns and takes


class StopRequest:
    """Context manager that turns the first SIGINT, SIGTERM or SIGHUP into a request to stop; a second Ctrl-C acts as
    usual.

    A second SIGTERM or SIGHUP changes nothing: schedulers send one to every process of a job, and the process that
    started this one may pass its own on. To end a process at once they send SIGKILL. A SIGHUP that is ignored, as
    under `nohup`, stays so. In a thread that is not the main one nothing is received.

    Attributes:
        received: the number of the signal that this process received first, or None.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._agreed: int | None = None
        self._previous: dict[int, Handler] = {}

    def __enter__(self) -> "StopRequest":
        if threading.current_thread() is not threading.main_thread():
            return self
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            if number is None or (name == "SIGHUP" and signal.getsignal(number) == signal.SIG_IGN):
                continue
            self._previous[number] = signal.signal(number, self._receive)
        return self

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.received = self.received or number
        signal.signal(signal.SIGINT, self._previous[signal.SIGINT])

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def __exit__(self, *_: object) -> None:
        self._restore()

    def agree(self) -> None:
        """Ask the other processes of the run, all of which call this at the same place, whether they are to stop."""
        if count() > 1 and summed(torch.tensor(float(self.received is not None))):
            self._agreed = max(filter(None, objects_of_all(self.received)))

    @property
    def signal(self) -> int | None:
        """The signal to stop for, or None; of several processes that of any one, once all of them know it."""
        return self.received if count() == 1 else self._agreed

    @property
    def exit_status(self) -> int:
        """129 for SIGHUP, 130 for SIGINT, 143 for SIGTERM, as a shell reports them; 0 when no stop was requested."""
        return 128 + self.signal if self.signal else 0
