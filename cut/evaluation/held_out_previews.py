"""The same few held-out images, translated at intervals while a run trains."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from torch import Tensor

from cut.data.dataset import ImageDataset
from cut.data.files import find_images
from cut.data.images import to_tensor
from cut.data.resampling import resize
from cut.evaluation.comparison.held_out import SPLITS, held_out_sources, preprocessed_image, whole_view
from cut.evaluation.comparison.pair_names import aligned_pairs
from cut.evaluation.translate.translator import Translator
from cut.networks.interface import Generator
from cut.options import Options
from cut.precision import Arithmetic
from cut.training.listener import PreviewEvent, Progress

COUNT = 6
LONGEST_SIDE = 512  # pixels; larger pictures are shrunk, unless the crops of training are larger still


class HeldOutPreviews:
    """Translates the same few images whenever the training loop asks; they are read on first use.

    They are drawn, by the run's seed, from the source domain's val, else test folder, or from the training images where
    there is no such folder; in single image training it is the one picture, whole. Sizes are those of training without
    its random choices: what `--preprocess` makes of an image, scaled to the crop's size and cut from its middle. The
    generator runs in evaluation mode and with the same noise every time, so that two previews differ by its weights
    alone. Each uses the weights of its moment. Nothing that training depends on is changed, the global random numbers
    included.
    """

    def __init__(self, options: Options, generator: Generator, arithmetic: Arithmetic, dataset: ImageDataset) -> None:
        self.options, self.dataset = options, dataset
        self.translate = Translator(generator, arithmetic, seed=options.run.seed, say=None)

    def preview(self, progress: Progress) -> PreviewEvent:
        """The translations at this moment.

        Raises:
            UserError: when an image cannot be read, or is too small for `--preprocess`.
        """
        names, sources, targets = self._images
        return PreviewEvent(progress, names, sources, [self.translate(source) for source in sources], targets)

    @cached_property
    def _images(self) -> tuple[list[str], list[Tensor], list[Tensor]]:
        """File names, sources and targets."""
        files = preview_files(self.options, self.dataset)
        in_channels, out_channels = self.dataset.source.channels, self.options.data.output_nc
        sources = [preview_image(self.dataset, file, in_channels) for file in files]
        target_files = preview_targets(self.options, self.dataset, files)
        targets = [preview_image(self.dataset, file, out_channels) for file in target_files]
        return [file.name for file in files], sources, targets


def preview_files(options: Options, dataset: ImageDataset) -> list[Path]:
    """The images to translate: at most six, in sorted order, always the same ones for the same folder and seed."""
    files = held_out_sources(options, dataset)
    chosen = np.random.default_rng(options.run.seed).permutation(len(files))[:COUNT]
    return [files[index] for index in sorted(chosen)]


def preview_targets(options: Options, dataset: ImageDataset, files: Sequence[Path]) -> list[Path]:
    """The real targets of these held-out images, one for each; nothing where they are not pairs.

    They are pairs when both sides of their split have the same names. Training images never are: the names of an
    unpaired data set are often numbers.
    """
    for split in SPLITS:
        sides = (find_images(Path(options.data.dataroot) / f"{split}{letter}") for letter in dataset.letters)
        pairs = dict(aligned_pairs(*sides))
        if pairs.keys() >= set(files):
            return [pairs[file] for file in files]
    return []


def preview_image(dataset: ImageDataset, file: Path, channels: int) -> Tensor:
    """An image as `whole_view` preprocesses it: (channels, H, W) in [−1, 1].

    Raises:
        UserError: when the file cannot be read, or is too small for `--preprocess`.
    """
    preprocessing = whole_view(dataset)
    image = preprocessed_image(file, channels, preprocessing, dataset.background)
    shrink = max(LONGEST_SIDE, preprocessing.crop_size) / max(image.size)
    if shrink < 1:
        width, height = (max(1, round(side * shrink)) for side in image.size)
        image = resize(image, (width, height), preprocessing.resample)
    return to_tensor(image, channels)
