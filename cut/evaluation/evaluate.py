"""Measure a generator on held-out images, while it trains or from its saved weights."""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from cut.data.dataset import ImageDataset
from cut.data.singleimage import SingleImageDataset
from cut.errors import UserError
from cut.evaluation.comparison.palette import Palette, load_palette
from cut.evaluation.comparison.scores import PairScores, comparison_details, feature_scores, what_few_images_mean
from cut.evaluation.features.extraction import image_set, load_extractor
from cut.evaluation.features.extractor import Extractor
from cut.evaluation.features.feature_cache import cached_features
from cut.evaluation.features.feature_set import FeatureSet
from cut.evaluation.held_out import SPLITS, HeldOut, Pictures, as_picture, held_out
from cut.evaluation.translator import Translator
from cut.measures import MEASURES
from cut.networks.interface import Generator
from cut.options import Options
from cut.training.evaluation import Evaluation
from cut.training.listener import Progress


class Stopped(Exception):
    """Somebody asked to stop in the middle of a measurement."""


def never() -> bool:
    return False


@dataclass(frozen=True)
class Measured:
    """What a comparison of two sets of images says; the fields are those of `Evaluation`."""

    measures: Mapping[str, float]
    spread: Mapping[str, float]
    details: Mapping[str, Any]


class Yardstick:
    """Compares pictures with the real held-out images, whose features are computed once and kept on disk.

    Args:
        images: held-out images of both sides.
        extractor: network whose features are compared.
        seed: of the subsets of the kernel distance.
        palette: colours of a map-like target, for segmentation scores of pairs.
    """

    def __init__(self, images: HeldOut, extractor: Extractor, *, seed: int = 0, palette: Palette | None = None) -> None:
        self.images, self.extractor, self.seed, self.palette = images, extractor, seed, palette
        self._real: FeatureSet | None = None

    def compare(
        self, pictures: Iterable[np.ndarray], *, pairs: bool | None = None, stopped: Callable[[], bool] = never
    ) -> Measured:
        """Measure pictures, uint8 (H, W, 3), against the real images of the target domain.

        Args:
            pictures: in the order of the held-out sources where `pairs` is true.
            pairs: whether they are to be compared one by one too; None where the held-out images are pairs.
            stopped: asked before every picture.

        Raises:
            Stopped: soon after `stopped()` became true.
            UserError: when an image cannot be read.
        """
        pairs = self.images.pairs if pairs is None else pairs
        real = self.real(stopped)
        scores = PairScores(self.palette) if pairs else None
        fake = image_set(self.extractor, self._watched(pictures, scores, stopped))
        measured = self.against(real, fake)
        details = {"pairs": pairs, "palette": self.palette.name if self.palette and pairs else None}
        return replace(
            measured,
            measures={**measured.measures, **(scores.measures() if scores else {})},
            details={**measured.details, **details},
        )

    def against(self, real: FeatureSet, fake: FeatureSet) -> Measured:
        """The distances alone, of features that are known."""
        measures, spread = feature_scores(real, fake, self.seed)
        details = {"split": self.images.split, **comparison_details(real, fake, self.seed)}
        return Measured(measures, spread, {**details, "pairs": False, "palette": None})

    def real(self, stopped: Callable[[], bool] = never) -> FeatureSet:
        """Features of the real images of the target domain."""
        if self._real is None:
            self._real = self.features(self.images.target, stopped)
        return self._real

    def features(self, pictures: Pictures, stopped: Callable[[], bool] = never) -> FeatureSet:
        """Features of image files, from the user's cache where they were computed before.

        Raises: as `compare`.
        """

        def make() -> FeatureSet:
            return image_set(self.extractor, self._watched(pictures.all_pixels(), None, stopped))

        return cached_features(self.extractor, pictures.files, make, pictures.recipe)

    def _watched(
        self, pictures: Iterable[np.ndarray], scores: PairScores | None, stopped: Callable[[], bool]
    ) -> Iterator[np.ndarray]:
        """The pictures, each scored against the real one of its place on the way."""
        for index, picture in enumerate(pictures):
            if stopped():
                raise Stopped
            if scores is not None:
                scores.add(self.images.target.pixels(index), picture)
            yield picture


class GeneratorEvaluator:
    """Measures a generator as it is (an `Evaluator` of the training loop); nothing that training depends on changes.

    It translates the held-out sources one by one, in train mode as test.py does without `--eval`, and compares what
    files of 8 bits would hold.

    Args:
        generator: measured with the weights of the moment.
        device: where it is.
        yardstick: what its translations are compared with.
        best_metric: name of the measure that decides which epoch is best.
    """

    def __init__(
        self, generator: Generator, device: torch.device | str, yardstick: Yardstick, best_metric: str
    ) -> None:
        self.generator, self.device = generator, torch.device(device)
        self.yardstick, self.best_metric = yardstick, best_metric
        self._began, self._spent = time.perf_counter(), 0.0

    @property
    def extractor(self) -> str:
        """Title of the network whose features are compared."""
        return self.yardstick.extractor.title

    def evaluate(self, progress: Progress, stopped: Callable[[], bool] = never) -> Evaluation | None:
        """Measure the generator as it is now.

        Args:
            progress: how far it was trained.
            stopped: asked before every image; once it is true, None comes back.

        Raises:
            UserError: when an image cannot be read, or a translation is not finite.
        """
        started = time.perf_counter()
        try:
            with undisturbed(self.device):
                measured = self.yardstick.compare(self._translations(), stopped=stopped)
        except Stopped:
            return None
        seconds = time.perf_counter() - started
        self._spent += seconds
        share = self._spent / (time.perf_counter() - self._began)
        return Evaluation(
            epoch=progress.epoch,
            images=progress.images,
            step=progress.step,
            measures=measured.measures,
            spread=measured.spread,
            details={**measured.details, "cost_share": round(share, 4)},
            seconds=seconds,
        )

    def _translations(self) -> Iterator[np.ndarray]:
        translate = Translator(
            self.generator, self.device, training=True, seed=self.yardstick.seed, say=lambda sentence: None
        )
        source = self.yardstick.images.source
        return (as_picture(translate(source.tensor(index))) for index in range(len(source)))


def make_evaluator(
    options: Options, generator: Generator, device: torch.device | str, dataset: ImageDataset
) -> tuple[GeneratorEvaluator | None, list[str]]:
    """The evaluator of a training run, before its first step.

    Args:
        options: of the run.
        generator: as it is being trained.
        device: where it is.
        dataset: of the training images.

    Returns:
        The evaluator, or None where nothing is to be measured or can be, and sentences that say why or on what.

    Raises:
        UserError: for a file or a measure that was asked for and cannot be used.
    """
    chosen = options.evaluation
    if not chosen.evaluation_epoch_freq:
        return None, []
    with undisturbed(torch.device(device)):
        try:
            yardstick = make_yardstick(options, device, dataset)
        except Impossible as reason:
            return None, [f"Training goes on without measures: {reason}"]
    _check_best_metric(chosen.best_metric, yardstick.images, chosen.palette)
    images, label = yardstick.images, MEASURES[chosen.best_metric].label_with(yardstick.extractor.title)
    every = chosen.evaluation_epoch_freq
    messages = [
        f"{len(images.source)} translations are compared with {len(images.target)} real images of {images.split} every "
        f"{'epoch' if every == 1 else f'{every} epochs'} (features of {yardstick.extractor.title}); the weights of the "
        f"best {label} are kept as best."
    ]
    if images.split == "test":
        messages.append(
            "There is no val split, so the test images choose the best epoch: what is reported on them is a little "
            "too good. A val split avoids that."
        )
    messages += what_few_images_mean((len(images.source), len(images.target)), yardstick.extractor.title)
    return GeneratorEvaluator(generator, device, yardstick, chosen.best_metric), messages


class Impossible(UserError):
    """Measuring was not asked for in so many words, and cannot be done here: why, and what to do."""


def make_yardstick(
    options: Options, device: torch.device | str, dataset: ImageDataset, splits: Sequence[str] = SPLITS
) -> Yardstick:
    """What the translations of a run are compared with.

    Args:
        options: of the run.
        device: where the extractor is to run.
        dataset: of the run, for its sides, channels and preprocessing.
        splits: where to look for held-out images, in this order.

    Raises:
        Impossible: when the data set or this machine has nothing to measure with.
        UserError: for a file or a measure that was asked for and cannot be used.
    """
    chosen = options.evaluation
    palette = load_palette(chosen.palette) if chosen.palette is not None else None

    def load() -> Extractor:
        return load_extractor(chosen.feature_extractor, device, chosen.inception_weights)

    # A wrong file is wrong without images too, but nothing is downloaded in vain.
    extractor = load() if chosen.inception_weights is not None else None
    if isinstance(dataset, SingleImageDataset):
        raise Impossible("A single image has no distribution to compare with.")
    try:
        images = held_out(options, dataset, splits)
    except UserError as error:
        raise Impossible(*error.problems) from None
    try:
        extractor = extractor or load()
    except UserError as error:
        raise Impossible(*error.problems) from None
    return Yardstick(images, extractor, seed=options.run.seed, palette=palette)


def _check_best_metric(name: str, images: HeldOut, palette: str | None) -> None:
    measure = MEASURES[name]
    if measure.needs != "features" and not images.pairs:
        others = " or ".join(other.name for other in MEASURES.needing("features"))
        raise UserError(
            f"--best_metric {name} compares pairs, but {images.source.folder} and {images.target.folder} do not hold "
            f"images of equal names and sizes: use --best_metric {others}."
        )
    if measure.needs == "palette" and palette is None:
        raise UserError(f"--best_metric {name} needs the colours of the classes: give --palette.")


@contextmanager
def undisturbed(device: torch.device) -> Iterator[None]:
    """Inside, random numbers may be drawn and sizes may vary; afterwards, training does not notice."""
    python, numpy, benchmark = random.getstate(), np.random.get_state(), torch.backends.cudnn.benchmark
    try:
        torch.backends.cudnn.benchmark = False  # no search for convolutions of every size that comes by
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            yield
    finally:
        torch.backends.cudnn.benchmark = benchmark
        random.setstate(python)
        np.random.set_state(numpy)
