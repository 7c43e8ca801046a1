"""What a run left in its folder, read back for a report: its options and its record."""

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cut.errors import UserError
from cut.monitoring.log_files import METRICS, read_metrics
from cut.monitoring.record import Record
from cut.monitoring.series import Point
from cut.options.machinery.layers import Layer, merge, read_yaml
from cut.options.machinery.saved import FILE_NAME
from cut.options.machinery.words import did_you_mean
from cut.training.evaluation import Evaluation, best_evaluation
from cut.training.evaluation_table import Column, measure_columns


@dataclass(frozen=True)
class LoggedRun:
    """One run as it stands.

    Attributes:
        options: every option of training by name, as the run saved them.
        record: what it logged, without the losses; a measure that was not finite is nan.
    """

    folder: Path
    options: Mapping[str, Any]
    record: Record

    @property
    def epochs(self) -> int:
        """The number of the last finished epoch; 0 before the first."""
        return max((one.epoch for one in self.record.epochs), default=0)

    @property
    def planned(self) -> int:
        """The number of the last epoch."""
        return self.options["n_epochs"] + self.options["n_epochs_decay"]

    @property
    def finished(self) -> bool:
        return self.epochs >= self.planned

    def best(self, measure: Column) -> Evaluation | None:
        """The measurement to call best: for a distance the one where it was smallest, else the one that was kept."""
        if measure.higher_is_better:
            return self.record.best
        return best_evaluation(self.having(measure), measure.name)

    def last(self, measure: Column) -> Evaluation | None:
        return next(reversed(self.having(measure)), None)

    def having(self, measure: Column) -> list[Evaluation]:
        return [one for one in self.record.evaluations if measure.is_in(one)]

    def losses(self) -> list[Point]:
        """The losses as they were logged, oldest first; those that are not finite are left out."""
        logged = list(read_metrics(self.folder / METRICS, kind=None))
        images = max((one["epoch_images"] for one in logged if "epoch_images" in one), default=0)  # of an epoch
        points = []
        for one in logged:
            if "losses" in one and {"epoch", "epoch_images"} <= one.keys():
                known = {name: value for name, value in one["losses"].items() if value is not None}
                points.append(Point(one["epoch"] - 1 + one["epoch_images"] / max(images, 1), known))
        return points

    @property
    def device(self) -> str:
        """The devices it ran on, as text."""
        return ", ".join(dict.fromkeys(one.device for one in self.record.starts))

    @property
    def seconds_per_iteration(self) -> float | None:
        """The median over the finished epochs of an epoch's seconds by its optimizer steps; None before the first.

        The seconds include waiting for data, logging and saving, not measuring. Where a run was continued within an
        epoch, they count from there, and so do the steps.
        """
        starts, epochs = self.record.starts, self.record.epochs
        begins = [0, *(start.step for start in starts), *(epoch.step for epoch in epochs)]
        rates = [one.seconds / (one.step - max(step for step in begins if step < one.step)) for one in epochs]
        return statistics.median(rates) if rates else None


def read_run(folder: Path) -> LoggedRun:
    """Read what a run saved and logged.

    Raises:
        UserError: when there is no run, or its options or its log are missing or damaged.
    """
    options = _read_options(folder)
    log = folder / METRICS
    if not log.is_file():
        raise UserError(f"{folder} has no {METRICS}, so there is nothing to report: it stopped before its first step.")
    try:
        record = Record.from_file(log)
    except OSError as error:
        raise UserError(f"{log} cannot be read: {error.strerror}.") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:  # damage can raise any of these
        reason = f"an entry lacks {error}" if isinstance(error, KeyError) else str(error)
        raise UserError(f"{log} is not the log of a run: {reason}.") from None
    if not record.starts:
        raise UserError(f"{log} is not the log of a run: it has no entry that says what ran.")
    return LoggedRun(folder, options, record)


def read_runs(folders: Iterable[Path]) -> tuple[list[LoggedRun], list[str]]:
    """The runs that can be read, and a sentence for each of the others."""
    runs: list[LoggedRun] = []
    problems: list[str] = []
    for folder in folders:
        try:
            runs.append(read_run(folder))
        except UserError as error:
            problems += error.problems
    return runs, problems


def measured(runs: Iterable[LoggedRun]) -> list[Column]:
    """The measures that any of the runs logged, in the order in which they are shown."""
    return measure_columns(one for run in runs for one in run.record.evaluations)


def _read_options(folder: Path) -> dict[str, Any]:
    """Every option of training by name, with defaults for those that are newer than the run."""
    file = folder / FILE_NAME
    if not file.is_file():
        near = did_you_mean(folder.name, [other.parent.name for other in folder.parent.glob(f"*/{FILE_NAME}")])
        raise UserError(f"There is no run in {folder}{near}: it has no {FILE_NAME}.")
    saved = read_yaml(file)
    merged = merge("train", [Layer(saved, str(file))])
    if merged.rejected:
        raise UserError(f"The options of a run cannot be read: {merged.problems[0]}")
    if "n_epochs" not in saved:
        raise UserError(f"{file} does not hold the options of a run.")
    return merged.values
