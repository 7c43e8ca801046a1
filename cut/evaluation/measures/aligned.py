"""Scores of translations whose real counterparts exist: image by image, and by class where there is a palette."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cut.evaluation.measures.paired import check_sizes, psnr, ssim
from cut.evaluation.measures.palette import Palette
from cut.evaluation.measures.segmentation import Confusion
from cut.measures import MEASURES


class AlignedScores:
    """PSNR and SSIM, averaged over pairs of images, and the segmentation scores of all their pixels.

    Args:
        palette: the classes' colours, for map-like pictures; None leaves the segmentation scores out.
    """

    def __init__(self, palette: Palette | None = None) -> None:
        self.palette = palette
        self.confusion = Confusion(palette.classes) if palette else None
        self._by_image: dict[str, list[float]] = {MEASURES["psnr"].label: [], MEASURES["ssim"].label: []}

    def add(self, real: np.ndarray, fake: np.ndarray, name: str = "") -> None:
        """Measure one pair.

        Args:
            real: uint8 (H, W, C), C 1 or 3.
            fake: the translation, the same.
            name: for the message of an error.

        Raises:
            UserError: when the sizes differ.
        """
        check_sizes(real, fake, name)
        for values, measure in zip(self._by_image.values(), (psnr, ssim), strict=True):
            values.append(measure(real, fake))
        if self.palette:
            self.confusion.add(self.palette.classify(real), self.palette.classify(fake))

    def measures(self) -> dict[str, float]:
        """All scores by their labels in `cut.measures`; none of those for which there was nothing to measure."""
        means = {label: float(np.mean(values)) for label, values in self._by_image.items() if values}
        return means | (self.confusion.scores() if self.confusion else {})


def aligned_pairs(source_files: Sequence[Path], target_files: Sequence[Path]) -> list[tuple[Path, Path]]:
    """The files of two folders in pairs of equal names, sorted; empty when the names are not the same on both sides.

    A name is relative to the folder that holds all files of its side, and without its suffix. Two files of one side
    that share a name leave open which is meant, so then there are no pairs either.
    """
    sides = [by_name(files, _common_folder(files)) for files in (source_files, target_files)]
    unique = [len(side) for side in sides] == [len(source_files), len(target_files)]
    if not unique or sides[0].keys() != sides[1].keys():
        return []
    return [(sides[0][name], sides[1][name]) for name in sorted(sides[0])]


def by_name(files: Sequence[Path], folder: Path) -> dict[str, Path]:
    """Files by their name relative to `folder`, without suffix; of two with the same name, the last."""
    return {pair_name(file, folder): file for file in files}


def pair_name(file: Path, folder: Path) -> str:
    """The name that a file shares with the other half of its pair: relative to its folder, without its suffix."""
    return file.relative_to(folder).with_suffix("").as_posix()


def _common_folder(files: Sequence[Path]) -> Path:
    return Path(os.path.commonpath([file.parent for file in files])) if files else Path()
