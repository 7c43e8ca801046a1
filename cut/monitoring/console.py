"""What the terminal shows while a run trains."""

import os
import sys
from typing import TextIO

from tqdm import tqdm

from cut.errors import counted
from cut.monitoring.lines import log_line
from cut.monitoring.pace import duration
from cut.monitoring.record import Record
from cut.monitoring.status_line import Status, number, status_line
from cut.options import Options
from cut.training.evaluation import UNAVERAGED, Evaluation
from cut.training.evaluation_table import describe_measures, significant
from cut.training.listener import EpochEvent, EvaluationEvent, Listener, Progress, RunFacts, StepEvent

FIRST_STEPS = 3  # from which the time for one image is said


class ConsoleListener(Listener):
    """A progress bar over the whole run on a terminal, plain lines everywhere else (a file, a pipe, a batch system).

    Only evaluations and messages appear above the bar. With `quiet` there is no bar and no line about steps, epochs and
    saves, there or elsewhere.
    """

    def __init__(self, record: Record, stream: TextIO | None = None) -> None:
        self.record = record
        self.stream = sys.stdout if stream is None else stream
        self.bar: tqdm | None = None
        self.times: list[float] = []  # seconds of an image in the first steps
        self.unsaid = ""  # the sentence about the last save, where it is shown at the end only

    def start(self, options: Options, progress: Progress, facts: RunFacts) -> None:
        self.print_freq, self.quiet = options.monitoring.print_freq, options.monitoring.quiet
        if getattr(self.stream, "errors", "") == "strict" and hasattr(self.stream, "reconfigure"):
            self.stream.reconfigure(errors="backslashreplace")  # a console without "±" shows an escape, and no error
        self.status = Status(
            progress, best_metric=facts.best_metric, extractor=facts.extractor, total_loss=facts.total_loss
        )
        self.status.evaluation, self.status.best = self.record.last, self.record.best
        if not self.quiet and _is_terminal(self.stream):
            self.bar = tqdm(
                total=progress.images + progress.images_left,
                initial=progress.images,
                bar_format=self._format(),
                mininterval=0.5,  # seconds: often enough to look alive, seldom enough to be read
                dynamic_ncols=True,
                position=0,  # even if a library has left a bar of its own open
                file=self.stream,
            )
        elif self.status.evaluation is not None:
            self.message(f"Last measured: epoch {self._measured(self.status.evaluation)}).")

    def after_step(self, event: StepEvent) -> None:
        if self.quiet:
            return
        due = event.due(self.print_freq)
        if self.bar is not None:
            self.status.measuring = False
            if due or (self.print_freq > 0 and not self.status.losses):  # at once: a hundred images can take an hour
                self.status.losses = event.losses
            self._show_progress(self.bar, event.progress)
            self.bar.update(event.batch_size)
            return
        self._say_pace(event)
        if due:
            self.message(log_line(event))

    def _say_pace(self, event: StepEvent) -> None:
        """Early, because the first line about losses may be an hour away: how long an image takes, and all of them."""
        if len(self.times) == FIRST_STEPS:
            return
        self.times.append(event.seconds + event.data_seconds)
        if len(self.times) == FIRST_STEPS and event.progress.images_left > 0:
            seconds = min(self.times)  # the first step takes longer than others
            whole = duration(seconds * event.progress.images_left)
            self.message(f"One image takes {seconds:.2g} s, so that the rest of the run takes about {whole}.")

    def after_epoch(self, event: EpochEvent) -> None:
        progress = event.progress
        if self.bar is not None:
            self.status.measuring = self.record.pace.evaluation_due(progress.epoch, progress.last_epoch)
            self._show_progress(self.bar, progress)
            self.bar.refresh()
        elif not self.quiet:
            parts = [f"End of epoch {progress.epoch} / {progress.last_epoch}", f"{event.seconds:.1f} s"]
            if (speed := self.record.pace.images_per_second) is not None:
                parts.append(f"{number(speed, 4)} images/s")
            if progress.epoch < progress.last_epoch:
                left = self.record.pace.seconds_left(progress)
                parts += [] if left is None else [f"{duration(left)} left"]
                parts.append(f"learning rate now {event.learning_rate:.3g}")
            self.message(", ".join(parts))

    def after_evaluation(self, event: EvaluationEvent) -> None:
        self.status.best_metric, self.status.measuring = event.best_metric, False
        self.status.evaluation, self.status.best = event.evaluation, event.best
        share = event.evaluation.details.get("cost_share")
        cost = "" if share is None else f", {share:.1%} of the time so far"
        self.message(f"Epoch {self._measured(event.evaluation)}; {event.evaluation.seconds:.1f} s{cost})")

    def after_save(self, progress: Progress, labels: tuple[str, ...]) -> None:
        self.unsaid = f"Saved as {', '.join(labels)} after {counted(progress.images, 'image')}."
        if self.bar is None and not self.quiet:
            self.message(self.unsaid)
            self.unsaid = ""

    def message(self, text: str) -> None:
        if self.bar is not None:
            self.bar.bar_format = self._format()
            self.bar.write(text, file=self.stream)  # above the bar, which tqdm clears and draws again
        else:
            print(text, file=self.stream, flush=True)  # at once, for those who follow a log file

    def finish(self, progress: Progress) -> None:
        if self.bar is not None:
            self._show_progress(self.bar, progress)
            self.bar.close()
            self.bar = None
        if self.unsaid:
            self.message(self.unsaid)

    def _measured(self, last: Evaluation) -> str:
        """ "40: FID 82.10, KID 0.0123 ± 0.0004 (best FID: epoch 35", whose parenthesis the caller closes."""
        best, metric = self.status.best, self.status.best_metric
        of = f"best {last.label(metric) if metric else 'epoch'}"
        standing = f"{of}: epoch {best.epoch}" if best else f"{of}: none yet"
        if best and best.epoch == last.epoch:
            standing = "the best so far"
        trained = ""
        if metric and metric in last.unaveraged:
            trained = f"; {last.label(metric)} {significant(last.unaveraged[metric])}{UNAVERAGED}"
        return f"{last.epoch}: {describe_measures(last)}{trained} ({standing}"

    def _show_progress(self, bar: tqdm, progress: Progress) -> None:
        self.status.progress = progress
        self.status.images_per_second = self.record.pace.images_per_second
        self.status.seconds_left = self.record.pace.seconds_left(progress)
        bar.bar_format = self._format()

    def _format(self) -> str:
        """The status as tqdm's format, in which braces have a meaning."""
        before, width, after = status_line(self.status, _columns(self.stream))
        before, after = (text.replace("{", "{{").replace("}", "}}") for text in (before, after))
        return f"{before} |{{bar:{width}}}| {after}"


def _is_terminal(stream: TextIO) -> bool:
    return stream.isatty() and os.environ.get("TERM") != "dumb"  # which cannot go back to the start of a line


def _columns(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80  # 0: a terminal that does not know its size
    except (OSError, ValueError):  # no terminal after all
        return 80
