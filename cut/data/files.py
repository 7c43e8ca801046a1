"""Which files a data set consists of, and whether they can be read; checked before the first step."""

import math
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cut.data.images import EXTENSIONS, check_image
from cut.data.resampling import Size
from cut.errors import UserError, counted

__all__ = ["EXTENSIONS", "check_images", "find_images", "images_in", "left_out", "phase_folders"]

_CLUTTER = ("thumbs.db", "desktop.ini")  # of file managers, which nobody takes for an image
_FEW = 5  # suffixes in a message


def find_images(folder: Path | str, limit: float = math.inf) -> list[Path]:
    """The images below a folder by their suffix in any case, sorted by relative name; at most the first `limit`.

    Hidden files and folders are left out; links to folders are followed.
    """
    folder = Path(folder)
    found = [path for path in _files_below(folder) if path.name.lower().endswith(EXTENSIONS)]
    found.sort(key=lambda path: path.relative_to(folder).as_posix())
    return found if len(found) <= limit else found[: int(limit)]


def left_out(folder: Path | str, without: Path | None = None) -> str | None:
    """A sentence on the files below a folder that are no images by their suffix; None where there are none.

    Args:
        folder: searched as by `find_images`.
        without: a folder in it that does not count.
    """
    others = _left_out(Path(folder), without)
    usual = ", ".join(EXTENSIONS[:_FEW])
    return f"Left out of {folder}: {others}; images end in {usual} or another suffix of images." if others else None


def _left_out(folder: Path, without: Path | None = None) -> str:
    """ "3 files end in .heic, 1 file ends in .txt": what `find_images` leaves out; "" when it is nothing."""
    others: Counter[str] = Counter()
    for path in _files_below(folder, without):
        if not path.name.lower().endswith((*EXTENSIONS, *_CLUTTER)):
            others[path.suffix.lower()] += 1
    parts = [
        f"{counted(count, 'file')} "
        + (f"{'end' if count > 1 else 'ends'} in {suffix}" if suffix else f"{'have' if count > 1 else 'has'} no suffix")
        for suffix, count in others.most_common(_FEW)
    ]
    rest = others.total() - sum(count for _, count in others.most_common(_FEW))
    return ", ".join([*parts, *([f"{rest} in others"] if rest else [])])


def _files_below(folder: Path, without: Path | None = None) -> Iterator[Path]:
    """The files below a folder that are not hidden."""
    entered = set() if without is None else {os.path.realpath(without)}
    for where, folders, names in os.walk(folder, followlinks=True):
        entered.add(os.path.realpath(where))
        # Not into a folder twice: links can form a circle.
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and os.path.realpath(os.path.join(where, name)) not in entered
        )
        yield from (Path(where, name) for name in names if not name.startswith("."))


def phase_folders(
    dataroot: Path | str, phase: str, needed: str, fallbacks: tuple[str, ...] = ("val",)
) -> dict[str, Path]:
    """The folders {phase}A and {phase}B of the two domains; phase test may fall back to other phases.

    Args:
        dataroot: the folder that holds them.
        phase: what their names begin with.
        needed: the domains that must be there, "AB", "A" or "B".
        fallbacks: phases to use, in this order, when there is no folder for phase test.

    Raises:
        UserError: when a needed folder is missing, with the folders that are there.
    """
    dataroot = Path(dataroot)
    if not dataroot.is_dir():
        raise UserError(f"There is no folder {dataroot}; give the folder of your data set as --dataroot.")
    phases = (phase, *fallbacks) if phase == "test" else (phase,)
    for candidate in phases:
        folders = {domain: dataroot / f"{candidate}{domain}" for domain in "AB"}
        if all(folders[domain].is_dir() for domain in needed):
            return folders
    missing = " and ".join(f"{phase}{domain}" for domain in needed if not (dataroot / f"{phase}{domain}").is_dir())
    there = ", ".join(sorted(entry.name for entry in dataroot.iterdir() if entry.is_dir())[:10]) or "no folders"
    raise UserError(
        f"{dataroot} has no folder {missing} (it has {there}); make it, or choose another --phase or --dataroot."
    )


def images_in(folder: Path, limit: float = math.inf) -> list[Path]:
    """The images that `find_images` finds, at least one.

    Raises:
        UserError: when the folder is missing or has no images.
    """
    if not folder.is_dir():
        raise UserError(f"There is no folder {folder}.")
    found = find_images(folder, limit)
    if not found:
        others = _left_out(folder)
        instead = f" ({others})" if others else ""
        raise UserError(f"{folder} holds no images{instead}; put some there ({', '.join(EXTENSIONS)}).")
    return found


def check_images(
    paths: Iterable[Path], *, decode: bool = False, problem: Callable[[Size], str | None] = lambda size: None
) -> list[Size]:
    """Read the header of every image.

    Args:
        paths: the files.
        decode: decode them too (`--verify_images`).
        problem: what is wrong with a width and height in pixels, as a phrase to follow the file's name; None when
            the size is usable.

    Returns:
        the size of every image, in the order of `paths`.

    Raises:
        UserError: one sentence for every file that cannot be used.
    """

    def check(path: Path) -> Size | str:
        try:
            size = check_image(path, decode)
        except UserError as error:
            return str(error)
        complaint = problem(size)
        return f"{path} {complaint}" if complaint else size

    with ThreadPoolExecutor(min(16, 4 * (os.cpu_count() or 1))) as pool:  # mostly waiting for the disk
        results = list(pool.map(check, paths))
    problems = [result for result in results if isinstance(result, str)]
    if problems:
        raise UserError(*problems)
    return [result for result in results if not isinstance(result, str)]
