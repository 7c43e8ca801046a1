"""The losses of a run as small drawings, one a loss, that need no script and no library in the browser."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from dominate import svg, tags

from cut.monitoring.log_files import read_metrics

WIDTH, HEIGHT = 260, 94
POINTS = 200  # more cannot be told apart at this width


def loss_curves(metrics: Path) -> tags.section | None:
    """A card with a curve for each loss in a `metrics.jsonl`; None before two steps were logged.

    Long runs are averaged over equal stretches of the log, so that a page stays small however long a run is.
    """
    series: dict[str, list[tuple[float, float]]] = {}
    last = {}
    for last in read_metrics(metrics):
        for name, value in last.get("losses", {}).items():
            if value is not None:
                series.setdefault(name, []).append((last["images"], value))
    series = {name: points for name, points in series.items() if len(points) > 1}
    if not series:
        return None
    with tags.section(cls="card") as card:
        tags.h2(f"Losses up to epoch {last['epoch']}, {last['images']:,} images")
        with tags.div(cls="curves"):
            for name, points in series.items():
                with tags.div():
                    tags.div(name, tags.b(f"{points[-1][1]:.3f}", title="last logged value"))
                    _draw(points)
    return card


def thin(points: Sequence[tuple[float, float]], count: int = POINTS) -> np.ndarray:
    """At most `count` points (N, 2), each the mean of an equal stretch of `points`, in order."""
    values = np.asarray(points, dtype=np.float64)
    if len(values) <= count:
        return values
    return np.stack([part.mean(axis=0) for part in np.array_split(values, count)])


def _draw(points: Sequence[tuple[float, float]]) -> svg.svg:
    curve = thin(points)
    low, high = curve.min(axis=0), curve.max(axis=0)
    span = np.where(high > low, high - low, 1)
    place = (curve - low) / span * (WIDTH, -(HEIGHT - 26)) + (0, HEIGHT - 15)
    with svg.svg(viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img") as drawing:
        svg.line(x1=0, x2=WIDTH, y1=HEIGHT - 13, y2=HEIGHT - 13)
        svg.polyline(points=" ".join(f"{x:.1f},{y:.1f}" for x, y in place))
        svg.text(f"{high[1]:.3g}", x=0, y=8)
        svg.text(f"{low[1]:.3g}", x=0, y=HEIGHT - 3)
        svg.text(f"{points[-1][0]:,} images", x=WIDTH, y=HEIGHT - 3, text_anchor="end")
    return drawing
