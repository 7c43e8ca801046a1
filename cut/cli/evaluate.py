"""FID and KID, and with aligned pairs PSNR, SSIM and segmentation scores: of two folders, or of a run's epochs.

    cut evaluate REAL FAKE                      two folders of pictures, as they are
    cut evaluate --name RUN                     the last and the best epoch of a run
    cut evaluate --name RUN --all_epochs        all that it saved, with a curve
    cut evaluate --name RUN --epoch 5 latest --baselines

Two folders are read as pytorch-fid reads them, and FID equals its; REAL or FAKE may also be an .npz of statistics, of
this project or of pytorch-fid. Pictures of equal names and sizes are compared one by one too. Two single pictures are
compared by SIFID; so is a run on two pictures. The result goes to the screen and into evaluation.json in --output, by
default the folder that holds FAKE.

A run is measured exactly as while it trains: its val images, else its test images, preprocessed as in training but
with nothing drawn at random. Any other option of train.py that may change can follow (--dataroot, --feature_extractor,
--palette, --best_metric, --evaluation_images, --gpu_ids). The result goes to the screen and into evaluation.json and
evaluation.png in the folder of the run. With the other --direction a method that translates both ways is measured on
the way back, into evaluation_back.json and evaluation_back.png. --baselines adds two levels for comparison: "real to
real", as many training images of the target domain as there are translations against the held-out ones, and "source to
real", the untranslated sources.
"""

import argparse
import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from cut.commands import command
from cut.data.files import left_out
from cut.device import choose_device, describe_device
from cut.errors import UserError, exit_status
from cut.evaluation.comparison.palette import chosen_palette
from cut.evaluation.comparison.perceptual import PerceptualDistance
from cut.evaluation.comparison.scores import what_few_images_mean
from cut.evaluation.features.extraction import chosen_extractor
from cut.evaluation.protocols.evaluation_files import write_curve, write_json
from cut.evaluation.protocols.picture_folders import compare_picture_folders, compare_two_pictures
from cut.evaluation.protocols.saved_epochs import SavedEpochs, default_labels, in_direction, run_options
from cut.evaluation.translate.trained import trained_epochs
from cut.registry import EXTRACTORS
from cut.training.evaluation import Evaluation, best_evaluation
from cut.training.evaluation_table import describe_details, describe_measures, evaluation_table

Row = tuple[str, Evaluation]


def folders_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").replace("cut evaluate", command("evaluate")),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        usage=f"{command('evaluate')} REAL FAKE [options]\n       {command('evaluate')} --name RUN [options]",
    )
    add = parser.add_argument_group("two folders").add_argument
    add("real", type=Path, metavar="REAL", help="folder of real pictures, or .npz")
    add("fake", type=Path, metavar="FAKE", help="folder of translations, or .npz")
    add("--feature_extractor", default="inception", choices=EXTRACTORS.names(), help="[inception]")
    add("--inception_weights", metavar="FILE", help="pytorch-fid's weights, instead of a download at first use")
    add("--dinov2_weights", metavar="FILE", help="for --feature_extractor dinov2")
    add("--clip_weights", metavar="FILE", help="for --feature_extractor clip")
    add("--palette", metavar="NAME", help="colours of a map-like target: adds segmentation scores of pairs")
    add("--gpu_ids", default="auto", metavar="ID", help="auto, -1 for the CPU, or the number of a GPU [auto]")
    add("--batch_size", type=_at_least(1), metavar="N", help="it does not change the result [suits the device]")
    add("--precision_recall", action="store_true", help="also precision and recall of the features")
    add("--lpips_weights", metavar="FILE", help="torchvision's AlexNet weights: adds LPIPS of pairs")
    add("--seed", type=int, default=0, metavar="N", help="of KID's subsets [0]")
    add("--limit", type=_at_least(2), default=math.inf, metavar="N", help="take the first N pictures of each folder")
    add("--output", type=Path, metavar="FOLDER", help="where evaluation.json goes [the folder that holds FAKE]")
    _add_run(parser.add_argument_group("a run"))  # only for --help
    return parser


def run_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    _add_run(parser)
    return parser


def _add_run(parser) -> None:
    add = parser.add_argument
    add("--name", metavar="RUN", help="of the run")
    add("--checkpoints_dir", default="./checkpoints", metavar="FOLDER", help="folder of the runs [./checkpoints]")
    epochs = parser.add_mutually_exclusive_group()
    epochs.add_argument("--epoch", nargs="+", metavar="E", help="epochs that were saved [latest and best]")
    epochs.add_argument("--all_epochs", action="store_true", help="every epoch that was saved")
    add("--phase", choices=("val", "test"), help="held-out images of this split only [val, else test]")
    add("--direction", choices=("AtoB", "BtoA"), help="of the translations that are measured [that of the run]")
    add("--baselines", action="store_true", help="also real to real, and source to real")


def _at_least(least: int) -> Callable[[str], int]:
    def read(word: str) -> int:
        if not word.isdecimal() or int(word) < least:
            raise argparse.ArgumentTypeError(f"{word!r} is not a whole number of at least {least}")
        return int(word)

    return read


def evaluate_folders(words: Sequence[str]) -> None:
    chosen = folders_parser().parse_args(words)
    palette = chosen_palette(chosen.palette or None)
    device = choose_device(chosen.gpu_ids)
    extractor = chosen_extractor(chosen, device)
    if chosen.real.is_file() and chosen.fake.is_file() and ".npz" not in (chosen.real.suffix, chosen.fake.suffix):
        found = compare_two_pictures(chosen.real, chosen.fake, extractor)
    else:
        perceptual = PerceptualDistance(chosen.lpips_weights, device) if chosen.lpips_weights else None
        _mention_other_files(chosen.real, chosen.fake)
        found = compare_picture_folders(
            chosen.real, chosen.fake, extractor, palette=palette, seed=chosen.seed, limit=chosen.limit,
            batch_size=chosen.batch_size, perceptual=perceptual,
            needs=("features", "neighbours") if chosen.precision_recall else ("features",),
        )  # fmt: skip
    fake = Path(os.path.abspath(chosen.fake))  # "." has neither a name nor another folder around it
    print(evaluation_table([(fake.name, found)]))
    print(describe_details(found))
    _mention_few_images(found)
    print(f"Written: {write_json(chosen.output or fake.parent, [(fake.name, found)])}")


def evaluate_run(words: Sequence[str]) -> None:
    chosen, more = run_parser().parse_known_args(words)
    options = in_direction(run_options(chosen.name, chosen.checkpoints_dir, more), chosen.direction)
    stem = "evaluation_back" if options.backward else "evaluation"
    folder = options.run.folder
    labels = trained_epochs(options) if chosen.all_epochs else chosen.epoch or default_labels(options)
    device = choose_device(options.run.gpu_ids, options.run.threads)
    print(describe_device(device, options.run.gpu_ids))
    run = SavedEpochs(options, device, *([(chosen.phase,)] if chosen.phase else []))
    images = run.yardstick.images
    _mention_other_files(images.source.folder, images.target.folder)
    measured, levels = run.measure(labels), run.baselines() if chosen.baselines else []
    levels, rows = [_said(row) for row in levels], [_said(row) for row in measured]
    best = best_evaluation([evaluation for _, evaluation in rows], run.best_metric)
    best_name = next((name for name, evaluation in rows if evaluation is best), None)
    print()
    print(evaluation_table([*levels, *rows], run.best_metric))
    for name, evaluation in (*levels, ("translations", rows[-1][1])):
        print(f"{name}: {describe_details(evaluation)}")
    _mention_few_images(rows[-1][1])
    print(f"Best by {rows[-1][1].label(run.best_metric)}: {best_name or 'none has a finite value'}.")
    about = {"run": options.run.name, "best_by": run.best_metric, "best": best_name}
    written = [write_json(folder, [*levels, *rows], stem, **about)]
    try:
        written += filter(None, [write_curve(folder, options.run.name, rows, run.best_metric, levels, stem)])
    except UserError as error:
        print(error)
    print(f"Written: {', '.join(map(str, written))}")


def _mention_other_files(*folders: Path) -> None:
    for sentence in filter(None, map(left_out, folders)):
        print(sentence)


def _mention_few_images(evaluation: Evaluation) -> None:
    details = evaluation.details
    for sentence in what_few_images_mean((details["real_count"], details["fake_count"]), details["extractor"]):
        print(sentence)


def _said(row: Row) -> Row:
    name, evaluation = row
    print(f"{name}: {describe_measures(evaluation)} ({evaluation.seconds:.1f} s)", flush=True)
    return row


def main(words: Sequence[str]) -> int:
    of_a_run = any(word.split("=")[0] == "--name" for word in words) and not {"-h", "--help"} & set(words)
    return exit_status(lambda: (evaluate_run if of_a_run else evaluate_folders)(words))
