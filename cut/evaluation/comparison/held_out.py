"""The held-out images of a run, preprocessed as in training, but without random choices."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from cut.data.dataset import ImageDataset
from cut.data.files import check_images, find_images
from cut.data.images import Color, read_image, to_8bit, to_tensor
from cut.data.transforms import Preprocessing
from cut.errors import UserError
from cut.evaluation.comparison.pair_names import aligned_pairs
from cut.options import Options

SPLITS = ("val", "test")  # in the order in which they are looked for
FEWEST = 2  # images of a side; a covariance needs two


@dataclass(frozen=True)
class Pictures:
    """Image files of one domain, preprocessed with nothing drawn at random.

    Attributes:
        folder: what the names of the files are relative to.
        channels: 1 or 3.
        preprocessing: what is done to them; crops are central.
        background: colour behind transparent pixels.
    """

    folder: Path
    files: tuple[Path, ...]
    channels: int
    preprocessing: Preprocessing
    background: Color

    def __len__(self) -> int:
        return len(self.files)

    @property
    def recipe(self) -> str:
        """What is done to a file, in words: two recipes are equal exactly when they make the same pixels."""
        steps = vars(self.preprocessing) | {"words": sorted(self.preprocessing.words)}  # a set has no fixed order
        return f"{steps} channels={self.channels} background={self.background}"

    def tensor(self, index: int) -> Tensor:
        """Image `index` as the networks take it: (C, H, W) in [−1, 1].

        Raises:
            UserError: when the file cannot be read, or is too small for `--preprocess`.
        """
        image = preprocessed_image(self.files[index], self.channels, self.preprocessing, self.background)
        return to_tensor(image, self.channels)

    def pixels(self, index: int) -> np.ndarray:
        """Image `index` as a picture file would hold it: uint8 (H, W, 3)."""
        return as_picture(self.tensor(index))

    def all_pixels(self) -> Iterator[np.ndarray]:
        return (self.pixels(index) for index in range(len(self)))


@dataclass(frozen=True)
class HeldOut:
    """The images on which a generator is measured.

    Attributes:
        split: "val" or "test".
        pairs: whether the images of both sides show the same thing, one by one: same names and same sizes.
    """

    split: str
    source: Pictures
    target: Pictures
    pairs: bool


def held_out(options: Options, dataset: ImageDataset, splits: Sequence[str] = SPLITS) -> HeldOut:
    """The held-out images of a run: the folders of the first of `splits` that has enough on both sides.

    Args:
        options: `dataroot`, `evaluation_images` and the numbers of channels are read.
        dataset: for its sides and preprocessing.

    Raises:
        UserError: when there are no such folders, or a file in them cannot be used.
    """
    channels = (options.data.input_nc, options.data.output_nc)
    limit = options.evaluation.evaluation_images
    split, folders = held_out_folders(Path(options.data.dataroot), dataset.letters, splits)
    source, target = (
        Pictures(folder, tuple(find_images(folder, limit)), count, whole_view(dataset), dataset.background)
        for folder, count in zip(folders, channels, strict=True)
    )
    sizes = [check_images(side.files, problem=side.preprocessing.problem) for side in (source, target)]
    same_names = dict(aligned_pairs(source.files, target.files)) == dict(zip(source.files, target.files, strict=False))
    return HeldOut(split, source, target, pairs=same_names and sizes[0] == sizes[1])


def held_out_folders(dataroot: Path, letters: Sequence[str], splits: Sequence[str]) -> tuple[str, list[Path]]:
    """The first of `splits` that has enough images on both sides, and its folders in the order of `letters`.

    Raises:
        UserError: when none has; it names all that were looked for.
    """
    found = []
    for split in splits:
        folders = [dataroot / f"{split}{letter}" for letter in letters]
        counts = [len(find_images(folder, limit=FEWEST)) for folder in folders]
        if min(counts) >= FEWEST:
            return split, folders
        found += [
            f"{folder.name} {'holds one image' if count else 'holds no images'}"
            for folder, count in zip(folders, counts, strict=True)
            if folder.is_dir() and count < FEWEST
        ]
    wanted = " or ".join(f"{split}{letters[0]} and {split}{letters[1]}" for split in splits)
    reason = f" ({', '.join(found)})" if found else ""
    raise UserError(
        f"{dataroot} has no {wanted} with at least {FEWEST} images each{reason}: put held-out images there to measure "
        "translations of them."
    )


def held_out_sources(options: Options, dataset: ImageDataset) -> Sequence[Path]:
    """Images to display rather than measure: val, else test, else training; a single picture itself."""
    if not dataset.has_distribution:
        return dataset.source.files
    folders = [Path(options.data.dataroot) / f"{split}{dataset.source.letter}" for split in SPLITS]
    return next(filter(None, map(find_images, folders)), dataset.source.files)


def whole_view(dataset: ImageDataset) -> Preprocessing:
    """The preprocessing of a data set with nothing drawn at random.

    Images are scaled to the crop's size, neither zoomed nor flipped, and cropped from the middle: as training sees them
    while the learning rate decays, and as the papers' protocol does. A single picture stays whole.
    """
    usual = dataset.preprocessing
    words = usual.words if dataset.has_distribution else frozenset()
    return replace(usual, words=words, load_size=usual.crop_size, zoom_low=1.0, flip=False)


def preprocessed_image(file: Path, channels: int, preprocessing: Preprocessing, background: Color) -> Image.Image:
    """An image file, preprocessed with a central crop.

    Raises:
        UserError: when it cannot be read, or is too small for the preprocessing.
    """
    image = read_image(file, channels, background)
    if problem := preprocessing.problem(image.size):
        raise UserError(f"{file} {problem}")
    return preprocessing.apply(image, preprocessing.centred(image.size))


def as_picture(image: Tensor) -> np.ndarray:
    """(1 or 3, H, W) in [−1, 1] as the uint8 (H, W, 3) that a saved file gives back; grey is repeated."""
    return to_8bit(image.expand(3, -1, -1) if len(image) == 1 else image)
