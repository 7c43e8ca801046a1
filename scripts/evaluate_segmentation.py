"""Pixel accuracy, class accuracy and mean IoU of predicted label images from any network.

    python scripts/evaluate_segmentation.py TRUE PREDICTED --palette cityscapes
    python scripts/evaluate_segmentation.py TRUE PREDICTED --palette cityscapes --ids --output scores.json

TRUE and PREDICTED are folders of label images with equal names; suffixes may differ. An image of one gray channel holds
class ids (0 for the palette's first class, as Cityscapes' train ids; 255 for void), any other holds colours, and the
nearest colour of the palette gives the class. Void pixels of the truth are not counted. A prediction of another size is
resized to the
truth by the nearest pixel.

To score photographs made from Cityscapes labels, let a segmentation network that was trained on real ones label them,
and give its label images as PREDICTED and the labels that the photographs were made from as TRUE.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # runs from a clone without installing

import cut.environment  # noqa: F401 first: it explains what is missing below

# isort: split
from tqdm import tqdm

from cut import strict_json
from cut.data.files import left_out
from cut.errors import UserError, counted, exit_status
from cut.evaluation.comparison.palette import Palette, load_palette, palette_names
from cut.evaluation.protocols.label_folders import Agreement, compare_label_folders
from cut.measures import MEASURES
from cut.terminal import readable
from cut.training.atomic import write_atomically


def parse_arguments(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("true", type=Path, metavar="TRUE", help="folder of the true label images")
    parser.add_argument("predicted", type=Path, metavar="PREDICTED", help="folder of the predicted label images")
    names = ", ".join(palette_names())
    parser.add_argument("--palette", required=True, help=f"the classes and their colours: {names}, or a YAML file")
    ids_help = "take indexed images, and colour images with three equal channels, for class ids as well"
    parser.add_argument("--ids", action="store_true", help=ids_help)
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the scores and the confusion matrix as JSON")
    return parser.parse_args(words)


def print_table(found: Agreement) -> None:
    """One line a class, then the scores of all."""
    by_class = found.confusion.by_class()
    width = max(map(len, by_class))
    print(f"{'class':{width}}  {'pixels':>12}  {'accuracy':>8}  {'IoU':>8}")
    for name, row in by_class.items():
        print(f"{name:{width}}  {row['pixels']:12,}  {_shown(row['accuracy'])}  {_shown(row['IoU'])}")
    print()
    for name, score in found.confusion.scores().items():
        print(f"{MEASURES[name].label}: {score:.4f}")


def _shown(score: float | None) -> str:
    return f"{'–' if score is None else format(score, '.4f'):>8}"


def as_json(found: Agreement, palette: Palette, arguments: argparse.Namespace) -> bytes:
    content = {
        "true": str(arguments.true),
        "predicted": str(arguments.predicted),
        "palette": palette.name,
        "images": found.images,
        "resized": found.resized,
        "pixels": found.confusion.pixels,
        "scores": found.confusion.scores(),
        "classes": found.confusion.by_class(),
        "confusion": found.confusion.matrix.tolist(),  # row by truth, column by prediction, the last one void
    }
    return readable(strict_json.dumps(content, indent=2, ensure_ascii=False)).encode() + b"\n"


def evaluate(arguments: argparse.Namespace) -> None:
    palette = load_palette(arguments.palette)
    if arguments.output and not arguments.output.absolute().parent.is_dir():
        raise UserError(f"There is no folder {arguments.output.parent} for --output; make it first.")
    for note in filter(None, map(left_out, (arguments.true, arguments.predicted))):
        print(note)
    found = compare_label_folders(
        arguments.true,
        arguments.predicted,
        palette,
        arguments.ids,
        progress=lambda pairs: tqdm(pairs, unit="image", leave=False, disable=None),  # none without a terminal
    )
    if not found.confusion.pixels:
        raise UserError(f"{arguments.true} has no pixel of a class of {palette.name}: all are void.")
    images = counted(found.images, "image")
    print(f"{images}, {found.confusion.pixels:,} pixels that are not void, classes of {palette.name}")
    if found.resized:
        print(f"predictions of another size, resized to the truth by the nearest pixel: {found.resized}")
    print_table(found)
    if arguments.output:
        write_atomically(arguments.output, as_json(found, palette, arguments))


def main() -> int:
    return exit_status(lambda: evaluate(parse_arguments()))


if __name__ == "__main__":
    sys.exit(main())
