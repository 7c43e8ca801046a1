"""Which files a data set consists of, and whether they can be read; checked before the first step."""

import math
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cut.data.formats.kinds import ARRAY_SUFFIXES
from cut.data.images import EXTENSIONS, check_image
from cut.data.lists import LIST_SUFFIXES, common_folder, has_splits, is_glob, is_list, listed
from cut.data.resampling import Size
from cut.errors import UserError, counted

__all__ = ["EXTENSIONS", "check_images", "find_images", "images_at", "images_in", "left_out", "phase_folders"]

READ = (*EXTENSIONS, *ARRAY_SUFFIXES)
"""Suffixes of images that are trained on and translated, in lower case; those that are compared are pictures."""
_CLUTTER = ("thumbs.db", "desktop.ini")  # of file managers, which nobody takes for an image
_FEW = 5  # suffixes in a message


def find_images(folder: Path | str, limit: float = math.inf, suffixes: tuple[str, ...] = READ) -> list[Path]:
    """The images below a folder by their suffix in any case, sorted by relative name; at most the first `limit`.

    Hidden files and folders are left out; links to folders are followed.
    """
    folder = Path(folder)
    found = [path for path in _files_below(folder) if path.name.lower().endswith(suffixes)]
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
        if not path.name.lower().endswith((*READ, *_CLUTTER)):
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
    dataroot: Path | str,
    phase: str,
    needed: str,
    fallbacks: tuple[str, ...] = ("val",),
    given: Mapping[str, str | None] | None = None,
) -> dict[str, Path]:
    """The folders {phase}A and {phase}B of the two domains, or lists; phase test may fall back to others.

    Args:
        dataroot: the folder that holds them.
        phase: what their names begin with.
        needed: the domains that must be there, "AB", "A" or "B".
        fallbacks: phases to use, in this order, when there is no folder for phase test.
        given: places of domains that are named by `--dataroot_A` and `--dataroot_B`.

    Raises:
        UserError: when a needed folder is missing, with the folders that are there.
    """
    dataroot = Path(dataroot)
    named = {letter: Path(place) for letter, place in (given or {}).items() if place is not None}
    for letter, place in named.items():
        if not (place.is_dir() or is_list(place) or is_glob(place)):
            raise UserError(f"There is no folder, .txt or .csv list {place}: check --dataroot_{letter}.")
    if set(needed) <= set(named):
        return {letter: named.get(letter, dataroot / f"{phase}{letter}") for letter in "AB"}
    if not dataroot.is_dir():
        raise UserError(f"There is no folder {dataroot}; give the folder of your data set as --dataroot.")
    phases = (phase, *fallbacks) if phase == "test" else (phase,)
    for candidate in phases:
        folders = {domain: named.get(domain) or folder_or_list(dataroot, candidate, domain) for domain in "AB"}
        if all(folders[domain].exists() or domain in named for domain in needed):
            return folders
    missing = " and ".join(
        f"{phase}{domain}" for domain in needed if not folder_or_list(dataroot, phase, domain).exists()
    )
    there = ", ".join(sorted(entry.name for entry in dataroot.iterdir() if entry.is_dir())[:10]) or "no folders"
    raise UserError(
        f"{dataroot} has no folder {missing} (it has {there}); make it, or choose another --phase or --dataroot."
    )


def folder_or_list(dataroot: Path, split: str, letter: str) -> Path:
    """{split}A or {split}B: the folder, else the list `.csv` or `.txt` of that name; the folder where neither is."""
    folder = dataroot / f"{split}{letter}"
    lists = (dataroot / f"{split}{letter}{suffix}" for suffix in LIST_SUFFIXES)
    return folder if folder.is_dir() else next(filter(is_list, lists), folder)


def images_at(place: Path, limit: float = math.inf, split: str | None = None) -> tuple[Path, list[Path]]:
    """The images at a place, which is a folder, a list or a glob, and the folder that their names are relative to.

    Args:
        limit: take the first so many.
        split: of a list with a column of splits, the one that counts.

    Raises:
        UserError: when a list names files that are missing.
    """
    files = listed(place, split)
    if files is None:
        return place, find_images(place, limit)
    return common_folder(files), files if len(files) <= limit else files[: int(limit)]


def some_images_at(place: Path, limit: float = math.inf, split: str | None = None) -> tuple[Path, list[Path]]:
    """`images_at`, at least one; of a list without rows of test those of val.

    Raises:
        UserError: when there is none, or a list names files that are missing.
    """
    for name in (split, "val") if split == "test" and has_splits(place) else (split,):
        folder, files = images_at(place, limit, name)
        if files:
            return folder, files
    if is_glob(place):
        raise UserError(f"No file matches {place}: check the pattern, and put it in quotes.")
    if is_list(place):
        raise UserError(f"The list {place} names no images{f' of {split}' if has_splits(place) else ''}: add some.")
    return place, images_in(place, limit)


def split_place(given: str | None, dataroot: Path, split: str, letter: str, phase: str) -> Path | None:
    """Where the images of a split are; None when a side that was named has no such split.

    Args:
        given: `--dataroot_A` or `--dataroot_B`.
        phase: the one whose images `given` holds, where it says nothing of splits.
    """
    if given is None:
        return folder_or_list(dataroot, split, letter)
    if has_splits(given) or split == phase:
        return Path(given)
    beside = folder_or_list(dataroot, split, letter)
    return beside if beside.exists() else None


def images_in(folder: Path, limit: float = math.inf, suffixes: tuple[str, ...] = READ) -> list[Path]:
    """The images that `find_images` finds, at least one.

    Raises:
        UserError: when the folder is missing or has no images.
    """
    if not folder.is_dir():
        raise UserError(f"There is no folder {folder}.")
    found = find_images(folder, limit, suffixes)
    if not found:
        others = _left_out(folder)
        instead = f" ({others})" if others else ""
        raise UserError(f"{folder} holds no images{instead}; put some there ({', '.join(EXTENSIONS)}).")
    return found


def check_images(
    paths: Iterable[Path],
    *,
    decode: bool = False,
    problem: Callable[[Size], str | None] = lambda size: None,
    check_one: Callable[[Path, bool], Size] = check_image,
) -> list[Size]:
    """Read the header of every image.

    Args:
        paths: the files.
        decode: decode them too (`--verify_images`).
        problem: what is wrong with a width and height in pixels, as a phrase to follow the file's name; None when
            the size is usable.
        check_one: gives the size of one file, as `check_image` does.

    Returns:
        the size of every image, in the order of `paths`.

    Raises:
        UserError: one sentence for every file that cannot be used.
    """

    def check(path: Path) -> Size | str:
        try:
            size = check_one(path, decode)
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
