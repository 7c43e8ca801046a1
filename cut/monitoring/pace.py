"""How fast a run is, and how long it will take from here."""

import itertools
import statistics
import time
from collections.abc import Callable

from cut.options import Options
from cut.training.listener import EvaluationEvent, Listener, Progress, RunFacts, StepEvent
from cut.training.schedule import evaluation_is_due

KEPT = 1 - 1 / 300  # weight of the past after a step: one slow step hardly shows, a machine that became busy soon does

FIRST = 64  # steps among which a slow start is looked for
SLOW = 2.0  # times the usual duration


class Pace(Listener):
    """Times the steps and what happens between them (data, saves, other listeners); evaluations are timed separately.

    Otherwise the estimate would jump at every evaluation and fall until the next one. The first steps of a process can
    be many times slower than the others; such a start is soon left out. The record of a run owns one and passes its
    events on to it.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.clock = clock

    def start(self, options: Options, progress: Progress, facts: RunFacts) -> None:
        self.every_epochs = options.evaluation.evaluation_epoch_freq if facts.best_metric else 0
        self.evaluation_seconds = facts.evaluations[-1].seconds if facts.evaluations else 0.0
        self.images = self.seconds = 0.0
        self.first: list[tuple[int, float]] = []  # images and seconds of the first steps
        self.left_out = 0  # of these
        self.last_step: float | None = None  # the first step is not counted: it includes one-time set-up

    def after_step(self, event: StepEvent) -> None:
        now = self.clock()
        if self.last_step is not None:
            seconds = now - self.last_step
            self.images = KEPT * self.images + event.batch_size
            self.seconds = KEPT * self.seconds + seconds
            if len(self.first) < FIRST:
                self.first.append((event.batch_size, seconds))
                if len(self.first).bit_count() == 1:  # after 1, 2, 4, … steps
                    self._leave_out_slow_start()
        self.last_step = now

    def after_evaluation(self, event: EvaluationEvent) -> None:
        self.evaluation_seconds = event.evaluation.seconds
        if self.last_step is not None:
            self.last_step = min(self.last_step + event.evaluation.seconds, self.clock())

    def evaluation_due(self, epoch: int, last_epoch: int) -> bool:
        """Whether the generator is measured after this epoch."""
        return evaluation_is_due(epoch, self.every_epochs, last_epoch)

    def _leave_out_slow_start(self) -> None:
        usual = statistics.median(seconds / images for images, seconds in self.first)
        slow = list(itertools.takewhile(lambda step: step[1] > SLOW * usual * step[0], self.first))
        for at in range(self.left_out, len(slow)):
            weight = KEPT ** (len(self.first) - 1 - at)
            self.images -= weight * slow[at][0]
            self.seconds -= weight * slow[at][1]
        self.left_out = max(self.left_out, len(slow))

    @property
    def images_per_second(self) -> float | None:
        """None before the second step."""
        return self.images / self.seconds if self.seconds > 0 else None

    def seconds_left(self, progress: Progress) -> float | None:
        """Until the end, with the evaluations to come, each as long as the last one; None before the second step.

        The evaluation of the current epoch counts as one to come.
        """
        if self.seconds <= 0:
            return None
        evaluations = 0
        if self.every_epochs > 0 and progress.epoch <= progress.last_epoch:
            evaluations = progress.last_epoch // self.every_epochs - (progress.epoch - 1) // self.every_epochs
            evaluations += progress.last_epoch % self.every_epochs != 0
        return progress.images_left * self.seconds / self.images + evaluations * self.evaluation_seconds


def duration(seconds: float) -> str:
    """ "45 s", "12 min", "1 h 20 min", "23 h", "3 d 4 h": a readable duration, in at most ten characters."""
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 10:
        return f"{hours} h {minutes} min"
    days, hours = divmod(round(seconds / 3600), 24)
    if days < 2:
        return f"{24 * days + hours} h"
    return f"{days} d {hours} h" if days < 1000 else f"{days} d"
