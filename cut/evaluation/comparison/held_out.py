"""The held-out images of a run, preprocessed as in training, but without random choices."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from torch import Tensor

from cut.data.dataset import ImageDataset
from cut.data.domain import Domain
from cut.data.files import check_images
from cut.data.formats.raster import Picture
from cut.data.images import Color, to_8bit, to_tensor
from cut.data.pair_names import aligned_pairs
from cut.data.resampling import Size
from cut.data.transforms import Preprocessing
from cut.data.views import View
from cut.errors import UserError
from cut.options import Options

SPLITS = ("val", "test")  # in the order in which they are looked for
FEWEST = 2  # images of a side; a covariance needs two


@dataclass(frozen=True)
class Pictures:
    """Images of one domain, preprocessed with nothing drawn at random.

    Attributes:
        side: the domain.
        preprocessing: what is done to them; crops are central.
        background: colour behind transparent pixels.
        view: which bands a feature network sees, where there are more than three.
    """

    side: Domain
    preprocessing: Preprocessing
    background: Color
    view: View = View()

    @property
    def folder(self) -> Path:
        return self.side.folder

    @property
    def files(self) -> tuple[Path, ...]:
        return self.side.files

    def __len__(self) -> int:
        return len(self.files)

    @property
    def recipe(self) -> str:
        """What is done to a file, in words: two recipes are equal exactly when they make the same pixels."""
        steps = vars(self.preprocessing) | {"words": sorted(self.preprocessing.words)}  # a set has no fixed order
        half = "" if self.side.half is None else f" half={self.side.half}"
        reading = "" if self.side.reading is None else f" {self.side.reading} {self.view.bands}"
        return f"{steps} channels={self.side.channels} background={self.background}{half}{reading}"

    def tensor(self, index: int) -> Tensor:
        """Image `index` as the networks take it: (C, H, W) in [−1, 1].

        Raises:
            UserError: when the file cannot be read, or is too small for `--preprocess`.
        """
        image = preprocessed_image(self.side, self.files[index], self.preprocessing, self.background)
        return to_tensor(image, self.side.channels)

    def check(self) -> list[Size]:
        """The sizes of the files, from their headers.

        Raises:
            UserError: for files that cannot be used.
        """
        of_image = self.preprocessing.problem
        return check_images(
            self.files, problem=lambda size: self.side.problem(size, of_image), check_one=self.side.check_file
        )

    def pixels(self, index: int) -> np.ndarray:
        """Image `index` as a picture file would hold it: uint8 (H, W, 3); of more bands, those of the view."""
        return self.shown(index).picture

    def shown(self, index: int) -> "Shown":
        """Image `index` as it is measured."""
        return self.view_of(self.tensor(index))

    def view_of(self, image: Tensor) -> "Shown":
        """An image or a translation into this domain, as it is measured."""
        picture = as_picture(self.view.chosen(image))
        if self.side.reading is None:
            return Shown(picture, picture)
        return Shown(picture, image.float().clamp(-1, 1).add(1).mul(127.5).permute(1, 2, 0).cpu().numpy())

    def all_pixels(self) -> Iterator[np.ndarray]:
        return (self.pixels(index) for index in range(len(self)))

    def all_shown(self) -> "Iterator[Shown]":
        return (self.shown(index) for index in range(len(self)))


class Shown(NamedTuple):
    """An image as it is measured.

    Attributes:
        picture: what a feature network sees, uint8 (H, W, 3).
        values: what pairs are compared by, (H, W, C): the picture, or all bands as float32 in 0 … 255, which stand
            for the range that a band was scaled by: PSNR and SSIM are those of physical units over that range.
    """

    picture: np.ndarray
    values: np.ndarray


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
        options: `evaluation_images` is read.
        dataset: for its splits and preprocessing.

    Raises:
        UserError: when there are no such folders, or a file in them cannot be used.
    """
    limit = options.evaluation.evaluation_images
    split, view = held_out_split(dataset.split, dataset.root, splits), View.of(options)
    source, target = (
        Pictures(side, whole_view(dataset), dataset.background, view) for side in dataset.split(split, limit)
    )
    sizes = [side.check() for side in (source, target)]
    same_names = dict(aligned_pairs(source.files, target.files)) == dict(zip(source.files, target.files, strict=False))
    pairs = options.evaluation.evaluation_pairs and same_names and sizes[0] == sizes[1]
    return HeldOut(split, source, target, pairs)


def held_out_split(sides_of: Callable[[str], Sequence[Domain]], root: Path, splits: Sequence[str]) -> str:
    """The first of `splits` that has enough images on both sides.

    Args:
        sides_of: source and target of a split, such as `dataset.split`.
        root: the folder of the data, to name.

    Raises:
        UserError: when none has; it names all that were looked for.
    """
    found, wanted = [], []
    for split in splits:
        sides = sides_of(split)
        if min(len(side.files) for side in sides) >= FEWEST:
            return split
        counts = {side.folder: len(side.files) for side in sides}  # both sides may be in one folder
        wanted.append(" and ".join(folder.name for folder in counts))
        found += [
            f"{folder.name} {'holds one image' if count else 'holds no images'}"
            for folder, count in counts.items()
            if folder.is_dir() and count < FEWEST
        ]
    reason = f" ({', '.join(found)})" if found else ""
    raise UserError(
        f"{root} has no {' or '.join(wanted)} with at least {FEWEST} images each{reason}: put held-out images there to "
        "measure translations of them."
    )


def single_pictures(dataset: ImageDataset) -> HeldOut:
    """The picture of each side of a single-image data set, whole: there are no others to hold out.

    Raises:
        UserError: when there is no target, or a picture cannot be read.
    """
    if dataset.target is None:
        raise UserError(f"{dataset.root} has no picture of the target domain to compare with: put one there.")
    source, target = (
        Pictures(side, whole_view(dataset), dataset.background) for side in (dataset.source, dataset.target)
    )
    return HeldOut(source.folder.name, source, target, pairs=False)


def held_out_sources(dataset: ImageDataset) -> Domain:
    """Images to display rather than measure: val, else test, else training; a single picture itself."""
    if not dataset.has_distribution:
        return dataset.source
    sources = (dataset.split(split)[0] for split in SPLITS)
    return next((source for source in sources if source.files), dataset.source)


def whole_view(dataset: ImageDataset) -> Preprocessing:
    """The preprocessing of a data set with nothing drawn at random.

    Images are scaled to the crop's size, neither zoomed, flipped nor turned, and cropped from the middle: as training
    sees them while the learning rate decays, and as the papers' protocol does. A single picture stays whole.
    """
    usual = dataset.preprocessing
    words = usual.words if dataset.has_distribution else frozenset()
    return replace(usual, words=words, load_size=usual.crop_size, zoom_low=1.0, flip=False, turns=frozenset())


def preprocessed_image(side: Domain, file: Path, preprocessing: Preprocessing, background: Color) -> Picture:
    """The image of a domain in a file, preprocessed with a central crop.

    Raises:
        UserError: when it cannot be read, or is too small for the preprocessing.
    """
    image = side.read(file, background)
    if problem := preprocessing.problem(image.size):
        raise UserError(f"{file} {problem}")
    return preprocessing.apply(image, preprocessing.centred(image.size))


def as_picture(image: Tensor) -> np.ndarray:
    """(1 or 3, H, W) in [−1, 1] as the uint8 (H, W, 3) that a saved file gives back; grey is repeated."""
    return to_8bit(image.expand(3, -1, -1) if len(image) == 1 else image)
