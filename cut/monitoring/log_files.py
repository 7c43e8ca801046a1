"""The two logs beside the checkpoints: one to read, in the published form, and one for programs."""

import re
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cut import strict_json
from cut.monitoring.lines import LINE, log_line
from cut.options import Options
from cut.reading import is_count, is_number, open_regular, refuse_other_kinds
from cut.training.atomic import write_atomically
from cut.training.evaluation import Evaluation
from cut.training.listener import EpochEvent, EvaluationEvent, Listener, Progress, RunFacts, StepEvent

LOSS_LOG = "loss_log.txt"
METRICS = "metrics.jsonl"


class _LogFile(Listener):
    """A text file of lines in the folder of a run."""

    name: str

    def open(self, options: Options, choose: Callable[[list[str]], list[str]]) -> None:
        """Go on after the lines that `choose` keeps of an earlier file; a torn last line is always dropped."""
        self.print_freq = options.monitoring.print_freq
        self.path = options.run.folder / self.name
        self.path.parent.mkdir(parents=True, exist_ok=True)
        refuse_other_kinds(self.path)
        if self.path.exists():
            with self.path.open(encoding="utf-8", errors="replace") as file:
                lines = [line for line in file if line.endswith("\n")]
            write_atomically(self.path, "".join(choose(lines)).encode())
        self.file = self.path.open("a", encoding="utf-8")

    def write(self, line: str) -> None:
        self.file.write(line + "\n")
        self.file.flush()  # so that a killed run keeps what it logged

    def folder_made_again(self, progress: Progress) -> None:
        self.file.close()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.file = self.path.open("a", encoding="utf-8")
        self.head(progress)

    def head(self, progress: Progress) -> None:
        """Write what begins the lines of a start."""
        raise NotImplementedError

    def finish(self, progress: Progress) -> None:
        self.file.close()


class LossLog(_LogFile):
    """`loss_log.txt`: lines in the published form, and a header at every start and continuation."""

    name = LOSS_LOG

    def start(self, options: Options, progress: Progress, facts: RunFacts) -> None:
        self.open(options, lambda lines: _until(lines, progress) if progress.images > 0 else lines)
        self.head(progress)

    def head(self, progress: Progress) -> None:
        note = f", continued at epoch {progress.epoch}" if progress.images > 0 else ""
        self.write(f"================ Training Loss ({datetime.now():%c}){note} ================")

    def after_step(self, event: StepEvent) -> None:
        if event.due(self.print_freq):
            self.write(log_line(event))


class MetricsLog(_LogFile):
    """`metrics.jsonl`: one JSON object a line, of four kinds, each with a key of its own.

    Every line has epoch, epoch_images, images and step as in `Progress`, and time in UTC, ISO 8601. In addition:

        losses          a logged step: losses by name; with learning_rate, seconds_per_image, data_seconds_per_image
        finished_epoch  its seconds, peak_memory_bytes and batch_size
        evaluation      the fields of `Evaluation`; with best, whether it is the best so far
        run             a start or a continuation: name, command, device, parameters by network

    Values that are not finite are null. A fresh start replaces the file.
    """

    name = METRICS

    def start(self, options: Options, progress: Progress, facts: RunFacts) -> None:
        self.batch_size = options.data.batch_size
        measured = {evaluation.epoch for evaluation in facts.evaluations}

        def stays(line: str) -> bool:
            entry = _parse(line) if progress.images > 0 else None
            return entry is not None and is_before(entry, progress, measured)

        self.open(options, lambda lines: list(filter(stays, lines)))
        run = {"name": options.run.name, "command": facts.command, "device": facts.device}
        self.run = {**run, "parameters": facts.parameters}
        self.head(progress)

    def head(self, progress: Progress) -> None:
        self.write(_entry(progress, run=self.run))

    def after_epoch(self, event: EpochEvent) -> None:
        finished = {"seconds": event.seconds, "peak_memory_bytes": event.peak_memory_bytes}
        self.write(_entry(event.progress, finished_epoch={**finished, "batch_size": self.batch_size}))

    def after_evaluation(self, event: EvaluationEvent) -> None:
        self.write(_entry(event.progress, evaluation=asdict(event.evaluation), best=event.is_best))

    def after_step(self, event: StepEvent) -> None:
        if event.due(self.print_freq):
            seconds = {"seconds_per_image": event.seconds, "data_seconds_per_image": event.data_seconds}
            self.write(_entry(event.progress, losses=event.losses, learning_rate=event.learning_rate, **seconds))


def _entry(at: Progress, **content: Any) -> str:
    where = {"epoch": at.epoch, "epoch_images": at.epoch_images, "images": at.images, "step": at.step}
    time = datetime.now(UTC).isoformat(timespec="seconds")
    return strict_json.dumps({**where, **content, "time": time})


def read_metrics(file: Path, kind: str | None = "losses") -> Iterator[dict[str, Any]]:
    """The entries of a `metrics.jsonl`, in order.

    Args:
        file: a missing file has no entries. Lines that are torn, or hold values of another type, are left out.
        kind: the key that an entry must have: "losses", "finished_epoch", "evaluation" or "run"; None for all entries.

    Raises:
        OSError, UserError: when it cannot be read, or is not a regular file.
    """
    try:
        with open_regular(file) as lines:
            for line in lines:
                entry = _parse(line.decode("utf-8", "replace"))
                if entry is not None and (kind is None or kind in entry):
                    yield entry
    except FileNotFoundError:
        return


def is_before(entry: Mapping[str, Any], progress: Progress, measured: Set[int] = frozenset()) -> bool:
    """Whether an entry was logged at or before `progress`; a continued run will log later ones again.

    An epoch can have been finished and measured after the save that the run continues from, with no step between them.

    Args:
        measured: the epochs whose measurements the continued run already has.
    """
    if entry.get("images", 0) > progress.images:
        return False
    if "evaluation" in entry:
        return entry.get("epoch") in measured
    return "finished_epoch" not in entry or entry.get("epoch", 0) < progress.epoch


def _parse(line: str) -> dict[str, Any] | None:
    """The entry in a line; None when it is no entry, or a value in it is not of the type that its name has."""
    try:
        entry = strict_json.loads(line)
        return entry if isinstance(entry, dict) and _is_sound(entry) else None
    except (ValueError, TypeError, KeyError, AttributeError):  # of a damaged evaluation
        return None


def _is_sound(entry: Mapping[str, Any]) -> bool:
    """Whether every value that is there is of the right type."""
    counts = [entry[name] for name in ("epoch", "epoch_images", "images", "step") if name in entry]
    numbers = [entry.get(name) for name in ("learning_rate", "seconds_per_image", "data_seconds_per_image")]
    for part in {"losses", "finished_epoch", "run"} & entry.keys():
        if not isinstance(entry[part], dict):
            return False
    if "losses" in entry:
        numbers += entry["losses"].values()
    if "finished_epoch" in entry:
        numbers += [entry["finished_epoch"].get(name) for name in ("seconds", "peak_memory_bytes")]
        if not entry.get("step"):
            return False  # an epoch has steps
    if "run" in entry:
        run = entry["run"]
        counts += dict(run.get("parameters", {})).values()
        if not isinstance(run.get("device", ""), str):
            return False
    if "evaluation" in entry:
        Evaluation.from_json(entry["evaluation"])
    return all(map(is_count, counts)) and all(number is None or is_number(number) for number in numbers)


def _until(lines: list[str], progress: Progress) -> list[str]:
    """The log without the lines of the current run that were logged after `progress`.

    Only what follows the last header of a fresh start belongs to the current run: a log may hold earlier runs too.
    """
    begin = max((i for i, line in enumerate(lines) if re.fullmatch(r"=+ [^=]*\) =+\n?", line)), default=0)

    def keep(line: str) -> bool:
        at = LINE.match(line)
        return at is None or (int(at["epoch"]), int(at["iters"])) <= (progress.epoch, progress.epoch_images)

    return lines[:begin] + [line for line in lines[begin:] if keep(line)]
