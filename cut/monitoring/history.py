"""Curves of a run that stay short however long it is."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

LIMIT = 1000  # points; more cannot be told apart on a screen


@dataclass(frozen=True)
class Point:
    """Values by name at a time of the run; `epochs` is 1.5 in the middle of the second epoch."""

    epochs: float
    values: Mapping[str, float]


class History:
    """At most `limit` points: when they are more, neighbours are averaged, and later ones over as long stretches.

    Adding costs the same in the last epoch as in the first, apart from the rare halvings.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit, self.stretch = limit, 1
        self.points: list[Point] = []
        self.latest: list[Point] = []  # the stretch that is not full yet

    def add(self, epochs: float, values: Mapping[str, float]) -> None:
        self.latest.append(Point(epochs, dict(values)))
        if len(self.latest) >= self.stretch:
            self.points.append(mean(self.latest))
            self.latest = []
        if len(self.points) >= self.limit:
            self.points = [mean(self.points[i : i + 2]) for i in range(0, len(self.points), 2)]
            self.stretch *= 2

    def snapshot(self) -> tuple[Point, ...]:
        """The points so far; later additions do not change it."""
        return (*self.points, *([mean(self.latest)] if self.latest else []))


def mean(points: Sequence[Point]) -> Point:
    """The mean of points, of each name over those that have a finite value of it."""
    if len(points) == 1:
        return points[0]
    names = dict.fromkeys(name for point in points for name in point.values)
    known = {name: [v for point in points if math.isfinite(v := point.values.get(name, math.nan))] for name in names}
    values = {name: sum(found) / len(found) if found else math.nan for name, found in known.items()}
    return Point(sum(point.epochs for point in points) / len(points), values)


def as_curves(points: Sequence[Point]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The epochs (N,), and by name the values (N,), NaN where a point has none, in order of first appearance."""
    names = dict.fromkeys(name for point in points for name in point.values)
    curves = {name: np.array([point.values.get(name, math.nan) for point in points], float) for name in names}
    return np.array([point.epochs for point in points], float), curves
