"""Downloaded zip archives: checked before anything is written; pictures can be read without unpacking."""

import errno
import lzma
import re
import shutil
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from common import PreparationError, check_space, refuse_other_kinds, shortened
from tqdm import tqdm

from cut.errors import counted

# Pictures are compressed already, so an honest archive of them hardly grows; a bomb grows a thousandfold.
MOST_GROWTH = 10  # unpacked size over archive size
FREE_GROWTH = 10 * 2**20  # bytes that any archive may unpack to, however small it is
MOST_MEMBERS = 1_000_000
LONGEST_NAME, LONGEST_PATH = 255, 1000  # bytes that file systems take, in the second case with room for the folder

UNWRITABLE = {errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ, errno.EEXIST, errno.ENOTDIR, errno.EISDIR}  # by its name
READ_ERRORS = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, RuntimeError, ValueError)


class DamagedArchive(PreparationError):
    """The archive was damaged in transit; another download may be intact."""


def unpack(path: Path, folder: Path) -> None:
    """Check the zip archive `path` and unpack it into the existing empty `folder`.

    A single top folder (`horse2zebra/...`) is dropped, so that `folder` takes its place.

    Raises:
        DamagedArchive: it is not a zip archive, or a checksum is wrong.
        PreparationError: a member would leave the folder, is a link or a device, is encrypted, has a name that no
            file can have here, or is in conflict with another; or there is far more data than pictures could be.
        OSError: no space. Nothing has been written in any of these cases.
    """
    with open_archive(path) as archive:
        members = checked_members(archive)
        check_integrity(archive, members)
        wrapper = common_folder([name for name, _ in members])
        for name, member in tqdm(members, desc="Unpacking", unit="file", leave=False):
            target = folder / name.relative_to(wrapper)
            with archive.open(member) as source, created(target, name) as sink:
                shutil.copyfileobj(source, sink)


def created(target: Path, name: PurePosixPath) -> BinaryIO:
    """A new file, in new folders if needed; PreparationError where this file system has no such names."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        return target.open("xb")
    except (OSError, UnicodeEncodeError) as error:
        if isinstance(error, OSError) and error.errno not in UNWRITABLE:
            raise
        reason = getattr(error, "strerror", None) or error
        raise PreparationError(
            f"The archive's member '{shortened(str(name))}' cannot be written here ({reason}); use another disk."
        ) from error


def open_archive(path: Path) -> zipfile.ZipFile:
    """Open a zip archive, or say in a sentence why that fails."""
    refuse_other_kinds(path)
    try:
        with intact(path, "is not an intact zip archive"):
            return zipfile.ZipFile(path)
    except FileNotFoundError:
        raise PreparationError(f"There is no file {path}; check the name.") from None


@contextmanager
def intact(path: Path | str, otherwise: str) -> Iterator[None]:
    """Raises `DamagedArchive` for everything that damage makes of the reading of a zip archive."""
    try:
        yield
    except READ_ERRORS as error:
        reason: Exception = error
    except OSError as error:
        if error.errno != errno.EINVAL:  # a place before the beginning of the file
            raise
        reason = error
    else:
        return
    raise DamagedArchive(f"{path} {otherwise} ({shortened(str(reason))}); download it again.") from None


def checked_members(archive: zipfile.ZipFile) -> list[tuple[PurePosixPath, zipfile.ZipInfo]]:
    """The files of the archive with their relative paths, after all were found to be safe."""
    members: dict[PurePosixPath, zipfile.ZipInfo] = {}
    files: set[str] = set()
    folders: dict[str, PurePosixPath] = {}  # as first spelled
    for member in archive.infolist():
        path, is_folder = safe_path(archive, member), is_directory(member)
        if is_clutter(path):
            continue
        for folder in [path, *path.parents] if is_folder else path.parents:
            if folders.setdefault(same(folder), folder) != folder:
                raise conflict(archive, folder, "in two spellings")
        if not is_folder:
            if same(path) in files:  # on some file systems one would overwrite the other
                raise conflict(archive, path, "twice")
            files.add(same(path))
            members[path] = member
    for both in files & folders.keys():
        raise conflict(archive, folders[both], "as a file and as a folder")
    check_sizes(archive, list(members.values()))
    return list(members.items())


def same(path: PurePosixPath) -> str:
    """Equal for paths that some file systems take for the same."""
    return unicodedata.normalize("NFC", str(path)).casefold()


def conflict(archive: zipfile.ZipFile, path: PurePosixPath, how: str) -> PreparationError:
    return PreparationError(f"{archive.filename} holds '{shortened(str(path))}' {how}; get it from its origin.")


def is_directory(member: zipfile.ZipInfo) -> bool:
    return member.is_dir() or stat.S_ISDIR(member.external_attr >> 16)


def is_clutter(path: PurePosixPath) -> bool:
    """Whether it is one of the hidden files that file managers add."""
    return "__MACOSX" in path.parts or path.name.startswith(".")


def safe_path(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> PurePosixPath:
    """The member's path, relative and inside the folder it is unpacked to."""
    name, mode = member.orig_filename, member.external_attr >> 16
    problem = None
    if not name or name.startswith("/") or re.match("[A-Za-z]:", name) or "\\" in name or "\0" in name:
        problem = "has an absolute or unportable path"  # colons further on do occur, in times of day
    elif ".." in PurePosixPath(name).parts:
        problem = "would leave the folder"
    elif not PurePosixPath(name).parts or any(unicodedata.category(letter) in ("Cc", "Cs") for letter in name):
        problem = "has no name that a file should have"
    elif is_too_long(name):
        problem = "has a path that is too long"
    elif stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        problem = "is a link or a device"
    elif member.flag_bits & 0x1:
        problem = "is encrypted"
    if problem:
        raise PreparationError(
            f"{archive.filename} was not unpacked because its member {shortened(name)!r} {problem}; get it from its origin."
        )
    return PurePosixPath(name)


def is_too_long(name: str) -> bool:
    encoded = name.encode("utf-8", "surrogatepass")
    return len(encoded) > LONGEST_PATH or max(map(len, encoded.split(b"/"))) > LONGEST_NAME


def check_sizes(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> None:
    """Refuse an archive that would fill the disk. zipfile never reads more of a member than the size declared here."""
    unpacked, packed = sum(member.file_size for member in members), Path(archive.filename).stat().st_size
    if unpacked > MOST_GROWTH * packed + FREE_GROWTH or len(members) > MOST_MEMBERS:
        raise PreparationError(
            f"{archive.filename} was not unpacked because {counted(len(members), 'file')} in it would take "
            f"{unpacked / 1e6:,.0f} MB, far more than pictures in an archive of this size; get it from its origin."
        )
    check_space(Path(archive.filename).parent, unpacked)


def check_integrity(archive: zipfile.ZipFile, members: list[tuple[PurePosixPath, zipfile.ZipInfo]]) -> None:
    """Read every member once against its checksum, so that a damaged archive is found before anything is written."""
    for name, member in tqdm(members, desc="Checking", unit="file", leave=False):
        with intact(str(archive.filename), f"is damaged at '{shortened(str(name))}'"), archive.open(member) as source:
            while source.read(2**20):
                pass


def read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    with intact(str(archive.filename), f"is damaged at '{shortened(name)}'"):
        return archive.read(name)


def common_folder(paths: list[PurePosixPath]) -> PurePosixPath:
    """The one top folder that holds all `paths`, else the empty path."""
    tops = {path.parts[0] for path in paths}
    inside = all(len(path.parts) > 1 for path in paths)
    return PurePosixPath(tops.pop()) if len(tops) == 1 and inside else PurePosixPath()


def find_files(source: Path, pattern: str) -> list[tuple[re.Match[str], Callable[[], bytes]]]:
    """Files of a folder or a zip archive whose relative path ends in a match of `pattern`, sorted by path.

    Args:
        source: a folder or a zip archive, which is read without unpacking it.
        pattern: a regular expression for the last parts of the path, with `/` between them.

    Returns:
        for each file its match and a function that reads it (thread-safe).
    """
    if not source.exists():
        raise PreparationError(f"There is no {source}; check the name.")
    expression = re.compile(rf"(?:^|.*/)(?:{pattern})$")
    if source.is_dir():
        above = source.resolve().parent  # the folder's own name may be a part of the pattern
        names = sorted(path.relative_to(above).as_posix() for path in source.resolve().rglob("*") if path.is_file())
        read = {name: (above / name).read_bytes for name in names}
    else:
        archive = open_archive(source)  # stays open as long as the functions returned live
        read = {name: partial(read_member, archive, name) for name in sorted(archive.namelist())}
    matches = [(expression.match(name), reader) for name, reader in read.items()]
    return [(match, reader) for match, reader in matches if match and not is_clutter(PurePosixPath(match[0]))]
