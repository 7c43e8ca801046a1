"""Download one of the published unpaired data sets into `datasets/NAME`.

    python datasets/download.py horse2zebra

A broken download is resumed by the same command. The archive is checked as a whole before it is unpacked, and the
folder appears when it is complete, never half-made. Each data set belongs to its authors: see `datasets/README.md` for
what they are, and for Cityscapes and AFHQ, which you download yourself.
"""

import argparse
import difflib
import re
import sys
from pathlib import Path

from common import DATASETS, PreparationError, appearing_whole, holding, refuse_other_kinds, run  # first: it explains a missing package

# isort: split
import requests
from archives import DamagedArchive, unpack
from fetch import fetch

URL_BASE = "https://efrosgans.eecs.berkeley.edu/cyclegan/datasets"
NAMES = (
    "apple2orange",
    "cezanne2photo",
    "facades",
    "grumpifycat",
    "horse2zebra",
    "iphone2dslr_flower",
    "maps",
    "monet2photo",
    "summer2winter_yosemite",
    "ukiyoe2photo",
    "vangogh2photo",
)
PREPARED_BY = {  # names one might try here
    "bluemarble": "run python datasets/prepare_bluemarble.py",
    "cityscapes": "its licence asks you to download it yourself, then run python datasets/prepare_cityscapes.py",
    "cat2dog": "download AFHQ, then run python datasets/prepare_afhq.py",
    "afhq": "download it from its authors, then run python datasets/prepare_afhq.py",
}


def main() -> None:
    arguments = parse_arguments()
    name, base = arguments.name, arguments.url_base.rstrip("/")
    check_name(name, anything=base != URL_BASE)
    folder = arguments.output or DATASETS / name
    if not arguments.force and folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        print(f"{folder} is already there; --force downloads it again.")
        return
    archive = folder.with_name(f"{name}.zip")
    if arguments.force:
        archive.unlink(missing_ok=True)
    with holding(folder.parent):
        download_and_unpack(f"{base}/{name}.zip", archive, folder)
    print(f"{folder}: " + ", ".join(f"{len(list(side.iterdir()))} {side.name}" for side in sides(folder)))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", metavar="NAME", help="one of: " + ", ".join(NAMES))
    parser.add_argument("--url-base", default=URL_BASE, metavar="URL", help="where NAME.zip lies; default: %(default)s")
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="default: datasets/NAME")
    parser.add_argument("--force", action="store_true", help="replace what is at the output folder")
    return parser.parse_args()


def check_name(name: str, anything: bool) -> None:
    """Refuse a name that is not a published data set; with `anything`, any file name is accepted."""
    if name in PREPARED_BY:
        raise PreparationError(f"{name} is not downloaded by this script: {PREPARED_BY[name]}.")
    if name not in NAMES and not (anything and re.fullmatch(r"\w[\w-]*", name)):
        nearest = difflib.get_close_matches(name, NAMES, n=1)
        hint = f"did you mean {nearest[0]}? " if nearest else ""
        raise PreparationError(f"There is no data set '{name}': {hint}choose one of {', '.join(NAMES)}.")


def download_and_unpack(url: str, archive: Path, folder: Path) -> None:
    """Make `folder` from the archive at `url`; a damaged one that was resumed is downloaded once more."""
    refuse_other_kinds(archive)
    in_pieces = archive.exists() or fetch(url, archive)
    try:
        make_folder(archive, folder)
    except DamagedArchive as error:
        if not in_pieces:
            raise
        print(f"{error} Doing that now.", file=sys.stderr)
        fetch(url, archive)
        make_folder(archive, folder)


def make_folder(archive: Path, folder: Path) -> None:
    """Unpack `archive` as `folder` and delete it; if the disk is full, keep it for the next run."""
    try:
        with appearing_whole(folder) as filled:
            unpack(archive, filled)
            if not sides(filled):
                raise PreparationError(f"{archive.name} held no folders like trainA and trainB; check --url-base.")
    except PreparationError:
        archive.unlink()
        raise
    archive.unlink()


def sides(folder: Path) -> list[Path]:
    """Folders such as trainA, valB.

    Raises:
        PreparationError: when something else has such a name.
    """
    found = sorted(path for path in folder.iterdir() if re.fullmatch(r"(train|val|test)[AB]", path.name))
    for path in found:
        if not path.is_dir():
            raise PreparationError(f"{path.name} is a file and not a folder of pictures; check --url-base.")
    return found


if __name__ == "__main__":
    run(main)
