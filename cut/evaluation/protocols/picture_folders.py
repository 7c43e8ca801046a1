"""Measure a folder of pictures against a folder of real ones, as they are."""

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cut.data.files import EXTENSIONS, find_images
from cut.data.images import check_image, read_stored
from cut.data.pair_names import aligned_pairs
from cut.errors import UserError
from cut.evaluation.comparison.palette import Palette
from cut.evaluation.comparison.perceptual import PerceptualDistance, perceptual_measures
from cut.evaluation.comparison.scores import PairScores, compare_sets, compare_single
from cut.evaluation.features.extraction import folder_features, local_set
from cut.evaluation.features.extractor import Extractor
from cut.measures import Needs
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
    needs: Sequence[Needs] = ("features",),
    perceptual: PerceptualDistance | None = None,
) -> Evaluation:
    """The distances between two sets of pictures, and the scores of pairs where the names on both sides are equal.

    Args:
        real, fake: folders, or `.npz` files of statistics, also those that pytorch-fid writes.
        palette: colours of a map-like target, for segmentation scores of pairs.
        seed: of the subsets of the kernel distance.
        limit: take the first N pictures of each folder.
        batch_size: pictures that pass through the extractor together; the result does not depend on it; None
            for what suits the device.
        needs: which measures of features are taken, as for `feature_scores`.
        perceptual: adds LPIPS of the pairs.

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
    if perceptual is not None and not pairs:
        raise UserError(
            f"--lpips_weights compares pairs, but {real} and {fake} do not hold pictures of equal names and sizes: "
            "leave it out, or give the folders of both halves of the pairs."
        )
    scores, distances = PairScores(palette), []
    for real_file, fake_file in pairs:
        one, other = _pixels(real_file), _pixels(fake_file)
        scores.add(one, other, str(fake_file))
        if perceptual is not None:
            distances.append(perceptual(one, other))
    about: dict[str, Any] = {"split": None, "real": str(real), "fake": str(fake)}
    if perceptual is not None:
        about["lpips"] = perceptual.about
    found = compare_sets(real_set, fake_set, seed, began, about, scores if pairs else None, needs)
    if not distances:
        return found
    return replace(found, measures={**found.measures, **perceptual_measures(distances)})


def compare_two_pictures(real: Path, fake: Path, extractor: Extractor) -> Evaluation:
    """SIFID of one picture to one other, each at its own size.

    Raises:
        UserError: when one cannot be read, or is too small.
    """
    began = time.perf_counter()
    real_set, fake_set = (local_set(extractor, read_stored(file)) for file in (real, fake))
    return compare_single(real_set, fake_set, began, {"split": None, "real": str(real), "fake": str(fake)})


def _is_statistics(side: Path) -> bool:
    return side.suffix == ".npz" and not side.is_dir()


def _pairs(real: Path, fake: Path, limit: float) -> list[tuple[Path, Path]]:
    """Pictures of equal names; none where two of them differ in size, because then equal names are chance."""
    pairs = aligned_pairs(*(find_images(folder, limit, EXTENSIONS) for folder in (real, fake)))
    return pairs if all(check_image(one) == check_image(other) for one, other in pairs) else []


def _pixels(file: Path) -> np.ndarray:
    return np.asarray(read_stored(file).convert("RGB"))
