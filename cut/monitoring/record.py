"""The record of a run: its series, measurements and epochs in memory, which the views only render."""

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cut.errors import UserError
from cut.monitoring.log_files import METRICS, is_before, read_metrics
from cut.monitoring.pace import Pace
from cut.monitoring.series import Series
from cut.options import Options
from cut.training.evaluation import Evaluation, best_evaluation
from cut.training.listener import EpochEvent, EvaluationEvent, Listener, Progress, RunFacts, StepEvent

RATES = ("learning rate", "images per second")


@dataclass(frozen=True)
class Start:
    """The start of a run, or its continuation, after so many optimizer steps; the rest as in `RunFacts`."""

    step: int
    device: str
    parameters: Mapping[str, int]


@dataclass(frozen=True)
class FinishedEpoch:
    """A finished epoch: its number, the optimizer steps after it, its duration, and the peak memory so far."""

    epoch: int
    step: int
    seconds: float
    peak_memory_bytes: int | None


class Record(Listener):
    """What a run has logged. A continued run reads its `metrics.jsonl` back, so that its curves go on.

    It is a listener that must be called before the views that render it.

    Attributes:
        losses: by published name.
        rates: those of `RATES`.
        measures, spread: of the evaluations, by label, so that a change of the extractor begins another curve.
        evaluations: every measurement, oldest first.
        best: the best of them, as the run decided; None where there is none.
        starts, epochs: oldest first.
        pace: how fast the run is.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.pace = Pace(clock)
        self.losses, self.rates, self.measures, self.spread = Series(), Series(), Series(), Series()
        self.evaluations: list[Evaluation] = []
        self.best: Evaluation | None = None
        self.starts: list[Start] = []
        self.epochs: list[FinishedEpoch] = []

    @classmethod
    def from_file(cls, file: Path) -> "Record":
        """The record of a run that may be over, from its `metrics.jsonl`, without the losses and rates.

        Damaged entries are skipped.

        Raises:
            OSError, UserError: when the file cannot be read.
            KeyError: when no entry says what ran, because what should say it lacks something.
        """
        record, lacking = cls(), None
        for entry in read_metrics(file, kind=None):
            try:
                if "evaluation" in entry:
                    evaluation = Evaluation.from_json(entry["evaluation"])
                    record._add_evaluation(evaluation, evaluation if entry["best"] else record.best)
                else:
                    record._add_mark(entry)
            except KeyError as error:
                lacking = lacking or error
        if lacking is not None and not record.starts:
            raise lacking
        return record

    @property
    def last(self) -> Evaluation | None:
        """The last measurement."""
        return self.evaluations[-1] if self.evaluations else None

    @property
    def peak_memory_bytes(self) -> int | None:
        """The most that was held; None before the first epoch, and where the system does not say."""
        return max((one.peak_memory_bytes for one in self.epochs if one.peak_memory_bytes is not None), default=None)

    def start(self, options: Options, progress: Progress, facts: RunFacts) -> None:
        self.print_freq = options.monitoring.print_freq
        self.pace.start(options, progress, facts)
        if progress.images > 0:
            # A file that cannot be read is reported by `MetricsLog`, which continues it; a damaged entry is skipped.
            with contextlib.suppress(OSError, UserError):
                self._take_up(options.run.folder / METRICS, progress)
        self.starts.append(Start(progress.step, facts.device, facts.parameters))
        best = best_evaluation(facts.evaluations, facts.best_metric) if facts.best_metric else None
        for evaluation in facts.evaluations:
            self._add_evaluation(evaluation, best)

    def after_step(self, event: StepEvent) -> None:
        self.pace.after_step(event)
        if event.due(self.print_freq):
            seconds = event.seconds + event.data_seconds
            self._add_step(event.progress.epochs, event.losses, event.learning_rate, seconds)

    def after_epoch(self, event: EpochEvent) -> None:
        at = event.progress
        self.epochs.append(FinishedEpoch(at.epoch, at.step, event.seconds, event.peak_memory_bytes))

    def after_evaluation(self, event: EvaluationEvent) -> None:
        self.pace.after_evaluation(event)
        self._add_evaluation(event.evaluation, event.best)

    def _take_up(self, file: Path, progress: Progress) -> None:
        """What the run had logged before it continues at `progress`; its measurements come with the saved state."""
        for entry in read_metrics(file, kind=None):
            with contextlib.suppress(KeyError, TypeError, ValueError, AttributeError):
                if "evaluation" in entry or not is_before(entry, progress):
                    continue
                if "losses" in entry:
                    epochs = entry["epoch"] - 1 + entry["epoch_images"] / progress.images_per_epoch
                    seconds = (entry.get("seconds_per_image") or 0.0) + (entry.get("data_seconds_per_image") or 0.0)
                    self._add_step(epochs, entry["losses"], entry.get("learning_rate"), seconds)
                else:
                    self._add_mark(entry)

    def _add_step(self, epochs: float, losses: Mapping[str, float | None], rate: float | None, seconds: float) -> None:
        self.losses.add(epochs, losses)
        self.rates.add(epochs, dict(zip(RATES, (rate, 1 / seconds if seconds > 0 else None), strict=True)))

    def _add_evaluation(self, evaluation: Evaluation, best: Evaluation | None) -> None:
        self.evaluations.append(evaluation)
        self.measures.add(evaluation.epoch, evaluation.all_labelled())
        self.spread.add(evaluation.epoch, evaluation.labelled(evaluation.spread))
        self.best = best

    def _add_mark(self, entry: Mapping[str, Any]) -> None:
        """A start or a finished epoch, as `metrics.jsonl` has it."""
        if "run" in entry:
            run = entry["run"]
            self.starts.append(Start(entry["step"], run["device"], dict(run["parameters"])))
        elif "finished_epoch" in entry:
            done = entry["finished_epoch"]
            epoch = FinishedEpoch(int(entry["epoch"]), entry["step"], done["seconds"], done["peak_memory_bytes"])
            self.epochs.append(epoch)
