"""Pixel accuracy, class accuracy and mean IoU: of predicted label images, or of photographs made from label maps.

    python scripts/evaluate_segmentation.py TRUE PREDICTED --palette cityscapes
    python scripts/evaluate_segmentation.py TRUE PREDICTED --palette cityscapes --ids --output scores.json
    python scripts/evaluate_segmentation.py --network drn_d_22 --weights FILE TRUE FAKE --real PHOTOGRAPHS

TRUE and PREDICTED are folders of label images with equal names; suffixes may differ. An image of one gray channel holds
class ids (0 for the palette's first class, as Cityscapes' train ids; 255 for void), any other holds colours, and the
nearest colour of the palette gives the class. Void pixels of the truth are not counted. A prediction of another size is
resized to the truth by the nearest pixel.

With --network, FAKE holds photographs made from Cityscapes' labels, and a network that was trained on real ones labels
them, as in table 1 of the CUT paper: label images are resized to 256×128 (width × height) by the nearest pixel,
photographs bicubically. The weights are those of the public drn_d_22_cityscapes.pth; public files differ, so results
carry the hash of the file. Two pixel accuracies are printed: over all pixels, where void ones count as wrong
(published figures are very probably these), and over the valid ones. --real gives the real photographs of the same
names, whose scores are the ceiling: wrong weights or sizes show there at once.
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
from cut.device import choose_device
from cut.errors import UserError, counted, exit_status
from cut.evaluation.comparison.confusion import Confusion
from cut.evaluation.comparison.palette import Palette, load_palette, palette_names
from cut.evaluation.comparison.segmenter import NETWORK, Segmenter
from cut.evaluation.protocols.label_folders import Agreement, compare_label_folders
from cut.evaluation.protocols.photo_scores import PhotoScores, score_photographs
from cut.measures import MEASURES
from cut.terminal import readable
from cut.training.atomic import write_atomically


def parse_arguments(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("true", type=Path, metavar="TRUE", help="folder of the true label images")
    predicted_help = "folder of the predicted label images; with --network of the photographs"
    parser.add_argument("predicted", type=Path, metavar="PREDICTED", help=predicted_help)
    names = ", ".join(palette_names())
    parser.add_argument("--palette", help=f"the classes and their colours: {names}, or a YAML file")
    ids_help = "take indexed images, and colour images with three equal channels, for class ids as well"
    parser.add_argument("--ids", action="store_true", help=ids_help)
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the scores and the confusion matrix as JSON")
    photos = parser.add_argument_group("photographs made from label maps").add_argument
    photos("--network", choices=("drn_d_22",), help="label PREDICTED, which holds photographs, with this network first")
    photos("--weights", type=Path, metavar="FILE", help="of the network: the public drn_d_22_cityscapes.pth")
    photos("--real", type=Path, metavar="FOLDER", help="the real photographs: their scores are the ceiling")
    photos("--own_size", action="store_true", help="compare at the size of each label image instead of 256×128")
    photos("--gpu_ids", default="auto", metavar="ID", help="auto, -1 for the CPU, or the number of a GPU [auto]")
    arguments = parser.parse_args(words)
    if arguments.network is None:
        given = [name for name in ("weights", "real", "own_size") if getattr(arguments, name)]
        if given:
            parser.error(f"--{given[0]} goes with --network drn_d_22")
        if arguments.palette is None:
            parser.error("the following arguments are required: --palette")
    elif arguments.weights is None:
        parser.error("--network drn_d_22 needs --weights, the file of its weights; they are never downloaded")
    return arguments


def print_table(confusion: Confusion) -> None:
    """One line a class."""
    by_class = confusion.by_class()
    width = max(map(len, by_class))
    print(f"{'class':{width}}  {'pixels':>12}  {'accuracy':>8}  {'IoU':>8}")
    for name, row in by_class.items():
        print(f"{name:{width}}  {row['pixels']:12,}  {_shown(row['accuracy'])}  {_shown(row['IoU'])}")
    print()


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


def photos_as_json(scores: dict[str, PhotoScores], segmenter: Segmenter, palette: Palette, arguments) -> bytes:
    of_fake = scores["translations"]
    content = {
        "true": str(arguments.true),
        "photographs": str(arguments.predicted),
        "real": str(arguments.real) if arguments.real else None,
        "palette": palette.name,
        "network": NETWORK,
        "weights": segmenter.weights,
        "size": list(of_fake.size) if of_fake.size else None,  # width and height
        "images": of_fake.images,
        "pixels": of_fake.confusion.pixels,
        "void": of_fake.confusion.void,
        "scores": of_fake.confusion.scores("segmenter"),
        "ceiling": scores["real photographs"].confusion.scores("segmenter") if arguments.real else None,
        "classes": of_fake.confusion.by_class(),
        "confusion": of_fake.confusion.matrix.tolist(),
    }
    return readable(strict_json.dumps(content, indent=2, ensure_ascii=False)).encode() + b"\n"


def progress_bar(pairs: list):
    return tqdm(pairs, unit="image", leave=False, disable=None)  # none without a terminal


def evaluate_photographs(arguments: argparse.Namespace) -> bytes:
    """Label the photographs, print their scores and the ceiling; the result as JSON."""
    palette = load_palette(arguments.palette or "cityscapes")
    segmenter = Segmenter(arguments.weights, choose_device(arguments.gpu_ids), len(palette.classes))
    folders = {"translations": arguments.predicted}
    if arguments.real:
        folders["real photographs"] = arguments.real
    scores = {}
    for title, folder in folders.items():
        scores[title] = score_photographs(
            arguments.true, folder, segmenter, palette, arguments.ids, arguments.own_size, progress_bar
        )
        _require_pixels(scores[title].confusion, arguments, palette)
    of_fake = scores["translations"]
    size = "the size of each label image" if of_fake.size is None else "{}×{}".format(*of_fake.size)
    about = f"weights {segmenter.weights['file']}, SHA-256 {segmenter.weights['sha256']}"
    print(f"{counted(of_fake.images, 'photograph')} labelled by {NETWORK} at {size} ({about})")
    print_table(of_fake.confusion)
    by_title = {title: one.confusion.scores("segmenter") for title, one in scores.items()}
    labels = {name: MEASURES[name].label for name in by_title["translations"]}
    width = max(map(len, labels.values()))
    print("  ".join([" " * width, *by_title]))
    for name, label in labels.items():
        cells = [f"{values[name]:{len(title)}.4f}" for title, values in by_title.items()]
        print("  ".join([f"{label:{width}}", *cells]))
    print("all: void pixels count as wrong, as very probably in published figures; valid: without them.")
    if not arguments.real:
        print("--real FOLDER adds the real photographs, whose scores are the ceiling.")
    return photos_as_json(scores, segmenter, palette, arguments)


def evaluate_labels(arguments: argparse.Namespace) -> bytes:
    """Compare label images, print their scores; the result as JSON."""
    palette = load_palette(arguments.palette)
    found = compare_label_folders(arguments.true, arguments.predicted, palette, arguments.ids, progress=progress_bar)
    _require_pixels(found.confusion, arguments, palette)
    images = counted(found.images, "image")
    print(f"{images}, {found.confusion.pixels:,} pixels that are not void, classes of {palette.name}")
    if found.resized:
        print(f"predictions of another size, resized to the truth by the nearest pixel: {found.resized}")
    print_table(found.confusion)
    for name, score in found.confusion.scores().items():
        print(f"{MEASURES[name].label}: {score:.4f}")
    return as_json(found, palette, arguments)


def _require_pixels(confusion: Confusion, arguments: argparse.Namespace, palette: Palette) -> None:
    if not confusion.pixels:
        raise UserError(f"{arguments.true} has no pixel of a class of {palette.name}: all are void.")


def evaluate(arguments: argparse.Namespace) -> None:
    if arguments.output and not arguments.output.absolute().parent.is_dir():
        raise UserError(f"There is no folder {arguments.output.parent} for --output; make it first.")
    for note in filter(None, map(left_out, (arguments.true, arguments.predicted))):
        print(note)
    result = (evaluate_photographs if arguments.network else evaluate_labels)(arguments)
    if arguments.output:
        write_atomically(arguments.output, result)


def main() -> int:
    return exit_status(lambda: evaluate(parse_arguments()))


if __name__ == "__main__":
    sys.exit(main())
