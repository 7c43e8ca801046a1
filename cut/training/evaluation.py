"""What a measurement of the translations says, and how the best epoch is told from the others."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cut.measures import higher_is_better


@dataclass(frozen=True)
class Evaluation:
    """One measurement of a generator on held-out images; everything in it can be written as JSON.

    Attributes:
        epoch, images, step: how far the generator was trained.
        measures: value by label ("FID", "KID", "PSNR", "mean IoU", …), in the order in which they are shown.
        spread: standard deviation of those that have one, by the same label (KID over its subsets).
        details: what makes the numbers comparable: `split`, `real_count`, `fake_count`, `extractor`, `real_sizes` and
            `fake_sizes` (texts such as "256×256"), `seed`, `resolution`.
        seconds: what the measurement took.
    """

    epoch: int
    images: int
    step: int
    measures: Mapping[str, float]
    spread: Mapping[str, float] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0


def best_evaluation(evaluations: Iterable[Evaluation], label: str) -> Evaluation | None:
    """The evaluation with the best value of a measure, the first of equals; None when none has a finite one."""
    sign = 1 if higher_is_better(label) else -1
    known = [one for one in evaluations if math.isfinite(one.measures.get(label, math.nan))]
    return max(known, key=lambda one: sign * one.measures[label], default=None)


def describe_measures(evaluation: Evaluation) -> str:
    """ "FID 45.50, KID 0.0123 ± 0.0004, PSNR 17.2": the measures of one evaluation for a line of text."""
    parts = []
    for label, value in evaluation.measures.items():
        spread = f" ± {significant(evaluation.spread[label])}" if label in evaluation.spread else ""
        parts.append(f"{label} {significant(value)}{spread}")
    return ", ".join(parts)


def significant(value: float) -> str:
    """A measure as people write it: four significant digits, never an exponent."""
    if not math.isfinite(value) or value == 0:
        return f"{value:g}"
    digits = max(0, 3 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(digits, 6)}f}"
