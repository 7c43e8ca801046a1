"""The distances between real images and translations, by their names, with what makes the numbers comparable."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from cut.errors import UserError
from cut.evaluation.measures.feature_set import FeatureSet
from cut.evaluation.measures.frechet import frechet_distance
from cut.evaluation.measures.kernel import kernel_distance
from cut.measures import measure_label

ENOUGH_IMAGES = 2048  # Inception's features; the covariance of fewer images is singular


def distances(real: FeatureSet, fake: FeatureSet, seed: int = 0) -> tuple[dict[str, float], dict[str, float]]:
    """The Fréchet and the kernel distance, and the spread of the latter, by label ("FID", "KD (EfficientNet-Lite0)").

    Where one side is a file with only mu and sigma, there is no kernel distance.

    Args:
        real, fake: features of the same extractor.
        seed: decides the subsets of the kernel distance.

    Raises:
        UserError: when a side has fewer than two images, the sets are the same files, or the extractors differ.
    """
    if _same(real, fake):
        images = "images" if real.count is None else f"{real.count} images"
        raise UserError(
            f"Both sets are the same {images}, so their distance says nothing: give the folder of the real images and "
            "the folder of the translations."
        )
    frechet = measure_label("frechet", real.title)
    kernel = measure_label("kernel", real.title)
    measures, spread = {frechet: frechet_distance(real, fake)}, {}
    if real.features is not None and fake.features is not None:
        measures[kernel], spread[kernel] = kernel_distance(real, fake, seed)
    return measures, spread


def _same(real: FeatureSet, fake: FeatureSet) -> bool:
    """Whether both sides are the same files; of two that hold only statistics, the same numbers."""
    if real.statistics is not None and fake.statistics is not None:
        return all(map(np.array_equal, real.statistics, fake.statistics))
    return bool(real.content) and real.content == fake.content


def comparison_details(real: FeatureSet, fake: FeatureSet, seed: int) -> dict[str, Any]:
    """What has to be equal for two results to be comparable, for `Evaluation.details`."""
    return {
        "real_count": real.count,
        "fake_count": fake.count,
        "extractor": real.title,
        "real_sizes": real.sizes,
        "fake_sizes": fake.sizes,
        "seed": seed,
    }


def what_few_images_mean(counts: Iterable[int | None], extractor: str) -> list[str]:
    """A sentence for people when a side has fewer images than the features have dimensions, else nothing.

    Args:
        counts: of both sides; None where it is not known.
        extractor: its title.
    """
    if all(count is None or count >= ENOUGH_IMAGES for count in counts):
        return []
    frechet, kernel = measure_label("frechet", extractor), measure_label("kernel", extractor)
    return [
        f"With fewer than {ENOUGH_IMAGES:,} images on a side, {frechet} comes out too large, the more so the fewer "
        f"there are: compare it only between results with the same counts; {kernel} has no such bias."
    ]
