"""Every registered measure of translations against real images, with what makes the numbers comparable."""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from cut.errors import UserError
from cut.evaluation.comparison.confusion import Confusion
from cut.evaluation.comparison.palette import Palette
from cut.evaluation.features.feature_set import FeatureSet
from cut.measures import MEASURES, Needs
from cut.training.evaluation import Evaluation

ENOUGH_IMAGES = 2048  # Inception's features; the covariance of fewer images is singular


def feature_scores(
    real: FeatureSet, fake: FeatureSet, seed: int = 0, needs: Sequence[Needs] = ("features",)
) -> tuple[dict[str, float], dict[str, float]]:
    """The measures that need features, and the standard deviations of those that have one, both by name.

    Args:
        real, fake: features of the same extractor.
        seed: decides the subsets of the kernel distance.
        needs: which measures of features: "features", and "neighbours" for those on demand.

    Raises:
        UserError: when a side has fewer than two images, the sets are the same files, or the extractors differ.
    """
    if _same(real, fake):
        images = "images" if real.count is None else f"{real.count} images"
        raise UserError(
            f"Both sets are the same {images}, so their distance means nothing: give the folder of the real images and "
            "the folder of the translations."
        )
    measures, spread = {}, {}
    for measure in [measure for need in needs for measure in MEASURES.needing(need)]:
        found = measure.compute(real, fake, seed)
        if isinstance(found, tuple):
            measures[measure.name], spread[measure.name] = map(float, found)
        elif found is not None:
            measures[measure.name] = float(found)
    return measures, spread


class PairScores:
    """The measures that need pairs, averaged over the pairs, and those of the classes of all their pixels.

    Args:
        palette: the classes' colours, for map-like pictures; None leaves the measures of classes out.
    """

    def __init__(self, palette: Palette | None = None) -> None:
        self.palette = palette
        self.confusion = Confusion(palette.classes) if palette else None
        self._by_pair: dict[str, list[float]] = {measure.name: [] for measure in MEASURES.needing("pairs")}

    def add(self, real: np.ndarray, fake: np.ndarray, name: str = "") -> None:
        """Measure one pair, uint8 (H, W, C) with C 1 or 3.

        Raises:
            UserError: when the sizes differ, with the `name` of the pair.
        """
        if real.shape != fake.shape:
            which = f"the pair {name}" if name else "a pair"
            raise UserError(
                f"The images of {which} differ in size: the real one is {_size(real)}, the translation {_size(fake)}; "
                "prepare both in the same way."
            )
        for measure, values in self._by_pair.items():
            values.append(MEASURES[measure].compute(real, fake))
        if self.palette and self.confusion:
            self.confusion.add(self.palette.classify(real), self.palette.classify(fake))

    def measures(self) -> dict[str, float]:
        """The scores by name; none of those for which there was nothing to measure."""
        means = {name: float(np.mean(values)) for name, values in self._by_pair.items() if values}
        return means | (self.confusion.scores() if self.confusion else {})


def compare_sets(
    real: FeatureSet,
    fake: FeatureSet,
    seed: int,
    began: float,
    about: Mapping[str, Any],
    scores: PairScores | None = None,
    needs: Sequence[Needs] = ("features",),
) -> Evaluation:
    """All that was measured of two sets, of no epoch.

    Args:
        real, fake, seed, needs: as for `feature_scores`.
        began: when measuring began, by `time.perf_counter()`.
        about: details that come before the others.
        scores: of the pairs; None where the sets are not pairs.

    Raises: as `feature_scores`.
    """
    measures, spread = feature_scores(real, fake, seed, needs)
    details = {
        **about,
        "real_count": real.count,
        "fake_count": fake.count,
        "extractor": real.title,
        "real_sizes": real.sizes,
        "fake_sizes": fake.sizes,
        "variety": round(fake.variance / real.variance, 6) if real.variance else None,
        "seed": seed,
        "pairs": scores is not None,
        "palette": scores.palette.name if scores and scores.palette else None,
    }
    measures |= scores.measures() if scores else {}
    return Evaluation(0, 0, 0, measures, spread, details, time.perf_counter() - began)


def compare_single(real: FeatureSet, fake: FeatureSet, began: float, about: Mapping[str, Any]) -> Evaluation:
    """The measures of two single pictures, of no epoch.

    Args:
        real, fake: the features at all places of one picture each.
        began: when measuring began, by `time.perf_counter()`.
        about: details that come before the others.
    """
    measures = {measure.name: measure.compute(real, fake, 0) for measure in MEASURES.needing("single")}
    details = {
        **about,
        "real_count": 1,
        "fake_count": 1,
        "extractor": real.title,
        "real_sizes": real.sizes,
        "fake_sizes": fake.sizes,
        "seed": 0,
        "pairs": False,
        "palette": None,
    }
    return Evaluation(0, 0, 0, measures, {}, details, time.perf_counter() - began)


def what_few_images_mean(counts: Iterable[int | None], extractor: str) -> list[str]:
    """A warning in one sentence when a side has fewer images than the features have dimensions, else nothing.

    Args:
        counts: of both sides; None where it is not known. Of two single pictures the features of places count.
        extractor: its title.
    """
    counts = tuple(counts)
    if counts == (1, 1) or all(count is None or count >= ENOUGH_IMAGES for count in counts):
        return []
    frechet, kernel = (MEASURES[name].label_with(extractor) for name in ("frechet", "kernel"))
    return [
        f"With fewer than {ENOUGH_IMAGES:,} images on a side, {frechet} comes out too large, the more so the fewer "
        f"there are: compare it only between results with the same counts; {kernel} has no such bias."
    ]


def _same(real: FeatureSet, fake: FeatureSet) -> bool:
    """Whether both sides are the same files; of two that hold only statistics, the same numbers."""
    if real.statistics is not None and fake.statistics is not None:
        return all(map(np.array_equal, real.statistics, fake.statistics))
    return bool(real.content) and real.content == fake.content


def _size(image: np.ndarray) -> str:
    height, width, channels = image.shape
    return f"{width}×{height} with {channels} channel{'s' if channels > 1 else ''}"
