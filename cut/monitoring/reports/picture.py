"""The measures or the losses of several runs over their epochs as a picture: a panel for each, a colour for each row of
the table."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean

from cut.monitoring.reports.runs import LoggedRun, measured
from cut.monitoring.reports.table import Row, group
from cut.monitoring.series import Point
from cut.plots import Curve, Panel, draw_panels
from cut.training.evaluation_table import Column

STRETCHES = 100  # of the longest run; a point of a loss's curve is the mean over one

ByEpoch = Mapping[float, float]  # a value for each time, in epochs


def draw_measures(runs: Sequence[LoggedRun]) -> bytes | None:
    """A PNG with the measures of these runs: the mean over a row's seeds, and each seed thin behind it.

    Returns:
        None where nothing was measured.
    """
    rows = group(runs)
    panels = [
        Panel(measure.title, _curves(rows, [[values_of(run, measure) for run in row.runs] for row in rows]))
        for measure in measured(runs)
    ]
    return draw_panels(panels, shared_legend=True) if panels else None


def draw_losses(runs: Sequence[LoggedRun]) -> bytes | None:
    """Likewise a PNG with the losses, averaged over a hundredth of the longest run.

    Returns:
        None where nothing was logged.
    """
    rows = group(runs)
    logged = [[run.losses() for run in row.runs] for row in rows]
    everything = [point for seeds in logged for points in seeds for point in points]
    stretch = max((point.epochs for point in everything), default=0.0) / STRETCHES
    panels = []
    for name in dict.fromkeys(name for point in everything for name in point.values):
        by_row = [[averaged(points, name, stretch) for points in seeds] for seeds in logged]
        panels.append(Panel(name, _curves(rows, by_row, marks=False)))
    return draw_panels(panels, shared_legend=True) if panels else None


def _curves(rows: Sequence[Row], values: Sequence[Sequence[ByEpoch]], marks: bool = True) -> list[Curve]:
    """The curves of one panel: of each row the mean and, where there are several, each of its seeds."""
    curves: list[Curve] = []
    for color, (row, seeds) in enumerate(zip(rows, values, strict=True)):
        if len(seeds) > 1:
            curves += [Curve(list(one), list(one.values()), color=color, faint=True) for one in seeds]
        mean = mean_of(seeds)
        curves.append(Curve(list(mean), list(mean.values()), row.name, color, marks=marks))
    return curves


def averaged(points: Sequence[Point], name: str, stretch: float) -> ByEpoch:
    """The mean of a loss over stretches of so many epochs, by the time at their middle."""
    found = defaultdict(list)
    for point in points:
        if name in point.values:
            found[max(0, math.ceil(point.epochs / stretch - 1e-9) - 1)].append(point.values[name])
    return {(number + 0.5) * stretch: fmean(values) for number, values in found.items()}


def values_of(run: LoggedRun, measure: Column) -> ByEpoch:
    """The values of a measure by epoch, of those that are finite; of an epoch measured twice, the later."""
    return {one.epoch: value for one in run.having(measure) if math.isfinite(value := measure.value(one))}


def mean_of(curves: Sequence[ByEpoch]) -> ByEpoch:
    """The mean by epoch, where every curve has a value."""
    shared = set.intersection(*(set(curve) for curve in curves))
    return {epoch: fmean(curve[epoch] for curve in curves) for epoch in sorted(shared)}
