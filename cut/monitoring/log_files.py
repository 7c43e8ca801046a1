"""The two logs beside the checkpoints: one to read, in the published form, and one for programs."""

import re
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from cut import strict_json
from cut.monitoring.lines import LINE, log_line
from cut.options import Options
from cut.reading import open_regular, refuse_other_kinds
from cut.training.atomic import write_atomically
from cut.training.evaluation import Evaluation
from cut.training.listener import EpochEvent, EvaluationEvent, Listener, Progress, RunFacts, StepEvent
from cut.training.saved_state import is_count, is_number

LOSS_LOG = "loss_log.txt"
METRICS = "metrics.jsonl"


class _LogFile(Listener):
    """A text file that gets a line every `print_freq` images."""

    file: TextIO | None = None
    print_freq = 0

    def after_step(self, event: StepEvent) -> None:
        if self.file is not None and event.due(self.print_freq):
            self.file.write(self.line(event) + "\n")
            self.file.flush()  # so that a killed run keeps what it logged

    def line(self, event: StepEvent) -> str:
        raise NotImplementedError

    def finish(self, progress: Progress) -> None:
        if self.file is not None:
            self.file.close()
            self.file = None


class LossLog(_LogFile):
    """`loss_log.txt`: lines in the published form, and a header at every start and continuation."""

    def start(self, options: Options, progress: Progress, facts: RunFacts) -> None:
        self.print_freq = options.monitoring.print_freq
        path = options.run.folder / LOSS_LOG
        note = ""
        if progress.images > 0:
            note = f", continued at epoch {progress.epoch}"
        refuse_other_kinds(path)
        _rewrite(path, lambda lines: _until(lines, progress) if progress.images > 0 else lines)
        path.parent.mkdir(parents=True, exist_ok=True)
        self.file = path.open("a", encoding="utf-8")
        self.file.write(f"================ Training Loss ({datetime.now():%c}){note} ================\n")
        self.file.flush()

    def line(self, event: StepEvent) -> str:
        at = event.progress
        return log_line(at.epoch, at.epoch_images, event.seconds, event.data_seconds, event.losses)


class MetricsLog(_LogFile):
    """`metrics.jsonl`: one JSON object a line, of four kinds, each with a key of its own.

    Every line has epoch, epoch_images, images and step as in `Progress`, and time in UTC, ISO 8601. In addition:

        losses          a logged step: losses by name; with learning_rate, seconds_per_image, data_seconds_per_image
        finished_epoch  its seconds, peak_memory_bytes and batch_size
        evaluation      the fields of `Evaluation`; with best, whether it is the best so far
        run             a start or a continuation: name, command, device, parameters by network

    Values that are not finite are null. A fresh start replaces the file.
    """

    def start(self, options: Options, progress: Progress, facts: RunFacts) -> None:
        self.print_freq, self.batch_size = options.monitoring.print_freq, options.data.batch_size
        path = options.run.folder / METRICS
        path.parent.mkdir(parents=True, exist_ok=True)
        refuse_other_kinds(path)
        if progress.images > 0:
            measured = {evaluation.epoch for evaluation in facts.evaluations}

            def known(line: str) -> bool:
                entry = _parse(line)
                return entry is not None and is_before(entry, progress, measured)

            _rewrite(path, lambda lines: list(filter(known, lines)))
        self.file = path.open("a" if progress.images > 0 else "w", encoding="utf-8")
        run = {
            "name": options.run.name,
            "command": list(facts.command),
            "device": facts.device,
            "parameters": dict(facts.parameters),
        }
        self._write(progress, run=run)

    def after_epoch(self, event: EpochEvent) -> None:
        finished = {
            "seconds": event.seconds,
            "peak_memory_bytes": event.peak_memory_bytes,
            "batch_size": self.batch_size,
        }
        self._write(event.progress, finished_epoch=finished)

    def after_evaluation(self, event: EvaluationEvent) -> None:
        self._write(event.progress, evaluation=asdict(event.evaluation), best=event.is_best)

    def line(self, event: StepEvent) -> str:
        return _entry(
            event.progress,
            losses=dict(event.losses),
            learning_rate=event.learning_rate,
            seconds_per_image=event.seconds,
            data_seconds_per_image=event.data_seconds,
        )

    def _write(self, at: Progress, **content: Any) -> None:
        if self.file is not None:
            self.file.write(_entry(at, **content) + "\n")
            self.file.flush()


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
        entry: from `read_metrics`.
        progress: where the run continues.
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


def _rewrite(path: Path, choose: Callable[[list[str]], list[str]]) -> None:
    """Replace a log atomically by the lines that `choose` keeps; a torn last line is always dropped."""
    if not path.exists():
        return
    refuse_other_kinds(path)
    with path.open(encoding="utf-8", errors="replace") as file:
        lines = [line for line in file if line.endswith("\n")]
    kept = "".join(choose(lines)).encode()
    write_atomically(path, lambda stream: stream.write(kept))
