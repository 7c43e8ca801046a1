"""What the terminal shows while a run trains."""

import sys
from typing import TextIO

from tqdm import tqdm

from cut.monitoring.lines import log_line
from cut.options import Options
from cut.training.evaluation import describe_measures
from cut.training.listener import EpochEvent, EvaluationEvent, Listener, Progress, RunFacts, StepEvent

BAR = "{desc}: {percentage:3.0f}%|{bar:16}| {n_fmt}/{total_fmt} images, {rate_noinv_fmt}, {remaining} left{postfix}"


class ConsoleListener(Listener):
    """A progress bar over the whole run on a terminal, plain lines everywhere else (a file, a pipe, a batch system).

    Args:
        stream: where to write; standard output by default.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = sys.stdout if stream is None else stream
        self.print_freq = 0
        self.bar: tqdm | None = None

    def start(self, options: Options, progress: Progress, facts: RunFacts) -> None:
        self.print_freq = options.monitoring.print_freq
        if self.stream.isatty():
            self.bar = tqdm(
                total=progress.images + progress.images_left,
                initial=progress.images,
                desc=_epoch(progress),
                unit=" images",
                bar_format=BAR,
                smoothing=0.05,  # the time left should not jump with every saved checkpoint
                dynamic_ncols=True,
                file=self.stream,
            )

    def after_step(self, event: StepEvent) -> None:
        progress = event.progress
        due = event.due(self.print_freq)
        if self.bar is not None:
            self.bar.set_description_str(_epoch(progress), refresh=False)
            if due:
                losses = " ".join(f"{name} {value:.3f}" for name, value in event.losses().items())
                self.bar.set_postfix_str(losses, refresh=False)
            self.bar.update(event.batch_size)
        elif due:
            self.message(
                log_line(progress.epoch, progress.epoch_images, event.seconds, event.data_seconds, event.losses())
            )

    def after_epoch(self, event: EpochEvent) -> None:
        text = f"End of epoch {event.progress.epoch} / {event.progress.last_epoch}, {event.seconds:.1f} s"
        if event.progress.epoch < event.progress.last_epoch:
            text += f", learning rate now {event.learning_rate:.3g}"
        self.message(text)

    def after_evaluation(self, event: EvaluationEvent) -> None:
        measured = event.evaluation
        best = "the best so far" if event.is_best else f"best {event.best_label}: epoch {event.best.epoch}"
        self.message(f"Epoch {measured.epoch}: {describe_measures(measured)} ({best}; {measured.seconds:.1f} s)")

    def after_save(self, progress: Progress, labels: tuple[str, ...]) -> None:
        self.message(f"Saved as {', '.join(labels)} after {progress.images:,} images.")

    def message(self, text: str) -> None:
        if self.bar is not None:
            self.bar.write(text, file=self.stream)  # above the bar, which tqdm clears and draws again
        else:
            print(text, file=self.stream, flush=True)  # at once: who follows a log file should not wait for a buffer

    def finish(self, progress: Progress) -> None:
        if self.bar is not None:
            self.bar.close()
            self.bar = None


def _epoch(progress: Progress) -> str:
    return f"epoch {progress.epoch}/{progress.last_epoch}"
