"""Curves over epochs as a picture, drawn with matplotlib: a panel for each measure."""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cut.commands import install
from cut.errors import UserError
from cut.terminal import readable

COLUMNS = 2  # of panels
PANEL_SIZE = (5.5, 3.2)  # (width, height) in inches
DOTS_PER_INCH = 120
LETTER = 0.085  # inches of a letter in a legend


@dataclass(frozen=True)
class Curve:
    """One curve of a panel.

    Attributes:
        epochs, values: as many of both, in order.
        name: in the legend; "" for a curve that is not in it.
        color: number of its colour; curves of one number have the same.
        spread: half the length of an error bar at each value; none where it is empty.
        faint: draw it thin, behind the others, without marks.
        marks: draw a dot at each value.
    """

    epochs: Sequence[float]
    values: Sequence[float]
    name: str = ""
    color: int = 0
    spread: Sequence[float] = ()
    faint: bool = False
    marks: bool = True


@dataclass(frozen=True)
class Panel:
    """One panel of a picture.

    Attributes:
        label: of the vertical axis.
        curves: what is drawn, one over the other.
        levels: (name, value) of horizontal lines, for comparison.
        star: (name, epoch, value) of a point to mark; None for none.
    """

    label: str
    curves: Sequence[Curve]
    levels: Sequence[tuple[str, float]] = ()
    star: tuple[str, float, float] | None = None


def draw_panels(panels: Sequence[Panel], title: str = "", shared_legend: bool = False) -> bytes:
    """The panels side by side, two in a row.

    Args:
        panels: at least one.
        title: above them.
        shared_legend: one legend above all, that of the first panel, instead of one in each.

    Returns:
        A PNG.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # takes a second to import
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise UserError(f"No curve was drawn without matplotlib: {install('measures')}.") from None

    columns = min(COLUMNS, len(panels))
    rows = math.ceil(len(panels) / columns)
    size = (PANEL_SIZE[0] * columns, PANEL_SIZE[1] * rows + 0.5)
    figure = Figure(figsize=size, dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    if title:
        figure.suptitle(readable(title))
    places = list(figure.subplots(rows, columns, squeeze=False).flat)
    for place, panel in zip(places, panels, strict=False):
        _draw(place, panel)
    for place in places[len(panels) :]:
        place.remove()
    if shared_legend:
        handles, names = places[0].get_legend_handles_labels()
        letters = max(map(len, names), default=0)
        fitting = int(size[0] / (LETTER * letters + 0.6))  # a line and the space around it take 0.6 inches
        columns = max(1, min(4, fitting, len(names)))
        figure.legend(handles, names, loc="outside upper center", ncols=columns, frameon=False)
    else:
        for place in places[: len(panels)]:
            if place.get_legend_handles_labels()[0]:
                place.legend(fontsize="small")
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()


def _draw(place: Any, panel: Panel) -> None:
    for curve in panel.curves:
        if curve.faint:
            style: dict[str, Any] = {"linewidth": 0.8, "alpha": 0.45, "zorder": 1.9}
        else:
            style = {
                "marker": "o" if curve.marks else "",
                "markersize": 4,
                "yerr": list(curve.spread) or None,
                "capsize": 2,
                "zorder": 2,
            }
        draw = place.plot if curve.faint else place.errorbar
        label = readable(curve.name) or "_nolegend_"  # matplotlib leaves out what begins with an underscore
        draw(list(curve.epochs), list(curve.values), color=f"C{curve.color}", label=label, **style)
    for number, (name, value) in enumerate(panel.levels):
        place.axhline(value, linestyle=("--", ":")[number % 2], color="gray", zorder=1, label=readable(name))
    if panel.star is not None:
        name, epoch, value = panel.star
        place.plot(epoch, value, "*", markersize=15, color="tab:orange", zorder=3, label=name)
    place.set(xlabel="epoch", ylabel=panel.label)
    place.xaxis.get_major_locator().set_params(integer=True)
    place.grid(alpha=0.3)
