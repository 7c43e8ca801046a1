"""What a run left behind in its folder, read back for a report: its options, its log, its measurements."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cut.errors import UserError
from cut.measures import MEASURES
from cut.monitoring.log_files import METRICS, read_metrics
from cut.options.files import read_yaml
from cut.options.layers import Layer, merge
from cut.options.saved import FILE_NAME
from cut.options.wording import did_you_mean
from cut.training.evaluation import Column, Evaluation, best_evaluation, measure_columns


@dataclass(frozen=True)
class RunRecord:
    """One run as it stands.

    Attributes:
        folder: of the run.
        options: every option of training by name, as the run saved them.
        epochs: number of the last finished epoch; 0 before the first.
        evaluations: every measurement, oldest first; a value that was not finite is nan.
        kept: the measurement of the epoch that was kept as best; None where there is none.
        seconds_per_iteration: median over the finished epochs of an epoch's seconds by its optimizer steps: with
            waiting for data, logging and saving, without measuring. None before the first finished epoch.
        peak_memory_bytes: the most that was held; None where the system does not say.
        parameters: number by network.
        device: the devices it ran on, as people call them.
    """

    folder: Path
    options: Mapping[str, Any]
    epochs: int
    evaluations: tuple[Evaluation, ...]
    kept: Evaluation | None
    seconds_per_iteration: float | None
    peak_memory_bytes: int | None
    parameters: Mapping[str, int]
    device: str

    @property
    def planned(self) -> int:
        """The number of the last epoch."""
        return self.options["n_epochs"] + self.options["n_epochs_decay"]

    @property
    def finished(self) -> bool:
        return self.epochs >= self.planned

    @property
    def measures(self) -> list[Column]:
        """The measures that were logged, in the order in which they are shown."""
        return measure_columns(self.evaluations)

    def best(self, measure: Column) -> Evaluation | None:
        """The measurement to call best: for a distance the one where it was smallest, else the one that was kept."""
        if MEASURES[measure.name].higher_is_better:
            return self.kept
        return best_evaluation(self.having(measure), measure.name)

    def last(self, measure: Column) -> Evaluation | None:
        """The last measurement that has a measure."""
        return next(reversed(self.having(measure)), None)

    def having(self, measure: Column) -> list[Evaluation]:
        """The measurements that have a measure, by the extractor that its label says."""
        return [one for one in self.evaluations if measure.is_in(one)]


def read_run(folder: Path) -> RunRecord:
    """Read what a run saved and logged.

    Raises:
        UserError: when there is no run, or its options or its log are missing or damaged.
    """
    options = _read_options(folder)
    log = folder / METRICS
    if not log.is_file():
        raise UserError(f"{folder} has no {METRICS}, so there is nothing to report: it stopped before its first step.")
    try:
        starts, epochs, measured = (list(read_metrics(log, kind)) for kind in ("run", "finished_epoch", "evaluation"))
        if not starts:
            raise ValueError("it has no entry that says what ran")
        evaluations = [Evaluation.from_json(entry["evaluation"]) for entry in measured]
        best = [one for one, entry in zip(evaluations, measured, strict=True) if entry["best"]]
        memory = [entry["finished_epoch"]["peak_memory_bytes"] for entry in epochs]
        return RunRecord(
            folder=folder,
            options=options,
            epochs=max((int(entry["epoch"]) for entry in epochs), default=0),
            evaluations=tuple(evaluations),
            kept=best[-1] if best else None,
            seconds_per_iteration=_seconds_per_iteration(starts, epochs),
            peak_memory_bytes=max((value for value in memory if value is not None), default=None),
            parameters=dict(starts[-1]["run"]["parameters"]),
            device=", ".join(dict.fromkeys(entry["run"]["device"] for entry in starts)),
        )
    except OSError as error:
        raise UserError(f"{log} cannot be read: {error.strerror}.") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:  # whatever shape damage has
        reason = f"an entry lacks {error}" if isinstance(error, KeyError) else str(error)
        raise UserError(f"{log} is not the log of a run: {reason}.") from None


def read_runs(folders: Iterable[Path]) -> tuple[list[RunRecord], list[str]]:
    """The records of the runs that can be read, and a sentence for each of the others."""
    records, problems = [], []
    for folder in folders:
        try:
            records.append(read_run(folder))
        except UserError as error:
            problems += error.problems
    return records, problems


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


def _seconds_per_iteration(starts: Sequence[Mapping], epochs: Sequence[Mapping]) -> float | None:
    """The median over the epochs; where a run was continued within an epoch, its seconds count from there."""
    begins = [entry["step"] for entry in (*starts, *epochs)]
    rates = []
    for entry in epochs:
        steps = entry["step"] - max((step for step in begins if step < entry["step"]), default=0)
        rates.append(entry["finished_epoch"]["seconds"] / steps)
    return statistics.median(rates) if rates else None
