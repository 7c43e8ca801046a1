"""The measures of several runs over their epochs, as one picture: a panel for each measure, a colour for each row."""

import io
import math
from collections.abc import Mapping, Sequence
from statistics import fmean

from cut.measures import MEASURES
from cut.monitoring.reports.records import RunRecord
from cut.monitoring.reports.table import group, row_names
from cut.training.evaluation import Column

COLUMNS = 2  # of panels

Curve = Mapping[int, float]  # value by epoch


def draw_curves(runs: Sequence[RunRecord]) -> bytes | None:
    """A PNG with the curves of these runs: the mean over a row's seeds, and each seed thin behind it.

    Returns:
        None where nothing was measured.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # takes a second to import
    from matplotlib.figure import Figure

    rows = group(runs)
    measures = list(dict.fromkeys(measure for run in runs for measure in run.measures))
    if not measures:
        return None
    columns = min(COLUMNS, len(measures))
    height = math.ceil(len(measures) / columns)
    figure = Figure(figsize=(5.5 * columns, 3.0 * height + 0.7), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(height, columns, squeeze=False).flat
    for panel, measure in zip(panels, measures, strict=False):
        for number, (name, row) in enumerate(zip(row_names(rows), rows, strict=True)):
            _draw(panel, [curve_of(run, measure) for run in row.runs], name, f"C{number}")
        better = "more" if MEASURES[measure.name].higher_is_better else "less"
        panel.set(xlabel="epoch", ylabel=f"{measure.label} ({better} is better)")
        panel.xaxis.get_major_locator().set_params(integer=True)
        panel.grid(alpha=0.3)
    for panel in figure.axes[len(measures) :]:
        panel.remove()
    handles, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=min(4, len(names)), frameon=False)
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()


def curve_of(run: RunRecord, measure: Column) -> Curve:
    """The values of a measure by epoch, of those that are finite; of an epoch measured twice, the later."""
    return {one.epoch: measure.value(one) for one in run.evaluations if math.isfinite(measure.value(one))}


def mean_curve(curves: Sequence[Curve]) -> Curve:
    """The mean by epoch, where every curve has a value."""
    shared = set.intersection(*(set(curve) for curve in curves))
    return {epoch: fmean(curve[epoch] for curve in curves) for epoch in sorted(shared)}


def _draw(panel, curves: Sequence[Curve], name: str, color: str) -> None:
    if len(curves) > 1:
        for curve in curves:
            panel.plot(list(curve), list(curve.values()), color=color, linewidth=0.8, alpha=0.45)
    mean = mean_curve(curves)
    panel.plot(list(mean), list(mean.values()), color=color, linewidth=2, marker="o", markersize=3.5, label=name)
