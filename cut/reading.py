"""Opening files to read, and whether their values are sound.

Regular files only: a named pipe or a device of the right name would block for ever.
"""

import os
import stat
from io import BufferedReader
from pathlib import Path
from typing import Any

from cut import strict_json
from cut.errors import UserError

_LARGEST = 2**62  # of a count; beyond, it is damage
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def other_kind(path: Path | str) -> str | None:
    """What a path is, links followed, when it is something else than a regular file: "a folder", "a named pipe".

    None for a regular file, and for what is not there or cannot be looked at, which opening it will report.
    """
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return None
    return _kind(mode)


def refuse_other_kinds(path: Path | str) -> None:
    """
    Raises:
        UserError: when the path is there and is not a regular file.
    """
    kind = other_kind(path)
    if kind is not None:
        raise UserError(_refusal(path, kind))


def open_regular(path: Path | str) -> BufferedReader:
    """Open a regular file to read its bytes; never waits for another program.

    Raises:
        UserError: when it is something else, with what it is.
        OSError, ValueError: as from `open`.
    """
    refuse_other_kinds(path)  # first, because opening a device can already change it
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        kind = _kind(os.fstat(handle).st_mode)  # again: it may have been exchanged since
        if kind is not None:
            raise UserError(_refusal(path, kind))
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read_text(path: Path | str) -> str:
    """The text of a regular file in UTF-8.

    Raises:
        UserError, OSError: as `open_regular`.
        UnicodeDecodeError: when it is no UTF-8.
    """
    with open_regular(path) as stream:
        return stream.read().decode("utf-8")


def read_json(path: Path | str) -> Any:
    """The content of a JSON file, in which numbers that are not finite are None.

    Raises:
        UserError: when it is not a regular file.
        OSError: as from `open`.
        ValueError: when it is not JSON in UTF-8.
    """
    return strict_json.loads(read_text(path))


def is_count(value: Any) -> bool:
    """Whether a value is a whole number of at least 0 that can count something."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LARGEST


def is_number(value: Any) -> bool:
    """Whether a value is a number, finite or not, and no truth value."""
    return isinstance(value, float) or (
        isinstance(value, int) and abs(value) < _LARGEST and not isinstance(value, bool)
    )


def _kind(mode: int) -> str | None:
    if stat.S_ISREG(mode):
        return None
    return next((name for test, name in _KINDS if test(mode)), "no regular file")


def _refusal(path: Path | str, kind: str) -> str:
    return f"{path} is {kind}, not a regular file; remove it or put the file itself there."
