"""Measurements as text: columns of tables and curves, sentences, and the table that ends a run."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from cut.errors import counted
from cut.measures import MEASURES
from cut.training.evaluation import UNAVERAGED, Evaluation

ALIKE = 0.02  # of the real images' variety: translations with less hardly differ from one another


class Column(NamedTuple):
    """What may stand in one column or curve: a measure, as the features of one extractor make it.

    Attributes:
        name: of the measure.
        label: what people read; the same measure with another extractor has another.
        averaged: false for `Evaluation.unaveraged`.
    """

    name: str
    label: str
    averaged: bool = True

    @property
    def higher_is_better(self) -> bool:
        return MEASURES[self.name].higher_is_better

    @property
    def title(self) -> str:
        """The label with the direction: "FID (less is better)"."""
        return f"{self.label} ({'more' if self.higher_is_better else 'less'} is better)"

    def is_in(self, evaluation: Evaluation) -> bool:
        """Whether the measure was taken, and with this extractor."""
        label = evaluation.label(self.name) + ("" if self.averaged else UNAVERAGED)
        return self.name in self._values(evaluation) and label == self.label

    def value(self, evaluation: Evaluation) -> float:
        """NaN where it is not in the evaluation."""
        return self._values(evaluation)[self.name] if self.is_in(evaluation) else math.nan

    def text(self, evaluation: Evaluation) -> str:
        """The value as `measure_text` formats it; "–" where it is not in the evaluation."""
        if not self.is_in(evaluation):
            return "–"
        return measure_text(evaluation, self.name) if self.averaged else significant(self.value(evaluation))

    def _values(self, evaluation: Evaluation) -> Mapping[str, float]:
        return evaluation.measures if self.averaged else evaluation.unaveraged


def measure_columns(evaluations: Iterable[Evaluation]) -> list[Column]:
    """The columns that hold all that was measured, in the order in which they are shown."""
    return list(dict.fromkeys(Column(name, one.label(name)) for one in evaluations for name in one.measures))


def unaveraged_columns(evaluations: Iterable[Evaluation]) -> list[Column]:
    """The columns of the generator as trained, beside its moving average; none where there is no average."""
    labels = ((name, one.label(name) + UNAVERAGED) for one in evaluations for name in one.unaveraged)
    return [Column(name, label, averaged=False) for name, label in dict.fromkeys(labels)]


def describe_measures(evaluation: Evaluation) -> str:
    """ "FID 45.50, KID 0.0123 ± 0.0004, PSNR 17.2": the measures of one evaluation for a line of text."""
    return ", ".join(f"{evaluation.label(name)} {measure_text(evaluation, name)}" for name in evaluation.measures)


def evaluation_table(rows: Sequence[tuple[str, Evaluation]], first: str | None = None) -> str:
    """Measurements as a table for a terminal: a line for each, a column for each measure that any of them has.

    Args:
        rows: what each line is called ("best (epoch 40)", "source to real"), and what was measured.
        first: name of the measure that comes first, because it decides.
    """
    columns = sorted(measure_columns(one for _, one in rows), key=lambda column: column.name != first)
    lines = [["", *(column.label for column in columns)]]
    lines += [[title, *(column.text(evaluation) for column in columns)] for title, evaluation in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    padded = ([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])] for line in lines)
    return "\n".join("  ".join(cells).rstrip() for cells in padded)


def last_and_best(evaluations: Sequence[Evaluation], best: Evaluation | None, best_metric: str) -> str:
    """The table that ends a run: the last measurement and the best one, and what they were measured on."""
    last = evaluations[-1]
    rows = [(f"last (epoch {last.epoch})", last)]
    if last.unaveraged:
        rows.append((f"last{UNAVERAGED}", replace(last, measures=last.unaveraged, spread={})))
    if best is not None:
        rows.append((f"best (epoch {best.epoch})", best))
    return f"{evaluation_table(rows, best_metric)}\nThe best by {last.label(best_metric)}. {describe_details(last)}"


def alike_message(evaluations: Sequence[Evaluation]) -> str | None:
    """A warning when translations of different images have become nearly the same picture.

    Args:
        evaluations: of a run, the newest last; there is no warning where the one before it gave one.
    """
    *before, now = (one.details.get("variety") for one in evaluations[-2:])
    if now is None or now >= ALIKE or any(variety is not None and variety < ALIKE for variety in before):
        return None
    return (
        f"The translations of epoch {evaluations[-1].epoch} hardly differ from one another (the variance of their "
        f"features is {now:.2%} of that of the real images): the generator may have collapsed. If later epochs do not "
        "differ either, start again with another --seed, or with a regularised discriminator (--lambda_R1 0.01)."
    )


def describe_details(evaluation: Evaluation) -> str:
    """ "20 images (256×256) against 24 real ones (256×256) of val; features of Inception, seed 0." """
    known = evaluation.details
    split = f" of {known['split']}" if known.get("split") else ""
    return (
        f"{_count(known.get('fake_count'), 'image')} ({known.get('fake_sizes')}) against "
        f"{_count(known.get('real_count'), 'real one')} ({known.get('real_sizes')}){split}; features of "
        f"{known.get('extractor')}, seed {known.get('seed')}.{_ceiling(known.get('segmenter') or {})}"
    )


def _ceiling(segmenter: Mapping[str, Any]) -> str:
    """What a segmentation network finds in the real photographs, a sentence that follows others; else nothing."""
    if not segmenter.get("ceiling"):
        return ""
    scores = ", ".join(f"{MEASURES[name].label} {significant(value)}" for name, value in segmenter["ceiling"].items())
    digest = str(segmenter.get("sha256"))[:8]
    return f" The real photographs reach {scores} (weights {segmenter.get('file')}, SHA-256 {digest}…)."


def _count(images: int | None, noun: str) -> str:
    return f"an unknown number of {noun}s" if images is None else counted(images, noun)


def measure_text(evaluation: Evaluation, name: str) -> str:
    """ "45.50", "0.0123 ± 0.0004": one of its measures as text."""
    spread = f" ± {significant(evaluation.spread[name])}" if name in evaluation.spread else ""
    return significant(evaluation.measures[name]) + spread


def significant(value: float, digits: int = 4) -> str:
    """A value with this many significant digits, never with an exponent."""
    if not math.isfinite(value) or value == 0:
        return f"{value:g}"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(decimals, 6)}f}"
