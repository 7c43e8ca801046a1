"""Output streams that do not end a script: of any encoding, with a reader that left, on a full disk, or closed."""

import codecs
import errno
import io
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

IN_ASCII = {"…": "...", "×": "x", "±": "+-", "−": "-", "–": "-", "²": "^2", "→": "->", "≤": "<=", "≥": ">=", "·": "-"}
SPELLED = "cut.spelled"  # the name of the error handler


def spell(error: UnicodeError) -> tuple[str, int]:
    """A codec's error handler: what a stream cannot show, in ASCII; bytes of a file name become escapes."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    characters = error.object[error.start : error.end]
    return "".join(
        IN_ASCII.get(one) or one.encode("ascii", "backslashreplace").decode() for one in characters
    ), error.end


codecs.register_error(SPELLED, spell)


def readable(text: str) -> str:
    """`text` with the bytes of a broken file name as escapes, for libraries that refuse them."""
    return text.encode(errors="backslashreplace").decode()


class LastingFile(io.FileIO):
    """An open file that takes everything: after an error nothing is written any more, and the error is kept."""

    lost: OSError | None = None

    def write(self, data) -> int:
        left = memoryview(data).cast("B")
        try:
            while left and self.lost is None:
                written = super().write(left)
                if written is None:  # a terminal that another program switched to non-blocking
                    select.select([], [self], [])
                left = left[written or 0 :]
        except OSError as error:
            self.lost = error
        return len(data)


class Streams:
    """Standard output and standard error for the time of a script.

    Attributes:
        output: what standard output writes to; None where that is no file of the system, as in a notebook.
    """

    def __init__(self) -> None:
        self.output: LastingFile | None = None

    @contextmanager
    def lasting(self) -> Iterator[None]:
        """Inside, printing raises no error."""
        before = sys.stdout, sys.stderr
        self.output, sys.stdout = _lasting(before[0], sys.__stdout__)
        _, sys.stderr = _lasting(before[1], sys.__stderr__)
        try:
            yield
        finally:
            for stream in (sys.stdout, sys.stderr):
                if stream not in before:
                    stream.flush()
            sys.stdout, sys.stderr = before

    def exit_status(self, status: int, for_reading: bool) -> int:
        """What a script ends with, whose work ended with `status`.

        Like other programs it reports output that was lost: by 141 (as SIGPIPE) where the reader had enough, and by a
        sentence and 1 where the disk is full.

        Args:
            for_reading: whether the work was to print something; else it made files, for which no reader is needed.
        """
        lost = self.output.lost if self.output else None
        if lost is None or status:
            return status
        if lost.errno == errno.EPIPE:
            return 141 if for_reading else 0
        with suppress(OSError):
            print(f"What was printed could not be written: {lost.strerror}.", file=sys.stderr)
        return 1


def _lasting(stream: TextIO | None, original: TextIO | None) -> tuple[LastingFile | None, TextIO]:
    """The same stream without its errors; streams that a test or a notebook put in its place stay."""
    if stream is None:
        return None, open(os.devnull, "w", encoding="utf-8")
    if stream is not original or not isinstance(stream, io.TextIOWrapper):
        return None, stream
    with suppress(OSError, ValueError):
        stream.flush()
    file = LastingFile(stream.fileno(), "wb", closefd=False)
    return file, io.TextIOWrapper(
        io.BufferedWriter(file),
        encoding=stream.encoding,
        errors=SPELLED if stream.errors in ("strict", "surrogateescape") else stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
