"""Measure the saved epochs of a run afterwards, as training does: the same images, the same numbers."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from cut.data.dataset import ImageDataset
from cut.data.domain import Domain
from cut.data.files import folder_or_list, images_at, images_in
from cut.errors import UserError
from cut.evaluation.comparison.held_out import FEWEST, SPLITS, held_out_split
from cut.evaluation.comparison.yardstick import make_yardstick
from cut.evaluation.evaluator import measure
from cut.evaluation.protocols.evaluation_files import Row
from cut.evaluation.translate.trained import trained_epochs, trained_generator, weight_file
from cut.measures import MEASURES
from cut.options import Options, train_options
from cut.precision import Arithmetic
from cut.registry import DATASETS
from cut.training.checkpoints import RunFolder, best_row, saved_epochs


def run_options(name: str, checkpoints_dir: str, more: Sequence[str] = ()) -> Options:
    """The training options that a run saved, with others overriding them; the defaults where it saved none.

    Args:
        name, checkpoints_dir: of the run.
        more: words as on the command line of train.py.

    Raises:
        UserError: when there is no such run, or a word is not an option that may be changed.
    """
    folder = Path(checkpoints_dir) / name
    if not saved_epochs(folder):
        raise UserError(f"{folder} holds no weights of a generator: check --name and --checkpoints_dir.")
    words = ["--name", name, "--checkpoints_dir", checkpoints_dir, *more]
    return train_options([*words, "--continue_train"] if (folder / "options.yaml").is_file() else words)


def in_direction(options: Options, direction: str | None) -> Options:
    """The options with which the translations in a direction are measured.

    Against the direction of the run the palette is left out, since it has the colours of the other domain.

    Args:
        options: as from `run_options`.
        direction: AtoB or BtoA; None for that of the run.
    """
    if direction in (None, options.data.direction):
        return options
    sides = {"input_nc": options.data.output_nc, "output_nc": options.data.input_nc}
    best = options.evaluation.best_metric
    best = "frechet" if MEASURES[best].needs == "palette" else best
    turned = options.replace(direction=direction, palette=None, best_metric=best, **sides)
    return replace(turned, backward=True)


class SavedEpochs:
    """The saved epochs of a run and the yardstick for them.

    Args:
        options: as from `run_options`.
        splits: where to look for held-out images, in this order.

    Raises:
        UserError: when there are no images or no weights of the extractor.
    """

    def __init__(self, options: Options, device: torch.device | str, splits: Sequence[str] = SPLITS) -> None:
        if options.data.dataset_mode == "singleimage":
            options = options.replace(best_metric="sifid")  # the only measure that single pictures have
            splits = ("train",) if splits == SPLITS else splits  # which training measures too
        self.options, self.arithmetic = options, Arithmetic.of(options, device)
        self.dataset = held_out_set(options, splits)
        self.yardstick = make_yardstick(options, device, self.dataset, splits)
        self.best_metric = options.evaluation.best_metric

    def measure(self, labels: Sequence[str]) -> Iterator[Row]:
        """A row for each label of saved weights ("5", "best", "latest").

        Raises:
            UserError: before the first when one was not saved; for weights of another architecture.
        """
        folder = self.options.run.folder
        for label in labels:
            weight_file(self.options, label)
        for label in labels:
            epoch = _epoch_of(folder, label)
            measured = measure(trained_generator(self.options, label), self.arithmetic, self.yardstick)
            yield _name(label, epoch), replace(measured, epoch=epoch)

    def baselines(self) -> Iterator[Row]:
        """Two baselines for the measures of the translations.

        "real to real": training images of the target domain, preprocessed as the held-out ones, against those: about
        what a perfect generator would reach. They are as many as there are translations, evenly spread over the folder,
        because distances of other counts cannot be compared; all where there are fewer.

        "source to real": the sources as they are, which is what a generator that changes nothing reaches.
        """
        images = self.yardstick.images
        if not self.dataset.has_distribution:
            yield "source to real", self.yardstick.compare(images.source.all_pixels())
            return
        side = self.dataset.split("train")[1]
        files = side.files or images_in(side.folder)  # which says what is missing
        training = replace(images.target, side=replace(side, files=spread(files, len(images.source))))
        yield "real to real", self.yardstick.compare_files(training)
        yield "source to real", self.yardstick.compare(images.source.all_shown())


def spread(files: Sequence[Path], count: int) -> tuple[Path, ...]:
    """`count` of the files, in order and evenly spaced; all where there are fewer."""
    count = min(count, len(files))
    return tuple(files[index * len(files) // count] for index in range(count))


def default_labels(options: Options) -> list[str]:
    """The last and the best epoch of a run, as far as they were saved; else all saved epochs."""
    saved = trained_epochs(options)
    return [label for label in ("latest", "best") if label in saved] or saved


def held_out_set(options: Options, splits: Sequence[str] = SPLITS) -> ImageDataset:
    """A test set of the run, which needs no training images: of the first split that there is.

    Raises:
        UserError: when there is none.
    """
    factory = DATASETS[options.data.dataset_mode].factory
    for split in splits:
        try:
            return factory(replace(options, is_train=False).replace(phase=split))
        except UserError as error:
            problem = error
    root, letters = Path(options.data.dataroot), "BA" if options.data.direction == "BtoA" else "AB"
    if root.is_dir():  # it would name only the last split
        held_out_split(lambda split: [_side(root, split, letter) for letter in letters], root, splits)
    raise problem


def epoch_name(options: Options, label: str) -> str:
    """ "epoch 5", or "latest (epoch 10)"."""
    return _name(label, _epoch_of(options.run.folder, label))


def _side(root: Path, split: str, letter: str) -> Domain:
    folder, files = images_at(folder_or_list(root, split, letter), FEWEST, split)
    return Domain(letter, folder, tuple(files), channels=3)


def _epoch_of(folder: Path, label: str) -> int:
    """How many epochs weights were trained; 0 where that is not known."""
    if label.isdigit():
        return int(label)
    if label == "best":
        try:
            best = best_row(folder)
        except UserError:  # the number is only displayed
            return 0
        return best.epoch if best else 0
    try:
        return RunFolder(folder).saved_state().epoch - 1 if label == "latest" else 0
    except UserError:  # downloaded weights have no training state, and the number is only displayed
        return 0


def _name(label: str, epoch: int) -> str:
    if label.isdigit():
        return f"epoch {label}"
    return f"{label} (epoch {epoch})" if epoch else label
