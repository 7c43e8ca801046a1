"""The measures of several runs over their epochs as a picture: a panel for each measure, a colour for each row."""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean

from cut.monitoring.reports.runs import LoggedRun, measured
from cut.monitoring.reports.table import group
from cut.plots import Curve, Panel, draw_panels
from cut.training.evaluation import Column

ByEpoch = Mapping[int, float]  # a value for each epoch


def draw_measures(runs: Sequence[LoggedRun]) -> bytes | None:
    """A PNG with the measures of these runs: the mean over a row's seeds, and each seed thin behind it.

    Returns:
        None where nothing was measured.
    """
    rows, panels = group(runs), []
    for measure in measured(runs):
        curves: list[Curve] = []
        for color, row in enumerate(rows):
            seeds = [values_of(run, measure) for run in row.runs]
            if len(seeds) > 1:
                curves += [Curve(list(one), list(one.values()), color=color, faint=True) for one in seeds]
            mean = mean_of(seeds)
            curves.append(Curve(list(mean), list(mean.values()), row.name, color))
        panels.append(Panel(measure.title, curves))
    return draw_panels(panels, shared_legend=True) if panels else None


def values_of(run: LoggedRun, measure: Column) -> ByEpoch:
    """The values of a measure by epoch, of those that are finite; of an epoch measured twice, the later."""
    return {one.epoch: value for one in run.having(measure) if math.isfinite(value := measure.value(one))}


def mean_of(curves: Sequence[ByEpoch]) -> ByEpoch:
    """The mean by epoch, where every curve has a value."""
    shared = set.intersection(*(set(curve) for curve in curves))
    return {epoch: fmean(curve[epoch] for curve in curves) for epoch in sorted(shared)}
