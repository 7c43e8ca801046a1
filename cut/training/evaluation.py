"""The result of measuring translations, the best of several, and tables of them."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple

from cut.measures import MEASURES
from cut.reading import is_count, is_number

UNAVERAGED = " without averaging"  # ends the labels of the generator as trained
_BY_NAME = {"measures", "spread", "unaveraged"}


@dataclass(frozen=True)
class Evaluation:
    """One measurement of a generator on held-out images; everything in it can be written as JSON.

    Attributes:
        epoch, images, step: how far the generator was trained.
        measures: value by name ("frechet", "kernel", "psnr", "mean_iou", …), in the order in which they are shown.
        spread: standard deviation of those that have one, by the same name (the kernel distance over its subsets).
        details: what makes the numbers comparable: `split` ("val", "test" or a folder), `real_count`, `fake_count`,
            `extractor`, `real_sizes` and `fake_sizes` (texts such as "256×256"), `seed`, `pairs` (whether images were
            compared one by one), `palette` (its name or None); in training `cost_share`, the part of the time since
            the start that went into measuring.
        seconds: what the measurement took.
        unaveraged: where `measures` are those of a moving average of the generator, the same measures of the generator
            as it was trained.
    """

    epoch: int
    images: int
    step: int
    measures: Mapping[str, float]
    spread: Mapping[str, float] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    unaveraged: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "Evaluation":
        """What was written as strict JSON, where a measure that was not finite is null.

        Labels in place of names are read too (see `by_name`).

        Raises:
            KeyError, TypeError, ValueError, AttributeError: when it is something else.
        """
        if not isinstance(row, Mapping):
            raise ValueError("it is not a dictionary")
        known = {item.name: row[item.name] for item in fields(cls) if item.name in row}
        values = {
            part: {name: math.nan if value is None else float(value) for name, value in content.items()}
            for part, content in by_name(row).items()
            if part in _BY_NAME
        }
        evaluation = cls(**{**known, **values})
        for name in ("epoch", "images", "step"):
            if not is_count(getattr(evaluation, name)):
                raise ValueError(f"{name} is not a number of at least 0")
        if not isinstance(evaluation.seconds, int | float) or not isinstance(evaluation.measures, Mapping):
            raise ValueError("seconds or measures is of another type")
        _check_details(evaluation.details)
        return evaluation

    def label(self, name: str) -> str:
        """The display name of a measure here: "FID" with Inception's features, else "FD (extractor)"."""
        return MEASURES[name].label_with(self.details.get("extractor"))

    def labelled(self, values: Mapping[str, float]) -> dict[str, float]:
        """`measures` or `spread` by label instead of by name."""
        return {self.label(name): value for name, value in values.items()}

    def all_labelled(self) -> dict[str, float]:
        """`measures` by label and, with the label that `Column` gives them, `unaveraged`."""
        unaveraged = {label + UNAVERAGED: value for label, value in self.labelled(self.unaveraged).items()}
        return self.labelled(self.measures) | unaveraged


def _check_details(details: Any) -> None:
    """
    Raises:
        ValueError: when what is shown of them is of another type.
    """
    kinds = {"real_count": int, "fake_count": int, "extractor": str, "cost_share": int | float, "segmenter": Mapping}
    if not isinstance(details, Mapping) or not all(
        details.get(name) is None or isinstance(details[name], kind) for name, kind in kinds.items()
    ):
        raise ValueError("details is of another type")
    ceiling = (details.get("segmenter") or {}).get("ceiling") or {}
    if not isinstance(ceiling, Mapping) or not all(name in MEASURES and is_number(ceiling[name]) for name in ceiling):
        raise ValueError("details has a ceiling of another type")


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


def is_due(epoch: int, every_epochs: int) -> bool:
    """Whether something with this frequency in epochs is due after this one; 0 is never."""
    return every_epochs > 0 and epoch % every_epochs == 0


def evaluation_is_due(epoch: int, every_epochs: int, last_epoch: int) -> bool:
    """Whether the generator is measured after this epoch: at a frequency in epochs, and after the last; 0 is never."""
    return is_due(epoch, every_epochs) or (every_epochs > 0 and epoch == last_epoch)


def best_evaluation(evaluations: Iterable[Evaluation], name: str) -> Evaluation | None:
    """The evaluation with the best value of a measure, the first of equals; None when none has a finite one.

    Features of different networks cannot be compared: where the extractor was changed, those before do not count.
    """
    known = [one for one in evaluations if math.isfinite(one.measures.get(name, math.nan))]
    alike = [one for one in known if one.label(name) == known[-1].label(name)]
    sign = 1 if MEASURES[name].higher_is_better else -1
    return max(alike, key=lambda one: sign * one.measures[name], default=None)


def same_conditions(one: Evaluation, other: Evaluation) -> bool:
    """Whether two measurements are of as many images of the same split and sizes, so that they can be ranked."""
    asked = ("split", "real_count", "fake_count", "real_sizes", "fake_sizes")
    return all(one.details.get(name) == other.details.get(name) for name in asked)


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


def describe_details(evaluation: Evaluation) -> str:
    """ "20 images (256×256) against 24 real ones (256×256) of val; features of Inception, seed 0." """
    known = evaluation.details
    split = f" of {known['split']}" if known.get("split") else ""
    return (
        f"{_count(known.get('fake_count'))} images ({known.get('fake_sizes')}) against "
        f"{_count(known.get('real_count'))} real ones ({known.get('real_sizes')}){split}; features of "
        f"{known.get('extractor')}, seed {known.get('seed')}.{_ceiling(known.get('segmenter') or {})}"
    )


def _ceiling(segmenter: Mapping[str, Any]) -> str:
    """What a segmentation network finds in the real photographs, a sentence that follows others; else nothing."""
    if not segmenter.get("ceiling"):
        return ""
    scores = ", ".join(f"{MEASURES[name].label} {significant(value)}" for name, value in segmenter["ceiling"].items())
    digest = str(segmenter.get("sha256"))[:8]
    return f" The real photographs reach {scores} (weights {segmenter.get('file')}, SHA-256 {digest}…)."


def _count(images: int | None) -> str:
    return "an unknown number of" if images is None else f"{images:,}"


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


def by_name(row: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an `Evaluation` with measures by name, as written now or by earlier versions.

    Those wrote labels ("FID", "FD (EfficientNet-Lite0)", "mean IoU"). A measure that is not registered is left out.
    """
    renamed = {}
    for part in _BY_NAME & row.keys():
        names = {key: measure.name for key in row[part] for measure in MEASURES.values() if measure.is_called(key)}
        renamed[part] = {names[key]: value for key, value in row[part].items() if key in names}
    return {**row, **renamed}
