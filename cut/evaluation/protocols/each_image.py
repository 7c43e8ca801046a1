"""Images read, translated and written, all at the same time: progress, interruption, and files that turn out damaged.

Threads read and write, so that the network never waits for either. Memory holds a few images at a time.
"""

import copy
import math
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeVar

import torch
from torch import Tensor
from tqdm import tqdm

from cut.data.batch import Sample
from cut.data.dataset import ImageDataset
from cut.data.images import image_size
from cut.errors import RunFailed, UserError, counted
from cut.evaluation.translate.translator import Translator
from cut.options import Options
from cut.training.interrupt import StopRequest

Given = TypeVar("Given")
Made = TypeVar("Made")
Translated = tuple[int, Sample, Tensor]  # the number of a sample, the sample, and its translation

MOST_PIXELS = 2**24  # of the images that are read ahead, and of those that wait to be written; beyond it one at a time


@dataclass
class Outcome(Generic[Made]):
    """The outcome of a run over images.

    Attributes:
        total: images that were to be translated.
        saved: what saving them gave, in their order, for those that were.
        failures: a sentence for each image that could not be translated.
        lost_targets: a sentence for each target that could not be read, of an image that was translated.
        exit_status: 0, or that of the signal that stopped the run.
    """

    total: int
    saved: list[Made] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    lost_targets: list[str] = field(default_factory=list)
    exit_status: int = 0

    @property
    def done(self) -> int:
        """How many images were translated."""
        return len(self.saved)

    def conclude(self, where: object) -> int:
        """Print the outcome; returns the exit status.

        Raises:
            RunFailed: when an image could not be read, naming each.
        """
        print(f"{self.done} of {counted(self.total, 'image')} translated: {where}")
        problems = []
        if self.failures:
            count = f"{len(self.failures)} of {counted(self.total, 'image')}"
            problems += [f"{count} were not translated:", *self.failures]
        if targets := dict.fromkeys(self.lost_targets):  # one may belong to several sources
            problems += [f"{counted(len(targets), 'target')} could not be read:", *targets]
        if problems:
            failed = RunFailed(*problems)
            failed.exit_status = self.exit_status or RunFailed.exit_status
            raise failed
        return self.exit_status


def for_each_image(
    options: Options,
    dataset: ImageDataset,
    count: int,
    translate: Translator,
    save: Callable[[int, Sample, Tensor], Made],
) -> Outcome[Made]:
    """Translate the first `count` samples of a test set, in order, and save them.

    An image that cannot be read is noted and the rest goes on; one without a readable target goes without it. SIGINT,
    SIGTERM or SIGHUP ends the run after the current images.

    Args:
        options: of the run: how many images are translated together, and how many threads read and write.
        save: called in a thread with the number of a sample, the sample and its translation, several at a time.

    Raises:
        RunFailed: at the first file that cannot be read, under `--strict`.
        UserError: when an image cannot be saved or its translation is not finite.
    """
    outcome: Outcome[Made] = Outcome(count)
    batch_size, threads = options.testing.test_batch_size, max(1, options.data.num_threads)
    most = batch_size + 2 * threads

    def translated(samples: Iterator[tuple[int, Sample]]) -> Iterator[Translated]:
        for group in _groups(samples, batch_size):
            sources = torch.stack([sample.source for _, sample in group])
            for (index, sample), translation in zip(group, translate.several(sources), strict=True):
                yield index, sample, translation
            if stop.signal:
                return

    with StopRequest() as stop, ThreadPoolExecutor(threads) as pool:
        read = _ahead(pool, partial(_read, dataset), range(count), partial(_pixels, dataset), most)
        images = translated(_readable(read, outcome))
        saved = _ahead(pool, lambda image: save(*image), images, lambda image: image[2][0].numel(), most)
        # Plain files and pipes get no bar.
        outcome.saved += tqdm(saved, total=count, unit="image", disable=None, leave=False, file=sys.stderr)
        outcome.exit_status = stop.exit_status
    return outcome


def _ahead(
    pool: Executor,
    work: Callable[[Given], Made],
    items: Iterable[Given],
    pixels: Callable[[Given], int],
    most: int,
) -> Iterator[Made]:
    """`work(item)` for every item, in order: threads do it for the next few while a result is used."""
    waiting: deque[tuple[Future[Made], int]] = deque()
    for item in items:
        waiting.append((pool.submit(work, item), pixels(item)))
        while len(waiting) > most or sum(size for _, size in waiting) > MOST_PIXELS:
            yield waiting.popleft()[0].result()
    while waiting:
        yield waiting.popleft()[0].result()


def _pixels(dataset: ImageDataset, index: int) -> int:
    """Those of the files of a sample; 0 of a file that cannot be read."""
    total = 0
    for side, file in dataset.files_of((1, index)):
        if side.reading is None:
            total += math.prod(image_size(file) or (0,))
        else:
            with suppress(UserError):
                total += math.prod(side.reading.size(file))
    return total


def _groups(samples: Iterator[tuple[int, Sample]], most: int) -> Iterator[list[tuple[int, Sample]]]:
    """Samples that follow each other and have sources of one size, up to so many together."""
    group: list[tuple[int, Sample]] = []
    try:
        for index, sample in samples:
            if group and sample.source.shape != group[0][1].source.shape:
                yield group
                group = []
            group.append((index, sample))
            if len(group) == most:
                yield group
                group = []
    except UserError:
        if group:
            yield group  # what came before the error is finished
        raise
    if group:
        yield group


@dataclass(frozen=True)
class _Read:
    """What reading gave: a sample, without its target where that cannot be read, or None; and a sentence on each file
    that cannot be."""

    sample: Sample | None
    problems: tuple[str, ...] = ()


def _read(dataset: ImageDataset, index: int) -> _Read:
    """
    Raises:
        RunFailed: when a file cannot be read, under `--strict`.
    """
    try:
        return _Read(dataset[1, index])
    except UserError as error:
        if not dataset.leave_out:
            raise RunFailed(*error.problems) from None
        alone = copy.copy(dataset)
        alone.target = None
        try:
            return _Read(alone[1, index], error.problems)
        except UserError as of_source:
            return _Read(None, of_source.problems)


def _readable(read: Iterable[_Read], outcome: Outcome) -> Iterator[tuple[int, Sample]]:
    """The samples that were read, with their numbers; the outcome gets what failed."""
    for index, one in enumerate(read):
        if one.sample is None:
            outcome.failures += one.problems
        else:
            outcome.lost_targets += one.problems
            yield index, one.sample
