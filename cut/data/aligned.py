"""Pairs of images: side by side in one file, or two folders of equal names."""

import math
from collections.abc import Sequence
from pathlib import Path

from cut.data.dataset import ImageDataset
from cut.data.domain import Domain
from cut.data.files import find_images, images_at, phase_folders, some_images_at
from cut.data.formats.raster import Picture
from cut.data.halves import Half
from cut.data.images import read_image
from cut.data.lists import check_groups
from cut.data.pair_names import by_name
from cut.data.resampling import Size
from cut.data.shapes import NAMED, odd_pairs
from cut.data.transforms import Augmentation
from cut.errors import UserError, counted, some
from cut.options import Options
from cut.registry import DATASETS


@DATASETS.register("aligned")
class AlignedDataset(ImageDataset):
    """Pairs from `dataroot/{phase}`, A left and B right in each file; else from `{phase}A` and `{phase}B`, where files
    of equal names are a pair. Phase test falls back to val.

    An epoch has every pair once. Zoom, crop and flip are drawn once for both images of a pair. In testing the folder of
    targets may be missing.

    Args:
        options: of the run; `--direction BtoA` makes domain B the source.

    Raises:
        UserError: when there are no pairs, or an image has no partner.
    """

    in_pairs = True

    def __init__(self, options: Options) -> None:
        data = options.data
        letters = "AB" if data.direction == "AtoB" else "BA"
        super().__init__(options, *(_side_by_side(options, letters) or _two_folders(options, letters)))

    def __len__(self) -> int:
        return len(self.source.files)

    def check(self) -> None:
        super().check()
        if self.is_train and self.target is not None and self.source.half is None:
            sides = (self.source.files, self.target.files)
            if odd := odd_pairs(sides, (self._input_sizes[0], self._input_sizes[1]), len(self)):
                raise UserError(f"The images of a pair must be of one size, but {odd}; scale one to the other.")

    def split(self, name: str, limit: float = math.inf) -> tuple[Domain, Domain]:
        folder = self.root / name
        if files := tuple(find_images(folder, limit)):
            return _halves(self.letters, folder, files, self.channels)
        return super().split(name, limit)

    def _images(self, epoch: int, index: int) -> list[Picture]:
        sides = self._sides()
        if self.source.half is None or len({(side.channels, side.reading) for side in sides}) > 1:
            return super()._images(epoch, index)
        file = self.source.files[self._number(self.source, epoch, index)]  # which is decoded once for both halves
        halves = [side.half for side in sides if side.half is not None]
        if self.source.reading is not None:
            raster = self.source.reading.read(file)
            return [half.of(raster) for half in halves]
        picture = read_image(file, self.source.channels, self.background)
        return [half.of(picture) for half in halves]

    def _augmentations(self, sizes: list[Size], epoch: int, index: int) -> list[Augmentation]:
        """Once for both; halves of an odd width differ by a column, and the crop must lie inside of both."""
        size = min(sizes, key=self._preprocessing_in(epoch).scaled)
        side = min(self._sides(), key=lambda side: side.letter)  # the same one in either direction
        return [self._augmentation(side, size, epoch, index)] * len(sizes)


def _side_by_side(options: Options, letters: Sequence[str]) -> tuple[Domain, Domain] | None:
    """Source and target in the files of {phase}; None where there are none."""
    data, phase = options.data, options.run.phase
    for folder in (Path(data.dataroot) / name for name in ((phase, "val") if phase == "test" else (phase,))):
        if files := tuple(find_images(folder, data.max_dataset_size)):
            return _halves(letters, folder, files, (data.input_nc, data.output_nc))
    return None


def _halves(
    letters: Sequence[str], folder: Path, files: tuple[Path, ...], channels: tuple[int, int]
) -> tuple[Domain, Domain]:
    halves = {"A": Half.LEFT, "B": Half.RIGHT}
    source, target = (
        Domain(letter, folder, files, count, halves[letter]) for letter, count in zip(letters, channels, strict=True)
    )
    return source, target


def _two_folders(options: Options, letters: Sequence[str]) -> tuple[Domain, Domain | None]:
    """Source and target from {phase}A and {phase}B.

    Raises:
        UserError: when these are missing, or an image in them has no partner.
    """
    data, phase = options.data, options.run.phase
    try:
        given = {letter: options.formats.root_of(letter) for letter in "AB"}
        folders = phase_folders(data.dataroot, phase, "AB" if options.is_train else letters[0], given=given)
    except UserError:
        if any(given.values()) or not Path(data.dataroot).is_dir():
            raise
        raise UserError(
            f"{data.dataroot} holds no pairs of phase {phase}: put files with A left and B right into {phase}, or "
            f"files of equal names into {phase}A and {phase}B, or use another --dataset_mode."
        ) from None
    check_groups(list(given.values()))
    (source, target), limit = (folders[letter] for letter in letters), data.max_dataset_size
    if not options.is_train and not images_at(target, 1, phase)[1]:
        folder, files = some_images_at(source, limit, phase)
        return Domain(letters[0], folder, tuple(files), data.input_nc), None
    pairs = _pairs(source, target, phase)
    pairs = pairs[: int(min(len(pairs), limit))]
    return (
        Domain(letters[0], images_at(source, split=phase)[0], tuple(file for file, _ in pairs), data.input_nc),
        Domain(letters[1], images_at(target, split=phase)[0], tuple(file for _, file in pairs), data.output_nc),
    )


def _pairs(source: Path, target: Path, split: str) -> list[tuple[Path, Path]]:
    """The images of two folders in pairs of equal names, sorted; their suffixes may differ.

    Raises:
        UserError: when an image has no partner of its own.
    """
    (source_folder, sources), (target_folder, targets) = (
        some_images_at(place, split=split) for place in (source, target)
    )
    files = [sources, targets]
    named, partners = by_name(sources, source_folder), by_name(targets, target_folder)
    names = sorted(named.keys() & partners.keys())
    pairs = [(named[name], partners[name]) for name in names]
    paired = {file for pair in pairs for file in pair}
    if alone := [file for side in files for file in side if file not in paired]:
        verb, them = ("has", "it") if len(alone) == 1 else ("have", "them")
        raise UserError(
            f"{counted(len(alone), 'image')} of {source} and {target} {verb} no partner of the same name in the other "
            f"folder ({some(alone, NAMED)}): remove or rename {them}, or use a --model for images that are not pairs."
        )
    return pairs
