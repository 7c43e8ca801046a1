"""Ctrl-C while a script is still importing, which may take seconds."""

import os
import signal
from types import FrameType


def ends_imports() -> None:
    """From now on Ctrl-C ends the process at once, silently, with status 130, unless `cut.errors.exit_status` runs.

    The usual KeyboardInterrupt would be shown as a traceback, or be lost during an import: extension modules replace
    it by errors of their own. Where `exit_status` can catch it, it is raised as usual. A SIGINT that is ignored, as
    shells arrange for background jobs, stays so.
    """
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, _interrupted)


def _interrupted(number: int, frame: FrameType | None) -> None:
    while frame is not None:
        if frame.f_code.co_name == "exit_status":
            raise KeyboardInterrupt
        if frame.f_code.co_filename.startswith("<frozen importlib."):
            break
        frame = frame.f_back
    os._exit(130)
