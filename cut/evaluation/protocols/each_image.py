"""Image after image: progress, interruption, and files that turn out to be damaged."""

import copy
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from tqdm import tqdm

from cut.data.batch import Sample
from cut.data.dataset import ImageDataset
from cut.errors import RunFailed, UserError, counted
from cut.training.interrupt import StopRequest


@dataclass
class Outcome:
    """The outcome of a run over images.

    Attributes:
        total: images that were to be translated.
        done: images that were.
        failures: a sentence for each image that could not be translated.
        lost_targets: a sentence for each target that could not be read, of an image that was translated.
        exit_status: 0, or that of the signal that stopped the run.
    """

    total: int
    done: int = 0
    failures: list[str] = field(default_factory=list)
    lost_targets: list[str] = field(default_factory=list)
    exit_status: int = 0

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


def for_each_image(dataset: ImageDataset, count: int, translate: Callable[[int, Sample], None]) -> Outcome:
    """Call `translate(index, sample)` for the first `count` samples of a test set, in order.

    An image that cannot be read is noted and the rest goes on; one without a readable target goes without it. SIGINT,
    SIGTERM or SIGHUP ends the run after the current one.

    Raises:
        RunFailed: at the first file that cannot be read, under `--strict`.
    """
    outcome = Outcome(count)
    with StopRequest() as stop:
        # Plain files and pipes get no bar.
        for index in tqdm(range(count), unit="image", disable=None, leave=False, file=sys.stderr):
            sample = _sample(dataset, index, outcome)
            if sample is not None:
                translate(index, sample)
                outcome.done += 1
            if stop.signal:
                break
        outcome.exit_status = stop.exit_status
    return outcome


def _sample(dataset: ImageDataset, index: int, outcome: Outcome) -> Sample | None:
    """A sample, without its target where that cannot be read; None where the source cannot."""
    try:
        return dataset[1, index]
    except UserError as error:
        if not dataset.leave_out:
            raise RunFailed(*error.problems) from None
        alone = copy.copy(dataset)
        alone.target = None
        try:
            sample = alone[1, index]
        except UserError as of_source:
            outcome.failures += of_source.problems
            return None
        outcome.lost_targets += error.problems
        return sample
