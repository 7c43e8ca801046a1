"""The two logs beside the checkpoints: one in the published form for people, one for programs."""

import json
import math
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import TextIO

from cut.monitoring.lines import LINE, log_line
from cut.options import Options
from cut.training.atomic import write_atomically
from cut.training.listener import Listener, Progress, StepEvent

LOSS_LOG = "loss_log.txt"
METRICS = "metrics.jsonl"


class _LogFile(Listener):
    """A text file that gets a line every `print_freq` images."""

    file: TextIO | None = None
    print_freq = 0

    def after_step(self, event: StepEvent) -> None:
        if self.file is not None and event.due(self.print_freq):
            self.file.write(self.line(event) + "\n")
            self.file.flush()  # a killed run leaves what it logged

    def line(self, event: StepEvent) -> str:
        raise NotImplementedError

    def finish(self, progress: Progress) -> None:
        if self.file is not None:
            self.file.close()
            self.file = None


class LossLog(_LogFile):
    """`loss_log.txt`: lines in the published form, and a header wherever a run began or continued."""

    def start(self, options: Options, progress: Progress) -> None:
        self.print_freq = options.monitoring.print_freq
        path = options.run.folder / LOSS_LOG
        note = ""
        if progress.images > 0:
            note = f", continued at epoch {progress.epoch}"
        _rewrite(path, lambda lines: _until(lines, progress) if progress.images > 0 else lines)
        path.parent.mkdir(parents=True, exist_ok=True)
        self.file = path.open("a", encoding="utf-8")
        self.file.write(f"================ Training Loss ({datetime.now():%c}){note} ================\n")
        self.file.flush()

    def line(self, event: StepEvent) -> str:
        at = event.progress
        return log_line(at.epoch, at.epoch_images, event.seconds, event.data_seconds, event.losses())


class MetricsLog(_LogFile):
    """`metrics.jsonl`: one JSON object per logged step.

    Its fields: epoch, epoch_images, images and step as in `Progress`; losses by name, null where not finite;
    learning_rate; seconds_per_image and data_seconds_per_image; time in UTC, ISO 8601. A run that is not continued
    begins the file anew.
    """

    def start(self, options: Options, progress: Progress) -> None:
        self.print_freq = options.monitoring.print_freq
        path = options.run.folder / METRICS
        path.parent.mkdir(parents=True, exist_ok=True)
        if progress.images > 0:
            _rewrite(path, lambda lines: [line for line in lines if _is_before(line, progress)])
        self.file = path.open("a" if progress.images > 0 else "w", encoding="utf-8")

    def line(self, event: StepEvent) -> str:
        at = event.progress
        losses = {name: value if math.isfinite(value) else None for name, value in event.losses().items()}
        entry = {
            "epoch": at.epoch,
            "epoch_images": at.epoch_images,
            "images": at.images,
            "step": at.step,
            "losses": losses,
            "learning_rate": event.learning_rate,
            "seconds_per_image": event.seconds,
            "data_seconds_per_image": event.data_seconds,
            "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        }
        return json.dumps(entry, allow_nan=False)


def read_metrics(path: Path) -> Iterator[dict]:
    """The entries of a `metrics.jsonl` in order; a torn last line is left out, a missing file has none."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                entry = _parse(line)
                if entry is not None:
                    yield entry
    except FileNotFoundError:
        return


def _parse(line: str) -> dict | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def _is_before(line: str, progress: Progress) -> bool:
    """Whether a line was logged at or before `progress`; what comes after it, the continued run will log again."""
    entry = _parse(line)
    return entry is not None and entry.get("images", 0) <= progress.images


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
    """Replace a log by the lines that `choose` keeps of it, at once; a torn last line goes in any case."""
    if not path.exists():
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        lines = [line for line in file if line.endswith("\n")]
    kept = "".join(choose(lines)).encode()
    write_atomically(path, lambda stream: stream.write(kept))
