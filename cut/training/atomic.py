"""Files that are written whole or not at all, singly or as a set that changes at once.

A set is committed with a journal: all files are staged under temporary names and flushed, then one small file lists
them, and that file's appearance is the commit. Whoever opens the folder next finishes the renames that a kill left
undone (`roll_forward`), so a set never mixes two states.
"""

import errno
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from cut.errors import UserError

STAGED = ".staged"
JOURNAL = "commit.json"


def write_atomically(path: Path, content: bytes | Callable[[BinaryIO], object], durable: bool = True) -> None:
    """Write one file; at every instant `path` is the old file or the new one.

    Args:
        content: what to write, or a function that writes it to a stream.
        durable: wait until the disk has it, which can take long; without, a power cut may lose or empty the file.

    Raises:
        UserError: when the disk is full or the folder cannot be written; the old file is untouched.
    """
    _stage(path, content if callable(content) else lambda stream: stream.write(content), durable)
    try:
        with _explained(path):
            os.replace(_staged(path), path)
            if durable:
                _flush_folder(path.parent)
    except BaseException:
        _forget(path)
        raise


def make_folder(folder: Path) -> None:
    """
    Raises:
        UserError: when the folder cannot be made.
    """
    with _explained(folder):
        folder.mkdir(parents=True, exist_ok=True)


def write_set(folder: Path, files: Mapping[str, Callable[[BinaryIO], object]]) -> None:
    """Write several files of a folder, by name; either all of them change, or none. Needs the folder's lock.

    Raises:
        UserError: when the disk is full or the folder cannot be written; nothing has changed, or all has.
    """
    roll_forward(folder)  # an earlier commit that an error cut short must not meet newly staged files
    try:
        for name, write in files.items():
            _stage(folder / name, write)
        with _explained(folder):
            _flush_folder(folder)  # a power cut must not keep the journal and lose what it lists
        write_atomically(folder / JOURNAL, json.dumps(sorted(files)).encode())
    except BaseException:
        if not (folder / JOURNAL).exists():  # where it does, the set is committed, whatever failed after that
            _forget(*(folder / name for name in files))
        raise
    roll_forward(folder)


def roll_forward(folder: Path) -> None:
    """Finish a commit that was interrupted; remove what was staged but never committed. Needs the folder's lock.

    Raises:
        UserError: when the folder cannot be written.
    """
    journal = folder / JOURNAL
    with _explained(folder):
        if journal.exists():
            for name in json.loads(journal.read_text()):
                if _staged(folder / name).exists():
                    os.replace(_staged(folder / name), folder / name)
            _flush_folder(folder)
            journal.unlink()
            _flush_folder(folder)  # or a power cut could bring the journal back beside the next set's staged files
        for leftover in folder.glob(f"*{STAGED}"):
            leftover.unlink()


def committed(path: Path) -> Path:
    """Where the committed content of `path` lies now, for readers without the lock: it may not be renamed yet."""
    journal = path.parent / JOURNAL
    try:
        names: Iterable[str] = json.loads(journal.read_text())
    except FileNotFoundError:
        return path
    return _staged(path) if path.name in names and _staged(path).exists() else path


def _staged(path: Path) -> Path:
    return path.with_name(path.name + STAGED)


def _stage(path: Path, write: Callable[[BinaryIO], object], durable: bool = True) -> None:
    try:
        with _explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)  # it may have been removed while a run trains
            with open(_staged(path), "wb") as stream:
                write(stream)
                stream.flush()
                if durable:
                    os.fsync(stream.fileno())
    except BaseException:
        _forget(path)
        raise


def _forget(*paths: Path) -> None:
    """Remove what was staged for these files, where the system lets us; else `roll_forward` will."""
    for path in paths:
        with suppress(OSError):
            _staged(path).unlink(missing_ok=True)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn errors of the system inside the block into a sentence."""
    try:
        yield
    except Exception as error:
        # torch.save reports a failed write as a RuntimeError of its zip writer, with the OSError as its context.
        cause = error if isinstance(error, OSError) else error.__context__
        if not isinstance(cause, OSError):
            raise
        if cause.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            sentence = (
                f"The disk is full: {path} was not written and its earlier version is untouched; make room and go on."
            )
        else:
            sentence = f"{path} cannot be written ({cause.strerror or cause}); check the folder and its permissions."
        raise UserError(sentence) from error


def _flush_folder(folder: Path) -> None:
    """Make renames survive a power cut, where the system can."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
