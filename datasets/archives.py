"""Downloaded zip archives: checked before anything is written; pictures can be read without unpacking."""

import lzma
import re
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from common import PreparationError, check_space
from tqdm import tqdm

from cut.errors import counted

# Pictures are compressed already, so an honest archive of them hardly grows; a bomb grows a thousandfold.
MOST_GROWTH = 10  # unpacked size over archive size
FREE_GROWTH = 10 * 2**20  # bytes that any archive may unpack to, however small it is
MOST_MEMBERS = 1_000_000

READ_ERRORS = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, ValueError)


class DamagedArchive(PreparationError):
    """The archive was damaged in transit; another download may be intact."""


def unpack(path: Path, folder: Path) -> None:
    """Check the zip archive `path` and unpack it into the existing empty `folder`.

    A single top folder (`horse2zebra/...`) is dropped, so that `folder` takes its place.

    Raises:
        DamagedArchive: it is not a zip archive, or a checksum is wrong.
        PreparationError: a member would leave the folder, is a link or a device, is encrypted, or appears twice; or
            there is far more data than pictures could be.
        OSError: no space. Nothing has been written in any of these cases.
    """
    with open_archive(path) as archive:
        members = checked_members(archive)
        check_integrity(archive, members)
        wrapper = common_folder([name for name, _ in members])
        for name, member in tqdm(members, desc="Unpacking", unit="file", leave=False):
            target = folder / name.relative_to(wrapper)
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as source, target.open("xb") as sink:
                shutil.copyfileobj(source, sink)


def open_archive(path: Path) -> zipfile.ZipFile:
    """Open a zip archive, or say in a sentence why that fails."""
    try:
        return zipfile.ZipFile(path)
    except FileNotFoundError:
        raise PreparationError(f"There is no file {path}; check the name.") from None
    except READ_ERRORS as error:
        raise DamagedArchive(f"{path} is not an intact zip archive ({error}); download it again.") from None


def checked_members(archive: zipfile.ZipFile) -> list[tuple[PurePosixPath, zipfile.ZipInfo]]:
    """The files of the archive with their relative paths, after all were found to be safe."""
    members: dict[PurePosixPath, zipfile.ZipInfo] = {}
    seen: set[str] = set()
    for member in archive.infolist():
        path = safe_path(archive, member)
        if member.is_dir() or is_clutter(path):
            continue
        if str(path).casefold() in seen:  # on some file systems one would overwrite the other
            raise PreparationError(f"{archive.filename} holds '{path}' twice; get it from its origin.")
        seen.add(str(path).casefold())
        members[path] = member
    check_sizes(archive, list(members.values()))
    return list(members.items())


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
    elif stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        problem = "is a link or a device"
    elif member.flag_bits & 0x1:
        problem = "is encrypted"
    if problem:
        raise PreparationError(
            f"{archive.filename} was not unpacked because its member {name!r} {problem}; get it from its origin."
        )
    return PurePosixPath(name)


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
        try:
            with archive.open(member) as source:
                while source.read(2**20):
                    pass
        except READ_ERRORS as error:
            raise DamagedArchive(f"{archive.filename} is damaged at '{name}' ({error}); download it again.") from None


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
        read = {name: (lambda name=name: archive.read(name)) for name in sorted(archive.namelist())}
    matches = [(expression.match(name), reader) for name, reader in read.items()]
    return [(match, reader) for match, reader in matches if match and not is_clutter(PurePosixPath(match[0]))]
