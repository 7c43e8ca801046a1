"""Series of values over the epochs of a run, which stay short however long the run is."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

POINTS = 400  # more cannot be told apart at the width of a screen; zooming in still shows a stretch of many steps


@dataclass(frozen=True)
class Point:
    """Finite values by name at a time of the run; `epochs` is 1.5 in the middle of the second epoch."""

    epochs: float
    values: Mapping[str, float]


@dataclass
class _Stretch:
    """Neighbouring samples, which become one point: their mean."""

    epochs: float = 0.0  # their sum, as for the values
    samples: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, other: "_Stretch") -> None:
        self.epochs += other.epochs
        self.samples += other.samples
        for name, value in other.sums.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
            self.counts[name] = self.counts.get(name, 0) + other.counts[name]

    def point(self) -> Point:
        values = {name: value / self.counts[name] for name, value in self.sums.items()}
        return Point(self.epochs / self.samples, values)


class Series:
    """Several curves over one axis, thinned as they grow.

    Every point is the mean of the same number of samples. Once there are `limit` points, neighbours are merged in pairs
    and from then on a point stands for twice as many samples: adding one costs the same at any length of the run, and
    a long run has between half of `limit` and `limit` points.

    Args:
        limit: the most points of a curve; even.
    """

    def __init__(self, limit: int = POINTS) -> None:
        self.limit, self.samples_per_point = limit, 1
        self._stretches: list[_Stretch] = []

    def add(self, epochs: float, values: Mapping[str, float | None]) -> None:
        """Add a sample; `epochs` never falls, and values that are None or not finite are left out."""
        known = {name: value for name, value in values.items() if value is not None and math.isfinite(value)}
        if not self._stretches or self._stretches[-1].samples == self.samples_per_point:
            if len(self._stretches) == self.limit:
                self._merge_pairs()
            self._stretches.append(_Stretch())
        self._stretches[-1].add(_Stretch(epochs, 1, known, dict.fromkeys(known, 1)))

    def points(self) -> tuple[Point, ...]:
        """The points so far; later samples do not change what was returned."""
        return tuple(stretch.point() for stretch in self._stretches)

    def points_of(self, name: str) -> tuple[Point, ...]:
        """The points that have a value of this name, without the other values."""
        return tuple(Point(one.epochs, {name: one.values[name]}) for one in self.points() if name in one.values)

    def _merge_pairs(self) -> None:
        for first, second in zip(self._stretches[::2], self._stretches[1::2], strict=True):
            first.add(second)
        self._stretches = self._stretches[::2]
        self.samples_per_point *= 2


def as_curves(points: Sequence[Point]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The epochs (N,), and by name the values (N,), NaN where a point has none, in order of first appearance."""
    names = dict.fromkeys(name for point in points for name in point.values)
    curves = {name: np.array([point.values.get(name, math.nan) for point in points], float) for name in names}
    return np.array([point.epochs for point in points], float), curves
