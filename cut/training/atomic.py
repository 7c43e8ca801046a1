"""Files that are written whole or not at all, singly or as a set that changes at once.

A set is committed with a journal: all files are staged under temporary names and flushed, then one small file lists
them, and that file's appearance is the commit. Whoever opens the folder next finishes the renames that a kill left
undone (`roll_forward`), so a set never mixes two states.

Temporary names are unique. Each is removed by its writer, or by others once it is certain that the writer is gone: for
a set the folder's lock shows that, for a single file the lock on the file.
"""

import errno
import os
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TypeVar

from cut import strict_json
from cut.errors import UserError
from cut.reading import read_json, refuse_other_kinds
from cut.training.locks import try_lock

STAGED = ".staged"  # files of a set, which belong to whoever has the folder's lock
WRITING = ".writing"  # single files; each is locked by its writer
JOURNAL = "commit.json"
_LONGEST_STEM = 100  # bytes of a name that a temporary name repeats; systems take 255

T = TypeVar("T")
Write = Callable[[BinaryIO], object]

_tidied: set[Path] = set()  # folders in which this process has removed what killed writers left


def write_atomically(path: Path, content: bytes | Write, durable: bool = True) -> None:
    """Write one file; at every instant `path` is the old file or the new one. A missing folder is made.

    Several processes may write the same path at once: the last one wins, and nobody reads a mixture.

    Args:
        content: what to write, or a function that writes it to a stream.
        durable: wait until the disk has it, which can take long; without, a power cut may lose or empty the file.

    Raises:
        UserError: when the disk is full or the folder cannot be written; the old file is untouched.
    """
    write: Write = content if callable(content) else lambda stream: stream.write(content)
    make_folder(path.parent)
    if path.parent not in _tidied:
        _remove_abandoned(path.parent)
    with _explained(path), _own_file(path) as stream:
        _fill(stream, write, durable)
        if sys.platform == "win32":
            stream.close()  # there, an open file cannot be renamed
        os.replace(stream.name, path)
        if durable:
            _flush_folder(path.parent)


def make_folder(folder: Path) -> None:
    """
    Raises:
        UserError: when the folder cannot be made.
    """
    with _explained(folder):
        folder.mkdir(parents=True, exist_ok=True)


def write_set(folder: Path, files: Mapping[str, Write]) -> None:
    """Write several files of a folder, by name; either all of them change, or none. Needs the folder's lock.

    Raises:
        UserError: when the disk is full or the folder cannot be written; nothing has changed, or all has.
    """
    roll_forward(folder)  # an earlier commit that an error cut short must not meet newly staged files
    staged: dict[str, str] = {}  # by the name that it will have
    try:
        for name, write in files.items():
            place = _temporary(folder / name, STAGED)
            staged[name] = place.name
            _stage(folder / name, place, write)
        with _explained(folder):
            _flush_folder(folder)  # a power cut must not keep the journal and lose what it lists
        write_atomically(folder / JOURNAL, strict_json.dumps(staged).encode())
    except BaseException:
        if not (folder / JOURNAL).exists():  # where it does, the set is committed, whatever failed after that
            _forget(*(folder / name for name in staged.values()))
        raise
    roll_forward(folder)


def roll_forward(folder: Path) -> None:
    """Finish a commit that was interrupted; remove what was staged but never committed. Needs the folder's lock.

    Raises:
        UserError: when the folder cannot be written, or the journal is damaged.
    """
    with _explained(folder):
        staged = _journal(folder)
        if staged is not None:
            for name, temporary in staged.items():
                if (folder / temporary).exists():
                    os.replace(folder / temporary, folder / name)
            _flush_folder(folder)
            (folder / JOURNAL).unlink()
            _flush_folder(folder)  # or a power cut could bring the journal back beside the next set's staged files
        for leftover in folder.glob(f"*{STAGED}"):
            leftover.unlink()
    _remove_abandoned(folder)


def committed(path: Path) -> Path:
    """Where the committed content of `path` lies now, for readers without the lock: it may not be renamed yet.

    It can be renamed at any time after that: read it with `read_committed`.

    Raises:
        UserError: when the journal is damaged.
    """
    try:
        staged = _journal(path.parent) or {}
    except OSError as error:
        raise UserError(f"{path.parent / JOURNAL} cannot be read ({error.strerror}); check its permissions.") from None
    place = path.with_name(staged.get(path.name, path.name))
    return place if os.path.exists(place) else path


def read_committed(path: Path, read: Callable[[Path], T]) -> T:
    """`read(place)` where the committed content of `path` lies; once more when a commit has just moved it.

    Raises:
        FileNotFoundError: naming `path`, when there is no such file.
        UserError: when the journal is damaged.
    """
    while True:
        place = committed(path)
        try:
            return read(place)
        except FileNotFoundError:
            if place == path and committed(path) == path:
                raise


def _journal(folder: Path) -> dict[str, str] | None:
    """The files of a commit that is not finished: their temporary names by name; None when there is no such commit."""
    journal = folder / JOURNAL
    try:
        content = read_json(journal)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
            return None
        raise
    except ValueError:
        content = None
    if isinstance(content, list):  # earlier versions listed the names, and their temporary names followed from them
        content = {name: f"{name}{STAGED}" for name in content if isinstance(name, str)}
    if not isinstance(content, dict) or not all(
        isinstance(temporary, str) and temporary.endswith(STAGED) and _is_plain(name) and _is_plain(temporary)
        for name, temporary in content.items()
    ):
        raise UserError(
            f"{journal} is damaged, so that the last save cannot be finished: remove it to go on from the save before."
        )
    return content


def _is_plain(name: str) -> bool:
    return bool(name) and "\0" not in name and Path(name).name == name


def _temporary(path: Path, suffix: str) -> Path:
    """A name beside `path` that no other writer uses: latest_net_G.4711-3fa9c1d2.pth.staged."""
    stem = os.fsdecode(os.fsencode(path.stem)[:_LONGEST_STEM])
    return path.with_name(f"{stem}.{os.getpid()}-{secrets.token_hex(4)}{path.suffix[:10]}{suffix}")


def _stage(path: Path, place: Path, write: Write) -> None:
    """Write what `path` is to become into `place`."""
    try:
        with _explained(path), open(place, "xb") as stream:
            _fill(stream, write, durable=True)
    except BaseException:
        _forget(place)
        raise


@contextmanager
def _own_file(path: Path) -> Iterator[BinaryIO]:
    """A new file beside `path`, locked as long as it is open, so that others know that it is not abandoned."""
    while True:
        place = _temporary(path, WRITING)
        stream = open(place, "xb")  # noqa: SIM115 closed below
        try:
            if sys.platform != "win32":
                try_lock(stream, wait=True)
                if not os.fstat(stream.fileno()).st_nlink:
                    stream.close()
                    continue  # somebody took it for abandoned before it was locked
            yield stream
            return
        except BaseException:
            _forget(place)
            raise
        finally:
            stream.close()


def _fill(stream: BinaryIO, write: Write, durable: bool) -> None:
    write(stream)
    stream.flush()
    if durable:
        os.fsync(stream.fileno())


def _forget(*places: Path) -> None:
    """Remove files of one's own, where the system lets us; else the next writer will."""
    for place in places:
        with suppress(OSError):
            place.unlink(missing_ok=True)


def _remove_abandoned(folder: Path) -> None:
    """Remove what killed writers of single files have left in a folder: what nobody has locked."""
    _tidied.add(folder)
    with suppress(OSError):
        for leftover in folder.glob(f"*{WRITING}"):
            with suppress(OSError, UserError):
                refuse_other_kinds(leftover)
                with open(leftover, "r+b") as stream:
                    abandoned = try_lock(stream)
                    if abandoned and sys.platform != "win32":
                        leftover.unlink()
                if abandoned and sys.platform == "win32":  # there, only a file that nobody has open can be removed
                    leftover.unlink()


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
