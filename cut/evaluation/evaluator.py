"""Measure a generator on held-out images while it trains, or with saved weights."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import torch

from cut.data.dataset import ImageDataset
from cut.errors import UserError
from cut.evaluation.comparison.held_out import HeldOut, Shown
from cut.evaluation.comparison.scores import what_few_images_mean
from cut.evaluation.comparison.yardstick import Impossible, Stopped, Yardstick, make_yardstick, never
from cut.evaluation.translate.translator import Translator
from cut.measures import MEASURES
from cut.networks.interface import Generator
from cut.options import Options
from cut.precision import Arithmetic
from cut.processes.group import count, is_first, objects_of_all, rank
from cut.training.evaluation import Evaluation
from cut.training.listener import Progress


class GeneratorEvaluator:
    """Measures a generator with its current weights, as an `Evaluator` of the training loop.

    Args: as for `measure`, and

        best_metric: name of the measure that decides which epoch is best.
        average: moving average of the generator: it is measured beside the generator, and its measures are the ones
            that count.
    """

    def __init__(
        self,
        generator: Generator,
        arithmetic: Arithmetic,
        yardstick: Yardstick,
        best_metric: str,
        average: Generator | None = None,
    ) -> None:
        self.generator, self.average, self.arithmetic = generator, average, arithmetic
        self.yardstick, self.best_metric = yardstick, best_metric
        self.extractor = yardstick.extractor.title
        self._began, self._spent = time.perf_counter(), 0.0

    def evaluate(self, progress: Progress, stopped: Callable[[], bool] = never) -> Evaluation | None:
        """As `measure`, after so much training; None once `stopped()`, which is called before every image, is true."""
        try:
            measured = measure(self.average or self.generator, self.arithmetic, self.yardstick, stopped)
            if self.average:
                trained = measure(self.generator, self.arithmetic, self.yardstick, stopped)
                seconds = measured.seconds + trained.seconds
                measured = replace(measured, unaveraged=trained.measures, seconds=seconds)
        except Stopped:
            return None
        self._spent += measured.seconds
        share = self._spent / (time.perf_counter() - self._began)
        details = {**measured.details, "cost_share": round(share, 4)}
        return replace(measured, epoch=progress.epoch, images=progress.images, step=progress.step, details=details)


def measure(
    generator: Generator, arithmetic: Arithmetic, yardstick: Yardstick, stopped: Callable[[], bool] = never
) -> Evaluation:
    """Measure a generator as it is; nothing that training depends on changes.

    It translates the held-out sources one by one, in train mode as test.py does without `--eval`, and they are compared
    as 8-bit files would hold them.

    Raises:
        Stopped: soon after `stopped()`, which is called before every image, became true.
        UserError: when an image cannot be read, or a translation is not finite.
    """
    with undisturbed(arithmetic.device):
        images = yardstick.images
        translation = translation_of(generator, arithmetic, images, yardstick.seed)
        if count() == 1:
            return yardstick.compare(map(translation, range(len(images.source))), stopped)
        return compare_together(yardstick, translation, len(images.source), stopped)


def translation_of(generator: Generator, arithmetic: Arithmetic, images: HeldOut, seed: int) -> Callable[[int], Shown]:
    """What makes the translation of source `index` as it is measured."""
    translate = Translator(generator, arithmetic, training=True, seed=seed, say=None)
    return lambda index: images.target.view_of(translate(images.source.tensor(index)))


def compare_together(
    yardstick: Yardstick, translation: Callable[[int], Shown], images: int, stopped: Callable[[], bool]
) -> Evaluation:
    """The processes of a run share the translations out, and the first one compares them; all get the result.

    Args:
        translation: makes picture `index`.
        images: how many there are.

    Raises:
        Exception: that of any process, in all of them.
    """

    def pictures() -> Iterator[Shown]:
        for start in range(0, images, count()):
            mine: Shown | Exception | None = None
            try:
                if stopped():
                    raise Stopped
                mine = translation(start + rank()) if start + rank() < images else None
            except Exception as error:
                mine = error
            for picture in objects_of_all(mine):
                if isinstance(picture, Exception):
                    raise picture
                if picture is not None:
                    yield picture

    shared = pictures()
    outcome: Evaluation | Exception | None = None
    try:
        outcome = yardstick.compare(shared) if is_first() else None
    except Exception as error:
        outcome = error
    try:
        for _ in shared:  # of the first process only after an error of its own: the others go on translating
            pass
    except Exception as error:  # of any process; all come here, and none may miss what follows
        outcome = outcome or error
    outcome = objects_of_all(outcome)[0]
    if isinstance(outcome, Evaluation):
        return outcome
    raise outcome if outcome is not None else Stopped


def make_evaluator(
    options: Options,
    generator: Generator,
    arithmetic: Arithmetic,
    dataset: ImageDataset,
    average: Generator | None = None,
) -> tuple[GeneratorEvaluator | None, list[str]]:
    """The evaluator of a training run, before its first step.

    Returns:
        The evaluator, or None when measuring is off or impossible; and sentences that say on what, or why not.

    Raises:
        UserError: for a file or a measure that was asked for and cannot be used.
    """
    chosen = options.evaluation
    if not chosen.evaluation_epoch_freq:
        return None, []
    with undisturbed(arithmetic.device):
        try:
            yardstick = make_yardstick(options, arithmetic.device, dataset)
        except Impossible as reason:
            early = ", and --early_stopping cannot act" if chosen.early_stopping else ""
            return None, [f"Training goes on without measures{early}: {reason}"]
    _check_best_metric(options, yardstick)
    images, label = yardstick.images, MEASURES[chosen.best_metric].label_with(yardstick.extractor.title)
    every = chosen.evaluation_epoch_freq
    if not dataset.has_distribution:
        return GeneratorEvaluator(generator, arithmetic, yardstick, chosen.best_metric, average), [
            f"The translation of {images.source.files[0].name} is compared with the one picture "
            f"{images.target.files[0].name} every {'epoch' if every == 1 else f'{every} epochs'} (features of "
            f"{yardstick.extractor.title} at all places); the weights of the best {label} are kept as best."
        ]
    pairs = ", and one by one with the image of the same name (--evaluation_pairs)" if images.pairs else ""
    messages = [
        f"{len(images.source)} translations are compared with {len(images.target)} real images of {images.split} every "
        f"{'epoch' if every == 1 else f'{every} epochs'} (features of {yardstick.extractor.title}){pairs}; the weights "
        f"of the best {label} are kept as best."
    ]
    if dataset.channels[1] not in (1, 3):
        shown = images.target.view.bands or tuple(range(3 if dataset.channels[1] > 3 else 1))
        messages.append(
            f"Feature networks see bands {', '.join(str(band + 1) for band in shown)} of {dataset.channels[1]} "
            "(--preview_bands); PSNR and SSIM use all."
        )
    if images.split == "test":
        messages.append(
            "There is no val split, so the test images choose the best epoch: results reported on them are a little "
            "too optimistic. A val split avoids that."
        )
    if not options.checkpoints.continue_train:  # else it was said before
        messages += what_few_images_mean((len(images.source), len(images.target)), yardstick.extractor.title)
    return GeneratorEvaluator(generator, arithmetic, yardstick, chosen.best_metric, average), messages


def in_all_processes(
    evaluator: GeneratorEvaluator | None, messages: list[str]
) -> tuple[GeneratorEvaluator | None, list[str]]:
    """What `make_evaluator` gave, or nothing when another process of the run has none, as they measure together."""
    if all(objects_of_all(evaluator is not None)) or evaluator is None:
        return evaluator, messages
    return None, ["Training goes on without measures: not every process of the run has what they need."]


_ASKED_BY = {"segmenter": "drn_weights", "perceptual": "lpips_weights", "neighbours": "precision_recall"}


def _check_best_metric(options: Options, yardstick: Yardstick) -> None:
    chosen, images = options.evaluation, yardstick.images
    measure = MEASURES[chosen.best_metric]
    if (measure.needs == "single") != (options.data.dataset_mode == "singleimage"):
        raise UserError(
            f"--best_metric {measure.name} compares two single pictures: use it with --dataset_mode singleimage, and "
            "frechet with sets of images."
        )
    if measure.needs in ("pairs", "palette") and not images.pairs:
        others = " or ".join(other.name for other in MEASURES.needing("features"))
        raise UserError(
            f"--best_metric {measure.name} compares pairs, but {images.source.folder} and {images.target.folder} do "
            f"not hold images of equal names and sizes: use --best_metric {others}."
        )
    if measure.needs == "palette" and yardstick.palette is None:
        raise UserError(f"--best_metric {measure.name} needs the colours of the classes: give --palette.")
    asked_by = _ASKED_BY.get(measure.needs)
    if asked_by and not getattr(chosen, asked_by):
        raise UserError(f"--best_metric {measure.name} is measured only with --{asked_by}: give it too.")


@contextmanager
def undisturbed(device: torch.device) -> Iterator[None]:
    """Inside, random numbers may be drawn and image sizes may vary, without any effect on training."""
    python, numpy, benchmark = random.getstate(), np.random.get_state(), torch.backends.cudnn.benchmark
    try:
        torch.backends.cudnn.benchmark = False  # no search for the fastest convolution at every new image size
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            yield
    finally:
        torch.backends.cudnn.benchmark = benchmark
        random.setstate(python)
        np.random.set_state(numpy)
