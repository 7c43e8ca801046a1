"""Curves of a run that stay small however long it is."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

POINTS = 400  # more cannot be told apart at the width of a screen; zooming in still shows a stretch of many steps


@dataclass
class _Stretch:
    """Neighbouring samples, to be shown as their mean."""

    x: float = 0.0
    samples: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, other: "_Stretch") -> None:
        self.x += other.x
        self.samples += other.samples
        for name, value in other.sums.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
            self.counts[name] = self.counts.get(name, 0) + other.counts[name]


class Curves:
    """Several curves over one axis, thinned as they grow.

    Every point stands for the same number of samples. Once there are `limit` points, neighbours are merged in pairs and
    from then on a point stands for twice as many: adding a sample costs the same at any length of the run, and there
    are always between half of `limit` and `limit` points.

    Args:
        limit: the most points of a curve; even.
    """

    def __init__(self, limit: int = POINTS) -> None:
        self.limit, self.samples_per_point = limit, 1
        self.stretches: list[_Stretch] = []

    def add(self, x: float, values: Mapping[str, float | None]) -> None:
        """Add one sample at `x`, which never falls; a value that is None or not finite is left out."""
        known = {name: value for name, value in values.items() if value is not None and math.isfinite(value)}
        if not self.stretches or self.stretches[-1].samples == self.samples_per_point:
            if len(self.stretches) == self.limit:
                self._merge_pairs()
            self.stretches.append(_Stretch())
        self.stretches[-1].add(_Stretch(x, 1, known, dict.fromkeys(known, 1)))

    def _merge_pairs(self) -> None:
        for first, second in zip(self.stretches[::2], self.stretches[1::2], strict=True):
            first.add(second)
        self.stretches = self.stretches[::2]
        self.samples_per_point *= 2

    def as_json(self) -> dict:
        """{"x": […], "y": {name: […]}}; null where a stretch has no value of a name.

        With six significant digits, two more than are shown, so that rounding again gives what the table says.
        """
        names = dict.fromkeys(name for stretch in self.stretches for name in stretch.sums)
        return {
            "x": [short(stretch.x / stretch.samples) for stretch in self.stretches],
            "y": {name: [_mean(stretch, name) for stretch in self.stretches] for name in names},
        }


def _mean(stretch: _Stretch, name: str) -> float | None:
    return short(stretch.sums[name] / stretch.counts[name]) if name in stretch.sums else None


def short(value: float) -> float:
    """Six significant digits."""
    return float(f"{value:.6g}")
