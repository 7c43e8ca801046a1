"""Measure pictures against the real held-out images of a run, whose features are computed once."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import torch

from cut.data.dataset import ImageDataset
from cut.errors import UserError
from cut.evaluation.comparison.held_out import SPLITS, HeldOut, Pictures, Shown, held_out
from cut.evaluation.comparison.palette import Palette, load_palette
from cut.evaluation.comparison.scores import PairScores, compare_sets
from cut.evaluation.features.extraction import image_set, load_extractor
from cut.evaluation.features.extractor import Extractor
from cut.evaluation.features.feature_cache import cached_features
from cut.evaluation.features.feature_set import FeatureSet
from cut.options import Options
from cut.training.evaluation import Evaluation


class Stopped(Exception):
    """A stop was requested during a measurement."""


def never() -> bool:
    return False


class Yardstick:
    """Compares pictures with the real held-out images, whose features are computed once and kept on disk.

    Args:
        seed: of the subsets of the kernel distance.
        palette: colours of a map-like target, for segmentation scores of pairs.
    """

    def __init__(self, images: HeldOut, extractor: Extractor, *, seed: int = 0, palette: Palette | None = None) -> None:
        self.images, self.extractor, self.seed, self.palette = images, extractor, seed, palette
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
        fake = image_set(self.extractor, self._watched(pictures, scores, stopped))
        return compare_sets(real, fake, self.seed, began, {"split": self.images.split}, scores)

    def compare_files(self, pictures: Pictures) -> Evaluation:
        """Likewise image files that show other things than the held-out sources, by the distances alone."""
        began = time.perf_counter()
        real, fake = self._real_features(never), self._features(pictures, never)
        return compare_sets(real, fake, self.seed, began, {"split": self.images.split})

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
        self, pictures: Iterable[np.ndarray | Shown], scores: PairScores | None, stopped: Callable[[], bool]
    ) -> Iterator[np.ndarray]:
        """Yield the pictures; each is also scored against the real image of the same index."""
        for index, one in enumerate(pictures):
            if stopped():
                raise Stopped
            picture, values = one if isinstance(one, Shown) else (one, one)
            if scores is not None:
                target = self.images.target
                real = target.view_of(target.tensor(index)).values if isinstance(one, Shown) else target.pixels(index)
                if real.shape[-1] == values.shape[-1]:  # else these are sources of other bands, as a baseline
                    scores.add(real, values)
            yield picture


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
    palette = load_palette(chosen.palette) if chosen.palette is not None else None

    def load() -> Extractor:
        return load_extractor(chosen.feature_extractor, device, chosen.inception_weights)

    # A file that was given is checked in any case; a download waits until there are images to measure.
    extractor = load() if chosen.inception_weights is not None else None
    if not dataset.has_distribution:
        raise Impossible("A single image has no distribution to compare with.")
    try:
        images = held_out(options, dataset, splits)
        extractor = extractor or load()
    except UserError as error:
        raise Impossible(*error.problems) from None
    return Yardstick(images, extractor, seed=options.run.seed, palette=palette)
