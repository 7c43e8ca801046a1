"""One line with the state of a run, composed to fit the terminal."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cut.measures import MEASURES
from cut.monitoring.pace import duration
from cut.training.evaluation import Evaluation
from cut.training.evaluation_table import significant
from cut.training.listener import Progress

WIDE = 100  # columns from which on words are written out
VALUE = 5  # characters of a loss


@dataclass
class Status:
    """What the line may show.

    Attributes:
        images_per_second, seconds_left: None as long as they are unknown.
        losses: by name, in logging order.
        evaluation, best: the last one and the best, by the measure `best_metric`.
        extractor: title of the network whose features are compared.
        total_loss: name of the loss that is the sum of the generator's; without it the first loss is kept longest.
        measuring: whether an evaluation is under way.
    """

    progress: Progress
    images_per_second: float | None = None
    seconds_left: float | None = None
    losses: Mapping[str, float] = field(default_factory=dict)
    evaluation: Evaluation | None = None
    best: Evaluation | None = None
    best_metric: str | None = None
    extractor: str = ""
    measuring: bool = False
    total_loss: str = ""

    @property
    def main_loss(self) -> str:
        """The loss to show where only one fits; "" without losses."""
        return self.total_loss if self.total_loss in self.losses else next(iter(self.losses), "")


def status_line(status: Status, columns: int) -> tuple[str, int, str]:
    """What stands before the bar, the characters that the bar gets, and what stands after it.

    With "before |bar| after" the line is less than `columns` wide, the last column being left free, unless the terminal
    is so narrow that not even time fits. What does not fit is left out: first all losses but the main one, then the
    epoch of the best measure, its value, the main loss, the measure. Nothing shifts while values stay within their
    usual range.
    """
    wide = columns >= WIDE
    progress = status.progress
    width = len(str(progress.last_epoch))
    epoch = min(progress.epoch, progress.last_epoch)
    before = f"{'epoch ' if wide else ''}{epoch:>{width}}/{progress.last_epoch}"
    bar = min(20, max(4, columns // 8 - 6))
    parts = []
    if status.seconds_left is not None:
        parts.append(f"{duration(status.seconds_left):>10} left")
    if status.images_per_second is not None:
        parts.append(f"{number(status.images_per_second, 4):>4} {'images' if wide else 'img'}/s")
    room = columns - 1 - len(before) - len(" || ") - bar - len(", ".join(parts))

    for_loss = len(f", {status.main_loss} ") + VALUE if status.losses else 0
    texts = _measure_texts(status)
    fitting = [text for kept in (for_loss, 0) for text in texts if len(", ") + len(text) + kept <= room]
    if fitting:
        parts.append(fitting[0])
        room -= len(", ") + len(fitting[0])
    losses = fitting_losses(status.losses, status.main_loss, room - len(", "))
    if losses:
        parts.append(losses)
    return before, bar, ", ".join(parts)


def fitting_losses(losses: Mapping[str, float], main: str, room: int) -> str:
    """As many losses as fit, in their order: `main` if only one does, then the first ones."""
    texts = {name: f"{name} {number(value, VALUE):<{VALUE}}" for name, value in losses.items()}
    chosen: list[str] = []
    for name in sorted(texts, key=lambda name: name != main):
        if len(" ".join(texts[one] for one in [*chosen, name])) > room:
            break
        chosen.append(name)
    return " ".join(text for name, text in texts.items() if name in chosen)


def number(value: float, width: int) -> str:
    """A number with as many digits after the point as `width` characters hold: 0.313, 12.34, 123.4, 12345."""
    if not math.isfinite(value):
        return f"{value:g}"
    for digits in range(width - 2, -1, -1):
        text = f"{value:.{digits}f}"
        if len(text) <= width:
            return text
    return f"{value:.0e}"


def short_measure(label: str) -> str:
    """A measure's label without the extractor: "FD" for "FD (EfficientNet-Lite0)"."""
    return label.split(" (")[0]


def measure_and_best(evaluation: Evaluation, best: Evaluation | None, name: str) -> list[str]:
    """ "FID 82.1 (best 79.4 @ 35)", and ever shorter forms of it."""
    last = f"{short_measure(evaluation.label(name))} {significant(evaluation.measures.get(name, math.nan), 3)}"
    if best is None:
        return [last]
    if best.epoch == evaluation.epoch:
        return [f"{last} (best)", last]
    value = significant(best.measures[name], 3)
    return [f"{last} (best {value} @ {best.epoch})", f"{last} (best {value})", last]


def _measure_texts(status: Status) -> Sequence[str]:
    if status.best_metric is None:
        return ()
    if status.measuring:
        label = MEASURES[status.best_metric].label_with(status.extractor)
        return (f"measuring {short_measure(label)}", "measuring")
    if status.evaluation is None:
        return ()
    return measure_and_best(status.evaluation, status.best, status.best_metric)
