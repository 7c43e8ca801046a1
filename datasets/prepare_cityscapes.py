"""Make the Cityscapes data set of the papers: street photographs (A) and their label maps (B), 256 x 256, JPEG.

    python datasets/prepare_cityscapes.py --gtFine gtFine_trainvaltest.zip --leftImg8bit leftImg8bit_trainvaltest.zip

Log in at https://www.cityscapes-dataset.com, accept the licence and download the two archives (241 MB and 11 GB).
They are read without unpacking; unpacked folders work too. `datasets/cityscapes/{trainA,trainB,valA,valB}`
gets 2,975 and 500 pictures a side, with equal names; for labels to photographs, as in the papers, train with `--direction BtoA`.

Both sides are saved as JPEG, labels too: the published results used such pictures, and JPEG artefacts affect a
network. Photographs are shrunk with a bicubic filter, labels by the nearest pixel, so that no colour is invented.
"""

import argparse
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from archives import READ_ERRORS, find_files
from common import ABOUT, DATASETS, PreparationError, appearing_whole, is_prepared, run
from PIL import Image
from tqdm import tqdm

SIZE = (256, 256)  # pixels
JPEG = {"format": "JPEG", "quality": 100, "subsampling": 0}
PUBLISHED = {"train": 2975, "val": 500}  # pictures a side
FRAME = r"(?P<phase>train|val)/(?P<city>[\w-]+)/(?P<frame>[\w-]+)"
PHOTO, LABEL = FRAME + r"_leftImg8bit\.png", FRAME + r"_gtFine_color\.png"
SIDES = {"A": Image.Resampling.BICUBIC, "B": Image.Resampling.NEAREST}
ABOUT_TEXT = """\
Cityscapes: photographs (A) and label maps (B), 256 x 256, JPEG; made by datasets/prepare_cityscapes.py.
Its licence, at https://www.cityscapes-dataset.com/license, does not allow passing these files on.
"""


def main() -> None:
    arguments = parse_arguments()
    if is_prepared(arguments.output, ABOUT_TEXT, arguments.force):
        return
    photos, labels = find_frames(arguments.leftImg8bit, PHOTO), find_frames(arguments.gtFine, LABEL)
    check_pairs(photos, labels, arguments)
    with appearing_whole(arguments.output) as folder:
        for phase in PUBLISHED:
            for side in SIDES:
                (folder / f"{phase}{side}").mkdir()
        found = {"A": photos, "B": labels}
        jobs = [(folder, side, key, read) for side in found for key, read in found[side].items()]
        with ThreadPoolExecutor() as pool:  # decoding and shrinking run outside of Python's lock
            list(tqdm(pool.map(lambda job: shrink(*job), jobs), total=len(jobs), unit="picture"))
        (folder / ABOUT).write_text(ABOUT_TEXT, encoding="utf-8")
    report(arguments.output, photos)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, archive in (("gtFine", "gtFine_trainvaltest.zip"), ("leftImg8bit", "leftImg8bit_trainvaltest.zip")):
        help_text = f"{archive}, or the folder it was unpacked to"
        parser.add_argument(f"--{name}", f"--{name}_dir", type=Path, required=True, metavar="PATH", help=help_text)
    output = {"type": Path, "metavar": "FOLDER", "default": DATASETS / "cityscapes"}
    parser.add_argument("--output", "--output_dir", **output, help="default: datasets/cityscapes")
    parser.add_argument("--force", action="store_true", help="replace what is at the output folder")
    return parser.parse_args()


def find_frames(source: Path, pattern: str) -> dict[tuple[str, str], Callable[[], bytes]]:
    """What reads each picture, by (phase, frame name)."""
    return {(match["phase"], match["frame"]): read for match, read in find_files(source, pattern)}


def check_pairs(photos: dict, labels: dict, arguments: argparse.Namespace) -> None:
    """Refuse sources that hold nothing, or photographs without labels and the reverse."""
    for found, source, example in (
        (photos, arguments.leftImg8bit, "train/aachen/aachen_000000_000019_leftImg8bit.png"),
        (labels, arguments.gtFine, "train/aachen/aachen_000000_000019_gtFine_color.png"),
    ):
        if not found:
            raise PreparationError(f"{source} holds no {example} or the like; give the archive or its unpacked folder.")
    single = sorted(photos.keys() ^ labels.keys())
    if single:
        raise PreparationError(
            f"{len(single)} of the pictures {'has' if len(single) == 1 else 'have'} no partner on the other side, the first is {'/'.join(single[0])}; "
            "use both archives complete and of the same release."
        )


def shrink(folder: Path, side: str, key: tuple[str, str], read: Callable[[], bytes]) -> None:
    """Write one picture of `side` at 256 x 256."""
    phase, frame = key
    try:
        image = Image.open(io.BytesIO(read())).convert("RGB")
    except (*READ_ERRORS, SyntaxError, OSError) as error:
        raise PreparationError(f"Picture {phase}/{frame} of side {side} is damaged ({error}); get it again.") from None
    image.resize(SIZE, SIDES[side]).save(folder / f"{phase}{side}" / f"{frame}.jpg", **JPEG)


def report(folder: Path, photos: dict) -> None:
    """Print the counts, and say where they differ from those of the papers."""
    counts = {phase: sum(key[0] == phase for key in photos) for phase in PUBLISHED}
    print(f"{folder}: " + ", ".join(f"{count} {phase}" for phase, count in counts.items()) + " pictures a side")
    if counts != PUBLISHED:
        print("The papers have 2,975 train and 500 val: figures will not compare.")


if __name__ == "__main__":
    run(main)
