"""The result of measuring translations, and the best of several."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

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
            `extractor`, `real_sizes` and `fake_sizes` (texts such as "256×256"), `variety` (the variance of the
            translations' features, of which the real images' is 1), `seed`, `pairs` (whether images were compared one
            by one), `palette` (its name or None); in training `cost_share`, the part of the time since the start that
            went into measuring.
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
    kinds: dict[str, Any] = {"real_count": int, "fake_count": int, "extractor": str, "segmenter": Mapping}
    kinds |= dict.fromkeys(("variety", "cost_share"), int | float)
    if not isinstance(details, Mapping) or not all(
        details.get(name) is None or isinstance(details[name], kind) for name, kind in kinds.items()
    ):
        raise ValueError("details is of another type")
    ceiling = (details.get("segmenter") or {}).get("ceiling") or {}
    if not isinstance(ceiling, Mapping) or not all(name in MEASURES and is_number(ceiling[name]) for name in ceiling):
        raise ValueError("details has a ceiling of another type")


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


def by_name(row: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an `Evaluation` with measures by name, as written now or by earlier versions.

    Those wrote labels ("FID", "FD (EfficientNet-Lite0)", "mean IoU"). A measure that is not registered is left out.
    """
    renamed = {}
    for part in _BY_NAME & row.keys():
        names = {key: measure.name for key in row[part] for measure in MEASURES.values() if measure.is_called(key)}
        renamed[part] = {names[key]: value for key, value in row[part].items() if key in names}
    return {**row, **renamed}
