"""Measure pictures against the real held-out images of a run, whose features are computed once."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import torch

from cut.data.dataset import ImageDataset
from cut.errors import UserError
from cut.evaluation.comparison.held_out import SPLITS, HeldOut, Pictures, Shown, held_out, single_pictures
from cut.evaluation.comparison.palette import Palette, chosen_palette, load_palette
from cut.evaluation.comparison.perceptual import PerceptualDistance, PerceptualScorer
from cut.evaluation.comparison.scores import PairScores, compare_sets, compare_single
from cut.evaluation.comparison.segmenter import SegmentationScorer, Segmenter
from cut.evaluation.features.extraction import chosen_extractor, image_set, local_set
from cut.evaluation.features.extractor import Extractor
from cut.evaluation.features.feature_cache import cached_features
from cut.evaluation.features.feature_set import FeatureSet
from cut.measures import Needs
from cut.options import Options
from cut.training.evaluation import Evaluation


class Stopped(Exception):
    """A stop was requested during a measurement."""


def never() -> bool:
    return False


class Scorer(Protocol):
    """What scores translations one by one, beside the measures that all runs have."""

    def begin(self) -> None:
        """Forget the translations so far."""

    def add(self, index: int, picture: np.ndarray) -> None:
        """Score the translation of held-out source `index`, uint8 (H, W, 3)."""

    def measures(self) -> dict[str, float]:
        """Of the translations since `begin`, by name."""

    def details(self, check: Callable[[], None]) -> Mapping[str, Any]:
        """What makes the scores comparable; long work calls `check`, which may raise."""


class Yardstick:
    """Compares pictures with the real held-out images, whose features are computed once and kept on disk.

    Args:
        seed: of the subsets of the kernel distance.
        palette: colours of a map-like target, for segmentation scores of pairs.
        scorers: what else scores the translations.
        needs: which measures of features are taken.
    """

    def __init__(
        self,
        images: HeldOut,
        extractor: Extractor,
        *,
        seed: int = 0,
        palette: Palette | None = None,
        scorers: Sequence[Scorer] = (),
        needs: Sequence[Needs] = ("features",),
    ) -> None:
        self.images, self.extractor, self.seed, self.palette = images, extractor, seed, palette
        self.scorers, self.needs = scorers, needs
        self._real: FeatureSet | None = None

    def compare(self, pictures: Iterable[np.ndarray | Shown], stopped: Callable[[], bool] = never) -> Evaluation:
        """Measure pictures, uint8 (H, W, 3), against the real images of the target domain.

        Args:
            pictures: one for each held-out source, in their order; with `Shown`, pairs are scored by all bands.
            stopped: called before every picture.

        Raises:
            Stopped: soon after `stopped()` became true.
            UserError: when an image cannot be read.
        """
        began = time.perf_counter()
        real = self._real_features(stopped)
        scores = PairScores(self.palette) if self.images.pairs else None
        for scorer in self.scorers:
            scorer.begin()
        fake = image_set(self.extractor, self._watched(pictures, scores, stopped, self.scorers))
        found = compare_sets(real, fake, self.seed, began, {"split": self.images.split}, scores, self.needs)
        measures, details = dict(found.measures), dict(found.details)
        for scorer in self.scorers:
            details |= scorer.details(lambda: _check(stopped))
            measures |= scorer.measures()
        return replace(found, measures=measures, details=details, seconds=time.perf_counter() - began)

    def compare_files(self, pictures: Pictures) -> Evaluation:
        """Likewise image files that show other things than the held-out sources, by the distances alone."""
        began = time.perf_counter()
        real, fake = self._real_features(never), self._features(pictures, never)
        return compare_sets(real, fake, self.seed, began, {"split": self.images.split}, needs=self.needs)

    def _real_features(self, stopped: Callable[[], bool]) -> FeatureSet:
        if self._real is None:
            self._real = self._features(self.images.target, stopped)
        return self._real

    def _features(self, pictures: Pictures, stopped: Callable[[], bool]) -> FeatureSet:
        """From the user's cache where they were computed before."""

        def make() -> FeatureSet:
            return image_set(self.extractor, self._watched(pictures.all_pixels(), None, stopped))

        return cached_features(self.extractor, pictures.files, make, pictures.recipe)

    def _watched(
        self,
        pictures: Iterable[np.ndarray | Shown],
        scores: PairScores | None,
        stopped: Callable[[], bool],
        scorers: Sequence[Scorer] = (),
    ) -> Iterator[np.ndarray]:
        """Yield the pictures; each is also scored, in pairs against the real image of the same index."""
        for index, one in enumerate(pictures):
            _check(stopped)
            picture, values = one if isinstance(one, Shown) else (one, one)
            if scores is not None:
                target = self.images.target.shown(index)
                real = target.values if isinstance(one, Shown) else target.picture
                if real.shape[-1] == values.shape[-1]:  # else these are sources of other bands, as a baseline
                    scores.add(real, values)
            for scorer in scorers:
                scorer.add(index, picture)
            yield picture


class SingleYardstick(Yardstick):
    """Compares one picture with one other: the distributions of the features at all their places (SinGAN's SIFID)."""

    def compare(self, pictures: Iterable[np.ndarray | Shown], stopped: Callable[[], bool] = never) -> Evaluation:
        began = time.perf_counter()
        fake, real = (
            [local_set(self.extractor, picture) for picture in self._watched(side, None, stopped)]
            for side in (pictures, self.images.target.all_pixels())
        )
        return compare_single(real[0], fake[0], began, {"split": self.images.split})


def _check(stopped: Callable[[], bool]) -> None:
    """
    Raises:
        Stopped: when a stop was requested.
    """
    if stopped():
        raise Stopped


class Impossible(UserError):
    """The held-out images or the extractor's weights are missing: why nothing can be measured, and what to do."""


def make_yardstick(
    options: Options, device: torch.device | str, dataset: ImageDataset, splits: Sequence[str] = SPLITS
) -> Yardstick:
    """What the translations of a run are compared with.

    Args:
        device: where the extractor is to run.
        dataset: for its sides, channels and preprocessing.
        splits: where to look for held-out images, in this order.

    Raises:
        Impossible: when the data set or this machine has nothing to measure with.
        UserError: for a file or a measure that was asked for and cannot be used.
    """
    chosen = options.evaluation
    palette = chosen_palette(chosen.palette)

    def load() -> Extractor:
        return chosen_extractor(chosen, device)

    # A file that was given is checked in any case; a download waits until there are images to measure.
    given = chosen.inception_weights is not None or chosen.feature_extractor in ("dinov2", "clip")
    extractor = load() if given else None
    segmenter = Segmenter(chosen.drn_weights, device) if chosen.drn_weights is not None else None
    perceptual = PerceptualDistance(chosen.lpips_weights, device) if chosen.lpips_weights is not None else None
    if not dataset.has_distribution and chosen.best_metric != "sifid":
        raise Impossible("A single image has no distribution to compare with (--best_metric sifid measures it).")
    try:
        images = held_out(options, dataset, splits) if dataset.has_distribution else single_pictures(dataset)
        extractor = extractor or load()
    except UserError as error:
        raise Impossible(*error.problems) from None
    if not dataset.has_distribution:
        return SingleYardstick(images, extractor, seed=options.run.seed)
    scorers: list[Scorer] = []
    if segmenter is not None:
        photos = images.target if images.pairs else None
        scorers.append(SegmentationScorer(segmenter, load_palette("cityscapes"), images.source, photos))
    if perceptual is not None:
        scorers.append(PerceptualScorer(perceptual, images))
    needs: tuple[Needs, ...] = ("features", "neighbours") if chosen.precision_recall else ("features",)
    seed = options.run.seed
    return Yardstick(images, extractor, seed=seed, palette=palette, scorers=scorers, needs=needs)
