"""Series of values over the epochs of a run, which stay short however long the run is."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

POINTS = 400  # more cannot be told apart at the width of a screen; zooming in still shows a stretch of many steps


@dataclass(frozen=True)
class Point:
    """Finite values by name at a time of the run; `epochs` is 1.5 in the middle of the second epoch."""

    epochs: float
    values: Mapping[str, float]


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
        self._full: list[Point] = []
        self._latest: list[Point] = []  # the samples of the newest point

    def add(self, epochs: float, values: Mapping[str, float | None]) -> None:
        """Add a sample; `epochs` never falls, and values that are None or not finite are left out."""
        if len(self._latest) == self.samples_per_point:
            self._full.append(_mean(self._latest))
            self._latest = []
        if len(self._full) == self.limit:
            self._full = [_mean(pair) for pair in zip(self._full[::2], self._full[1::2], strict=True)]
            self.samples_per_point *= 2
        known = {name: value for name, value in values.items() if value is not None and math.isfinite(value)}
        self._latest.append(Point(epochs, known))

    def points(self) -> tuple[Point, ...]:
        """The points so far; later samples do not change what was returned."""
        return (*self._full, _mean(self._latest)) if self._latest else ()

    def points_of(self, name: str) -> tuple[Point, ...]:
        """The points that have a value of this name, without the other values."""
        return tuple(Point(one.epochs, {name: one.values[name]}) for one in self.points() if name in one.values)


def _mean(points: Sequence[Point]) -> Point:
    """The mean of points, of each name over those that have it."""
    names = dict.fromkeys(name for point in points for name in point.values)
    values = {name: fmean(point.values[name] for point in points if name in point.values) for name in names}
    return Point(fmean(point.epochs for point in points), values)


def as_curves(points: Sequence[Point]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The epochs (N,), and by name the values (N,), NaN where a point has none, in order of first appearance."""
    names = dict.fromkeys(name for point in points for name in point.values)
    curves = {name: np.array([point.values.get(name, math.nan) for point in points], float) for name in names}
    return np.array([point.epochs for point in points], float), curves
