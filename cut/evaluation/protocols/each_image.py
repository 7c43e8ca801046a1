"""Image after image: progress, interruption, and files that turn out to be damaged."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from tqdm import tqdm

from cut.data.batch import Sample
from cut.data.dataset import ImageDataset
from cut.errors import UserError
from cut.training.interrupt import StopRequest


@dataclass
class Outcome:
    """The outcome of a run over images.

    Attributes:
        total: images that were to be translated.
        done: images that were.
        failures: a sentence for each image that could not be read.
        exit_status: 0, or that of the signal that stopped the run.
    """

    total: int
    done: int = 0
    failures: list[str] = field(default_factory=list)
    exit_status: int = 0

    def conclude(self, where: object) -> int:
        """Print the outcome; returns the exit status.

        Raises:
            UserError: when an image could not be read, naming each.
        """
        print(f"{self.done} of {self.total} images translated: {where}")
        if self.failures:
            raise UserError(f"{len(self.failures)} of {self.total} images were not translated:", *self.failures)
        return self.exit_status


def for_each_image(dataset: ImageDataset, count: int, translate: Callable[[int, Sample], None]) -> Outcome:
    """Call `translate(index, sample)` for the first `count` samples of a test set, in order.

    An image that cannot be decoded is noted and the rest goes on; SIGINT, SIGTERM or SIGHUP ends the run after the
    current one.
    """
    outcome = Outcome(count)
    with StopRequest() as stop:
        # Plain files and pipes get no bar.
        for index in tqdm(range(count), unit="image", disable=None, leave=False, file=sys.stderr):
            try:
                sample = dataset[1, index]
            except UserError as error:
                outcome.failures += error.problems
            else:
                translate(index, sample)
                outcome.done += 1
            if stop.signal:
                break
        outcome.exit_status = stop.exit_status
    return outcome
