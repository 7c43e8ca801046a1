"""Make cat2dog of the papers from AFHQ: cats (A) and dogs (B).

    python datasets/prepare_afhq.py afhq.zip

AFHQ comes from its authors (https://github.com/clovaai/stargan-v2, licence CC BY-NC 4.0); give the archive, which is
read without unpacking, or the unpacked folder. `datasets/cat2dog/{trainA,trainB,testA,testB}` gets the pictures byte for
byte, about 5,000 for training and 500 for testing a side. Other pairs: `--source wild --target cat`.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

from archives import READ_ERRORS, find_files
from common import ABOUT, DATASETS, PreparationError, appearing_whole, is_prepared, run
from tqdm import tqdm

ANIMALS = ("cat", "dog", "wild")
PICTURE = r"(?P<phase>train|val|test)/(?P<animal>cat|dog|wild)/(?P<file>[^/]+\.(?:jpg|jpeg|png))"
ABOUT_TEXT = """\
AFHQ: {source} (A) and {target} (B); made by datasets/prepare_afhq.py.
From https://github.com/clovaai/stargan-v2, licence CC BY-NC 4.0.
"""
PHASES = {"train": "train", "val": "test", "test": "test"}  # AFHQ names its second half val, AFHQv2 test


def main() -> None:
    arguments = parse_arguments()
    folder = arguments.output or DATASETS / f"{arguments.source}2{arguments.target}"
    about = ABOUT_TEXT.format(**vars(arguments))
    if is_prepared(folder, about, arguments.force):
        return
    pictures = find_pictures(arguments)
    with appearing_whole(folder) as filled:
        for name, files in pictures.items():
            (filled / name).mkdir()
            for file, read in tqdm(files.items(), desc=name, unit="picture", leave=False):
                (filled / name / file).write_bytes(read_whole(read, file))
        (filled / ABOUT).write_text(about, encoding="utf-8")
    print(f"{folder}: " + ", ".join(f"{len(files)} {name}" for name, files in pictures.items()))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("afhq", type=Path, metavar="AFHQ", help="afhq.zip, or the folder it was unpacked to")
    parser.add_argument("--source", choices=ANIMALS, default="cat", help="domain A; default: %(default)s")
    parser.add_argument("--target", choices=ANIMALS, default="dog", help="domain B; default: %(default)s")
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="default: datasets/SOURCE2TARGET")
    parser.add_argument("--force", action="store_true", help="replace what is at the output folder")
    arguments = parser.parse_args()
    if arguments.source == arguments.target:
        parser.error("--source and --target are the same animal; give two")
    return arguments


def find_pictures(arguments: argparse.Namespace) -> dict[str, dict[str, Callable[[], bytes]]]:
    """For trainA, trainB, testA, testB: what reads each picture, by file name."""
    sides = {arguments.source: "A", arguments.target: "B"}
    pictures: dict[str, dict[str, Callable[[], bytes]]] = {name: {} for name in ("trainA", "trainB", "testA", "testB")}
    for match, read in find_files(arguments.afhq, PICTURE):
        if match["animal"] in sides:
            pictures[PHASES[match["phase"]] + sides[match["animal"]]][match["file"]] = read
    missing = [name for name, files in pictures.items() if not files]
    if missing:
        raise PreparationError(
            f"{arguments.afhq} holds no pictures for {', '.join(missing)} "
            f"(looked for train/{arguments.source}/NAME.jpg and the like); give AFHQ's archive or its unpacked folder."
        )
    return pictures


def read_whole(read: Callable[[], bytes], file: str) -> bytes:
    """The picture's bytes, checked against the archive's checksum."""
    try:
        return read()
    except READ_ERRORS as error:
        raise PreparationError(f"{file} is damaged in the archive ({error}); download AFHQ again.") from None


if __name__ == "__main__":
    run(main)
