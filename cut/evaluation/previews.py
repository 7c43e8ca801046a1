"""While a run trains: the same few held-out images, translated now and then, to see where it is going."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from cut.data.dataset import ImageDataset
from cut.data.files import find_images
from cut.data.images import to_image, to_tensor
from cut.data.resampling import resize
from cut.evaluation.comparison.held_out import SPLITS, held_out_sources, preprocessed_image, whole_view
from cut.evaluation.comparison.pair_names import aligned_pairs
from cut.evaluation.protocols.result_files import make_folder
from cut.evaluation.translate.translator import Translator
from cut.networks.interface import Generator
from cut.options import Options
from cut.training.atomic import write_atomically
from cut.training.listener import Listener, Progress, RunFacts, StepEvent

COUNT = 6
LONGEST_SIDE = 512  # pixels; larger pictures are shrunk, unless the crops of training are larger still


class PreviewSheets(Listener):
    """Writes rows of pictures into `previews/`, in the same order in each:

        {images seen}.png   the translations, every `evaluation_freq` images
        sources.png         what they were made from
        targets.png         the real pictures of the same places, where the held-out images are pairs
        previews.json       names of the sources, (width, height) of a cell of the rows, whether there are targets

    The sources are drawn, by the run's seed, from the source domain's val, else test folder, or from the training
    images where there is no such folder; in single image training it is the one picture, whole. They
    are preprocessed as in training but with nothing drawn at random: scaled to the crop's size, cropped from the middle.
    The generator runs in evaluation mode and with the same noise every time, so that only its weights tell two rows
    apart. Nothing that training depends on is changed, the global random numbers included.

    Args:
        generator: as it is being trained; at each row its weights of that moment are used.
        device: where it is.
        dataset: of the training images.
    """

    def __init__(self, generator: Generator, device: torch.device | str, dataset: ImageDataset) -> None:
        self.generator, self.device, self.dataset = generator, device, dataset
        self.every_images = 0

    def start(self, options: Options, progress: Progress, facts: RunFacts) -> None:
        self.every_images = options.monitoring.evaluation_freq
        if not self.every_images:
            return
        self.folder = options.run.folder / "previews"
        make_folder(self.folder)
        for file in self.folder.glob("*.png"):
            if file.stem.isdecimal() and int(file.stem) > progress.images:
                file.unlink()  # of steps after the last save, which are lost
        files = preview_files(options, self.dataset)
        channels = self.dataset.source.channels, options.data.output_nc
        self.sources, targets = (
            [preview_image(self.dataset, file, count) for file in side]
            for side, count in zip((files, preview_targets(options, self.dataset, files)), channels, strict=True)
        )
        self.cell = cell_size([*self.sources, *targets])
        self._save("sources.png", self.sources)
        if targets:
            self._save("targets.png", targets)
        about = {"names": [file.name for file in files], "cell": self.cell, "targets": bool(targets)}
        write_atomically(self.folder / "previews.json", lambda stream: stream.write(json.dumps(about).encode()))
        self.translate = Translator(self.generator, self.device, seed=options.run.seed, say=lambda sentence: None)
        if progress.images == 0:
            self._translate(progress)

    def after_step(self, event: StepEvent) -> None:
        if event.due(self.every_images):
            self._translate(event.progress)

    def _translate(self, progress: Progress) -> None:
        self._save(f"{progress.images:09d}.png", [self.translate(source) for source in self.sources])

    def _save(self, name: str, pictures: Sequence[Tensor]) -> None:
        row = picture_row(pictures, self.cell)
        write_atomically(self.folder / name, lambda stream: row.save(stream, format="PNG"))


def preview_files(options: Options, dataset: ImageDataset) -> list[Path]:
    """The images to translate: at most six, in sorted order, always the same ones for the same folder and seed."""
    files = held_out_sources(options, dataset)
    chosen = np.random.default_rng(options.run.seed).permutation(len(files))[:COUNT]
    return [files[index] for index in sorted(chosen)]


def preview_targets(options: Options, dataset: ImageDataset, files: Sequence[Path]) -> list[Path]:
    """What real translations of these held-out images look like, one for each; nothing where they are not pairs.

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


def cell_size(pictures: Sequence[Tensor]) -> tuple[int, int]:
    """(width, height) in pixels that hold each of these (C, H, W) pictures."""
    return max(picture.shape[-1] for picture in pictures), max(picture.shape[-2] for picture in pictures)


def picture_row(pictures: Sequence[Tensor], cell: tuple[int, int]) -> Image.Image:
    """Pictures (1 or 3, H, W) in [−1, 1] side by side, each at the top left of a white cell of (width, height)."""
    row = Image.new("RGB", (len(pictures) * cell[0], cell[1]), "white")
    for index, picture in enumerate(pictures):
        row.paste(to_image(picture), (index * cell[0], 0))
    return row
