"""Event files for TensorBoard. Imported only when asked for, because the package `tensorboard` is optional."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.summary.writer.record_writer import RecordWriter
from torch.utils.tensorboard import summary

from cut.errors import UserError
from cut.terminal import readable


class EventFile:
    """A file of scalars, pictures and texts, each at a step, written at once so that a killed run keeps them.

    `torch.utils.tensorboard.SummaryWriter` writes in a thread of its own, which reports a full disk as a traceback
    across the progress bar.

    Args:
        folder: where TensorBoard looks; it reads files in the order of their names, which here is that of time.
        first_step: entries of older files in the folder are hidden from this step on.

    Raises:
        UserError: from here and from every method, when the folder cannot be written.
    """

    def __init__(self, folder: Path, first_step: int) -> None:
        self.folder = folder
        self._attempt(self._open)
        self.records = RecordWriter(self.stream)
        self._add(file_version="brain.Event:2")
        self._add(step=first_step, session_log=SessionLog(status=SessionLog.START))

    def add_scalar(self, name: str, value: float, step: int) -> None:
        self._add(step=step, summary=summary.scalar(name, value))

    def add_picture(self, name: str, picture: np.ndarray, step: int) -> None:
        """Add uint8 RGB (H, W, 3)."""
        self._add(step=step, summary=summary.image(name, picture, dataformats="HWC"))

    def add_text(self, name: str, markdown: str, step: int) -> None:
        self._add(step=step, summary=summary.text(name, readable(markdown)))

    def close(self) -> None:
        self.stream.close()

    def _add(self, **event: Any) -> None:
        self._attempt(lambda: self.records.write(Event(wall_time=time.time(), **event).SerializeToString()))
        self._attempt(self.stream.flush)

    def _open(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.stream = (self.folder / f"events.out.tfevents.{time.time_ns():020d}").open("xb")

    def _attempt(self, write: Callable[[], object]) -> None:
        try:
            write()
        except OSError as error:
            if hasattr(self, "stream"):
                self.stream.raw.close()  # drops the buffer, which would be written again when the process ends
            raise UserError(f"{self.folder} cannot be written: {error.strerror}.") from error
