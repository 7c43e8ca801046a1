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


def listed(place: Path | str, split: str | None = None) -> list[Path] | None:
    """The files of a list or a glob, in the order of the list; None when the place is a folder.

    A line of a `.txt` names a file, relative to the list; `#` begins a comment. A `.csv` names it in its column path
    (or file, filename, image, else the first). With a column split, only the rows of `split` count.

    Raises:
        UserError: when a file of the list is missing, or there is nothing at the place.
    """
    if is_glob(place):
        return sorted(Path(name) for name in glob.glob(str(place), recursive=True) if os.path.isfile(name))
    if not is_list(place):
        return None
    place = Path(place)
    try:
        text = place.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"The list {place} cannot be read ({error}): save it as text in UTF-8.") from None
    names = _rows(place, text, split) if place.suffix.lower() == ".csv" else _lines(text)
    files = [place.parent / name for name in names]
    if missing := [file for file in files if not file.is_file()]:
        raise UserError(f"{len(missing)} of {len(files)} files of {place} are missing: {some(missing, _NAMED)}.")
    if len(set(files)) < len(files):
        raise UserError(f"{place} names {len(files) - len(set(files))} files twice: name each once.")
    return files


def has_splits(place: Path | str) -> bool:
    """Whether a CSV list says which split each file is in."""
    if not is_list(place) or Path(place).suffix.lower() != ".csv":
        return False
    with open(place, encoding="utf-8-sig", newline="") as file:
        return "split" in [name.strip().lower() for name in next(csv.reader(file), [])]


def common_folder(files: Sequence[Path]) -> Path:
    """The folder below which all of these files are."""
    return Path(os.path.commonpath([str(file.parent) for file in files])) if files else Path()


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def _rows(place: Path, text: str, split: str | None) -> list[str]:
    rows = list(csv.DictReader(text.splitlines(), skipinitialspace=True))
    if not rows:
        raise UserError(f"The list {place} has no rows below its heading: give a column path.")
    names = {name.strip().lower(): name for name in rows[0] if name is not None}
    column = next((names[name] for name in _PATH_COLUMNS if name in names), next(iter(names.values())))
    chosen = names.get("split")
    return [row[column].strip() for row in rows if chosen is None or split is None or row[chosen].strip() == split]
