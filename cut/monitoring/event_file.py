"""Event files for TensorBoard. Imported only when asked for, because the package `tensorboard` is optional."""

import time
from pathlib import Path
from typing import Any

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.summary.writer.record_writer import RecordWriter
from torch.utils.tensorboard import summary

from cut.errors import UserError
from cut.terminal import readable


class EventFile:
    """A file of scalars, pictures and texts, each at a step, written when it is flushed.

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
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.stream = (folder / f"events.out.tfevents.{time.time_ns():020d}").open("xb")
        except OSError as error:
            raise self._unwritable(error) from error
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

    def flush(self) -> None:
        try:
            self.stream.flush()
        except OSError as error:
            raise self._unwritable(error) from error

    def close(self) -> None:
        self.flush()
        self.stream.close()

    def _add(self, **event: Any) -> None:
        try:
            self.records.write(Event(wall_time=time.time(), **event).SerializeToString())
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> UserError:
        if hasattr(self, "stream"):
            self.stream.raw.close()  # drops the buffer, which would otherwise be written again when the process ends
        return UserError(f"{self.folder} cannot be written: {error.strerror}.")
