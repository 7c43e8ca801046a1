"""While a run trains: the same few held-out images, translated now and then, to see where it is going."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from cut.data.dataset import ImageDataset
from cut.data.images import to_image, to_tensor
from cut.data.resampling import resize
from cut.data.singleimage import SingleImageDataset
from cut.evaluation.held_out import held_out_sources, whole_view, without_chance
from cut.evaluation.translator import Translator
from cut.networks.interface import Generator
from cut.options import Options
from cut.training.atomic import write_atomically
from cut.training.listener import Listener, Progress, RunFacts, StepEvent

COUNT = 6
LONGEST_SIDE = 512  # pixels; larger pictures are shrunk, unless the crops of training are larger still
GAP = 4  # pixels between the pictures of a sheet


class PreviewSheets(Listener):
    """Writes `previews/{images seen}.png` every `evaluation_freq` images: sources above, their translations below.

    The sources are spread evenly over the source domain's val, else test folder, in sorted order, or over the training
    images where there is no such folder; in single image training it is the one picture, whole. Sizes are those of
    training without its chance: what `--preprocess` makes of an image, scaled to the crop's size and from its middle.
    The generator runs in evaluation mode and with the same noise every time, so that only its weights tell two sheets
    apart. Nothing that training depends on is changed, the global random numbers included.

    Args:
        generator: as it is being trained; at each sheet its weights of that moment are used.
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
        self.folder.mkdir(parents=True, exist_ok=True)
        for file in self.folder.glob("*.png"):
            if file.stem.isdecimal() and int(file.stem) > progress.images:
                file.unlink()  # of steps after the last save, which are lost
        self.sources = [preview_source(self.dataset, file) for file in preview_files(options, self.dataset)]
        self.translate = Translator(self.generator, self.device, seed=options.run.seed, say=lambda sentence: None)
        if progress.images == 0:
            self._write(progress)

    def after_step(self, event: StepEvent) -> None:
        if event.due(self.every_images):
            self._write(event.progress)

    def _write(self, progress: Progress) -> None:
        sheet = contact_sheet([self.sources, [self.translate(source) for source in self.sources]])
        file = self.folder / f"{progress.images:09d}.png"
        write_atomically(file, lambda stream: sheet.save(stream, format="PNG"))


def preview_files(options: Options, dataset: ImageDataset) -> list[Path]:
    """The images to translate: at most six, always the same ones for the same folder."""
    files = dataset.source.files if isinstance(dataset, SingleImageDataset) else held_out_sources(options, dataset)
    count = min(COUNT, len(files))
    return [files[index * len(files) // count] for index in range(count)]


def preview_source(dataset: ImageDataset, file: Path) -> Tensor:
    """An image as training would see it, without chance: (C, H, W) in [−1, 1].

    Raises:
        UserError: when the file cannot be read, or is too small for `--preprocess`.
    """
    preprocessing = whole_view(dataset)
    if isinstance(dataset, SingleImageDataset):
        preprocessing = replace(preprocessing, words=frozenset())
    image = without_chance(file, dataset.source.channels, preprocessing, dataset.background)
    shrink = max(LONGEST_SIDE, preprocessing.crop_size) / max(image.size)
    if shrink < 1:
        width, height = (max(1, round(side * shrink)) for side in image.size)
        image = resize(image, (width, height), preprocessing.resample)
    return to_tensor(image, dataset.source.channels)


def contact_sheet(rows: Sequence[Sequence[Tensor]]) -> Image.Image:
    """Rows of pictures (1 or 3, H, W) in [−1, 1] on white, in cells of the size of the largest."""
    height, width = (max(picture.shape[axis] for row in rows for picture in row) + GAP for axis in (-2, -1))
    sheet = Image.new("RGB", (max(map(len, rows)) * width - GAP, len(rows) * height - GAP), "white")
    for top, row in enumerate(rows):
        for left, picture in enumerate(row):
            sheet.paste(to_image(picture), (left * width, top * height))
    return sheet
