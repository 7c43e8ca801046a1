"""Measure a folder of pictures against a folder of real ones, as they are."""

import math
import time
from pathlib import Path

import numpy as np

from cut.data.files import find_images
from cut.data.images import check_image, read_stored
from cut.data.pair_names import aligned_pairs
from cut.errors import UserError
from cut.evaluation.comparison.palette import Palette
from cut.evaluation.comparison.scores import PairScores, compare_sets
from cut.evaluation.features.extraction import folder_features
from cut.evaluation.features.extractor import Extractor
from cut.training.evaluation import Evaluation


def compare_picture_folders(
    real: Path,
    fake: Path,
    extractor: Extractor,
    *,
    palette: Palette | None = None,
    seed: int = 0,
    limit: float = math.inf,
    batch_size: int | None = None,
) -> Evaluation:
    """The distances between two sets of pictures, and the scores of pairs where the names on both sides are equal.

    Args:
        real, fake: folders, or `.npz` files of statistics, also those that pytorch-fid writes.
        palette: colours of a map-like target, for segmentation scores of pairs.
        seed: of the subsets of the kernel distance.
        limit: take the first N pictures of each folder.
        batch_size: pictures that pass through the extractor together; the result does not depend on it; None
            for what suits the device.

    Raises:
        UserError: when a side has fewer than two pictures or one cannot be read; when both sides are the same.
    """
    began = time.perf_counter()
    real_set = folder_features(extractor, real, limit, batch_size)
    fake_set = folder_features(extractor, fake, limit, batch_size, keep=False)
    pairs = [] if _is_statistics(real) or _is_statistics(fake) else _pairs(real, fake, limit)
    if palette is not None and not pairs:
        raise UserError(
            f"--palette scores pairs, but {real} and {fake} do not hold pictures of equal names and sizes: leave it "
            "out, or give the folders of both halves of the pairs."
        )
    scores = PairScores(palette)
    for real_file, fake_file in pairs:
        scores.add(_pixels(real_file), _pixels(fake_file), str(fake_file))
    about = {"split": None, "real": str(real), "fake": str(fake)}
    return compare_sets(real_set, fake_set, seed, began, about, scores if pairs else None)


def _is_statistics(side: Path) -> bool:
    return side.suffix == ".npz" and not side.is_dir()


def _pairs(real: Path, fake: Path, limit: float) -> list[tuple[Path, Path]]:
    """Pictures of equal names; none where two of them differ in size, because then equal names are chance."""
    pairs = aligned_pairs(find_images(real, limit), find_images(fake, limit))
    return pairs if all(check_image(one) == check_image(other) for one, other in pairs) else []


def _pixels(file: Path) -> np.ndarray:
    return np.asarray(read_stored(file).convert("RGB"))
