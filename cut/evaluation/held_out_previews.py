"""The same few held-out images, translated at intervals while a run trains."""

from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
from torch import Tensor

from cut.data.dataset import ImageDataset
from cut.data.domain import Domain
from cut.data.formats.raster import each_band
from cut.data.images import to_tensor
from cut.data.pair_names import aligned_pairs
from cut.data.resampling import resize
from cut.data.views import View
from cut.evaluation.comparison.held_out import SPLITS, held_out_sources, preprocessed_image, whole_view
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
    generator runs in evaluation mode, or in training mode where that is asked for, and with the same noise every time,
    so that two previews differ by its weights alone. Each uses the weights of its moment. Nothing that training depends
    on is changed, the global random numbers included.
    """

    def __init__(
        self,
        options: Options,
        generator: Generator,
        arithmetic: Arithmetic,
        dataset: ImageDataset,
        training: bool = False,
    ) -> None:
        self.options, self.dataset, self.view = options, dataset, View.of(options)
        self.translate = Translator(generator, arithmetic, training=training, seed=options.run.seed, say=None)

    def preview(self, progress: Progress) -> PreviewEvent:
        """The translations at this moment.

        Raises:
            UserError: when an image cannot be read, or is too small for `--preprocess`.
        """
        names, sources, targets = self._images
        translations = [self.view(self.translate(source)) for source in sources]
        return PreviewEvent(progress, names, list(map(self.view, sources)), translations, list(map(self.view, targets)))

    @cached_property
    def _images(self) -> tuple[list[str], list[Tensor], list[Tensor]]:
        """File names, sources and targets."""
        source = preview_sources(self.options, self.dataset)
        target = preview_targets(self.dataset, source)
        sources, targets = (
            [preview_image(self.dataset, side, file) for file in side.files] if side else []
            for side in (source, target)
        )
        return [file.name for file in source.files], sources, targets


def preview_sources(options: Options, dataset: ImageDataset) -> Domain:
    """The images to translate: at most six, in sorted order, always the same ones for the same folder and seed."""
    side = held_out_sources(dataset)
    chosen = np.random.default_rng(options.run.seed).permutation(len(side.files))[:COUNT]
    return replace(side, files=tuple(side.files[index] for index in sorted(chosen)))


def preview_targets(dataset: ImageDataset, sources: Domain) -> Domain | None:
    """The real targets of these held-out images, one for each; None where they are not pairs.

    They are pairs when both sides of their split have the same names. Training images are only where the data set is of
    pairs: the names of an unpaired one are often numbers.
    """
    for split in (*SPLITS, "train") if dataset.in_pairs else SPLITS:
        source, target = dataset.split(split)
        pairs = dict(aligned_pairs(source.files, target.files))
        if pairs.keys() >= set(sources.files):
            return replace(target, files=tuple(pairs[file] for file in sources.files))
    return None


def preview_image(dataset: ImageDataset, side: Domain, file: Path) -> Tensor:
    """The image of a domain in a file as `whole_view` preprocesses it: (C, H, W) in [−1, 1].

    Raises:
        UserError: when the file cannot be read, or is too small for `--preprocess`.
    """
    preprocessing = whole_view(dataset)
    image = preprocessed_image(side, file, preprocessing, dataset.background)
    shrink = max(LONGEST_SIDE, preprocessing.crop_size) / max(image.size)
    if shrink < 1:
        width, height = (max(1, round(length * shrink)) for length in image.size)
        image = each_band(image, lambda band: resize(band, (width, height), preprocessing.resample))
    return to_tensor(image, side.channels)
