"""Where the images of a side are: a folder, a text or CSV list, or a glob."""

import csv
import glob
import os
from collections.abc import Sequence
from pathlib import Path

from cut.errors import UserError, some

LIST_SUFFIXES = (".csv", ".txt")
_NAMED = 5  # files in a message
_PATH_COLUMNS = ("path", "file", "filename", "image")  # in this order; else the first column


def is_list(place: Path | str) -> bool:
    return Path(place).suffix.lower() in LIST_SUFFIXES and Path(place).is_file()


def is_glob(place: Path | str) -> bool:
    return any(mark in str(place) for mark in "*?[") and not Path(place).exists()


def is_list_or_glob(place: Path | str | None) -> bool:
    return place is not None and (is_list(place) or is_glob(place))


def listed(place: Path | str, split: str | None = None) -> list[Path] | None:
    """The files of a list or a glob, in the order of the list; None when the place is a folder.

    A line of a `.txt` names a file, relative to the list; `#` begins a comment. A `.csv` names it in its column path
    (or file, filename, image, else the first). With a column split, only the rows of `split` count.

    Raises:
        UserError: when the list cannot be read, or a file of it is missing or named twice.
    """
    if is_glob(place):
        return sorted(Path(name) for name in glob.glob(str(place), recursive=True) if os.path.isfile(name))
    if not is_list(place):
        return None
    place = Path(place)
    if place.suffix.lower() == ".csv":
        rows, column = table(place)
        names = [row[column] for row in rows if split is None or row.get("split", split) == split]
    else:
        names = [
            line.strip() for line in _text(place).splitlines() if line.strip() and not line.lstrip().startswith("#")
        ]
    files = [place.parent / name for name in names]
    if len({file.is_absolute() for file in files}) == 2:
        files = [file.absolute() for file in files]
    if missing := [file for file in files if not file.is_file()]:
        raise UserError(f"{len(missing)} of {len(files)} files of {place} are missing: {some(missing, _NAMED)}.")
    if len(set(files)) < len(files):
        raise UserError(f"{place} names {len(files) - len(set(files))} files twice: name each once.")
    return files


def table(place: Path) -> tuple[list[dict[str, str]], str]:
    """The rows of a CSV list, columns in lower case, and the column that names the files.

    Raises:
        UserError: when it cannot be read, has no rows, a row names no file, or one group is in two splits.
    """
    reader = csv.DictReader(_text(place).splitlines(), skipinitialspace=True)
    rows = [{str(name).strip().lower(): (value or "").strip() for name, value in row.items() if name} for row in reader]
    if not rows:
        raise UserError(f"The list {place} has no rows below its heading: give a column path.")
    column = next((name for name in _PATH_COLUMNS if name in rows[0]), next(iter(rows[0])))
    if empty := [number for number, row in enumerate(rows, 2) if not row[column]]:
        raise UserError(f"{place} names no file in line {some(empty, _NAMED)}: fill the column {column}.")
    refuse_shared_groups([place], [rows])
    return rows, column


def refuse_shared_groups(places: Sequence[Path], tables: Sequence[list[dict[str, str]]]) -> None:
    """
    Raises:
        UserError: when a group, such as a patient, is in two splits of these lists.
    """
    splits: dict[str, set[str]] = {}
    for row in (row for rows in tables for row in rows):
        if row.get("group") and row.get("split"):
            splits.setdefault(row["group"], set()).add(row["split"])
    if shared := [f"{group} ({', '.join(sorted(found))})" for group, found in splits.items() if len(found) > 1]:
        raise UserError(
            f"{some(shared, _NAMED)}: each of these groups of {some(places, 2)} is in two splits, so that measures "
            "would be of images that are like those of training: python datasets/split.py splits by group."
        )


def check_groups(places: Sequence[Path | str | None]) -> None:
    """`refuse_shared_groups` of those places that are CSV lists, together."""
    lists = [Path(place) for place in places if place is not None and has_splits(place)]
    refuse_shared_groups(lists, [table(place)[0] for place in lists])


def has_splits(place: Path | str) -> bool:
    """Whether a CSV list says which split each file is in."""
    if not is_list(place) or Path(place).suffix.lower() != ".csv":
        return False
    return "split" in [name.strip().lower() for name in next(csv.reader(_text(Path(place)).splitlines()), [])]


def common_folder(files: Sequence[Path]) -> Path:
    """The folder below which all of these files are.

    Raises:
        UserError: when there is none.
    """
    try:
        return Path(os.path.commonpath([file.parent for file in files])) if files else Path()
    except ValueError:  # of Windows
        raise UserError(f"{some(files, 2)} are on several drives: put the files of a side on one.") from None


def _text(place: Path) -> str:
    try:
        return place.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"The list {place} cannot be read ({error}): save it as text in UTF-8.") from None
