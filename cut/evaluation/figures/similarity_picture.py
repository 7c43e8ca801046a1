"""The picture of a learned similarity: query points, maps of each tap, and principal components as colours."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cut.evaluation.comparison.held_out import as_picture
from cut.evaluation.figures.similarity import LearnedSimilarity, Point, VectorMap, check_points, principal_colors
from cut.terminal import readable

CELL = 1.9  # inches
DOTS_PER_INCH = 110
COLORS = ("#e6194b", "#4363d8", "#f58231", "#3cb44b", "#f032e6", "#008080", "#9a6324", "#808000")


@dataclass(frozen=True)
class Shown:
    """An image, its translation and the vectors of both.

    Attributes:
        source, translation: (C, H, W) in [−1, 1].
        keys, queries: their vectors at each tap.
    """

    name: str
    source: Tensor
    translation: Tensor
    keys: list[VectorMap]
    queries: list[VectorMap]

    @classmethod
    def of(cls, name: str, source: Tensor, learned: LearnedSimilarity) -> "Shown":
        translation = learned.translate(source)
        return cls(name, source, translation, learned.vectors(source), learned.vectors(translation))


@dataclass(frozen=True)
class Cell:
    """A picture, (H, W) in [0, 1] or colours, with its heading, and points in their colours, as dots or as rings."""

    picture: np.ndarray
    heading: str
    points: Sequence[tuple[Point, str]] = ()
    rings: bool = False


Row = list[Cell | None]  # None leaves a place empty


def draw_similarity(learned: LearnedSimilarity, images: Sequence[Shown], points: Sequence[Point]) -> bytes:
    """A PNG: a row for each point of the first image, then two for each image with its principal components.

    Raises:
        UserError: for points outside the first image.
    """
    first, rows = images[0], list[Row]()
    check_points(points, first.source.shape[2], first.source.shape[1])
    marked = [(point, COLORS[number % len(COLORS)]) for number, point in enumerate(points)]
    for point, color in marked:
        maps = learned.similarity(first.queries, first.keys, point)
        dot = [(point, color)]
        row: Row = [Cell(as_picture(first.source), "input", dot)]
        row.append(Cell(as_picture(first.translation), f"translation, {point[0]},{point[1]}", dot))
        row += [Cell(one.numpy(), f"tap {tap}", dot, True) for tap, one in zip(learned.taps, maps, strict=True)]
        rows.append(row)
    if len(images) > 1 or not points:
        aligned: Row = [None] if points else []  # a tap has one column
        rows += [[row[0], *aligned, *row[1:]] for row in _components(learned, images)]
    return _drawn(rows)


def _components(learned: LearnedSimilarity, images: Sequence[Shown]) -> list[Row]:
    """Two rows for each image: the source and its colours at each tap, the translation and its own."""
    both = [vectors for one in images for vectors in (one.keys, one.queries)]
    colored = [principal_colors([maps[tap] for maps in both]) for tap in range(len(learned.taps))]
    rows: list[Row] = []
    for number, one in enumerate(images):
        for part, picture in enumerate((one.source, one.translation)):
            row: Row = [Cell(as_picture(picture), one.name if part == 0 else "translation")]
            row += [
                Cell(colored[index][2 * number + part].numpy(), f"tap {tap}, components")
                for index, tap in enumerate(learned.taps)
            ]
            rows.append(row)
    return rows


def _drawn(rows: Sequence[Row]) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # takes a second to import
    from matplotlib.figure import Figure

    columns = max(map(len, rows))
    tall = [max(cell.picture.shape[0] / cell.picture.shape[1] for cell in row if cell) for row in rows]
    size = (CELL * columns, sum(CELL * ratio + 0.28 for ratio in tall))
    figure = Figure(figsize=size, dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    places = figure.subplots(len(rows), columns, squeeze=False, gridspec_kw={"height_ratios": tall})
    for row, row_places in zip(rows, places, strict=True):
        for cell, place in zip_longest(row, row_places):
            place.axis("off")
            if cell is not None:
                _draw(place, cell)
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()


def _draw(place: Any, cell: Cell) -> None:
    from matplotlib.patheffects import withStroke

    most = 1 if cell.picture.ndim == 2 else None
    place.imshow(cell.picture, cmap="viridis", vmin=0, vmax=most, interpolation="nearest")
    for (x, y), color in cell.points:
        look: dict[str, Any] = {
            "markersize": 7,
            "markerfacecolor": color,
            "markeredgecolor": "white",
            "markeredgewidth": 1.2,
        }
        if cell.rings:  # which leave the place itself to be seen
            look = {"markersize": 11, "markerfacecolor": "none", "markeredgecolor": color, "markeredgewidth": 1.2}
            look["path_effects"] = [withStroke(linewidth=2.6, foreground="white")]
        place.plot(x, y, "o", **look)
    place.set_title(readable(cell.heading), fontsize=8)


def similarity_arrays(learned: LearnedSimilarity, image: Shown, points: Sequence[Point]) -> dict[str, np.ndarray]:
    """The maps of an image as arrays, (points, H, W) for each tap, by "tap_4"; and "points", (points, 2)."""
    maps = [learned.similarity(image.queries, image.keys, point) for point in points]
    by_tap = {
        f"tap_{tap}": torch.stack([of_point[index] for of_point in maps]).numpy()
        for index, tap in enumerate(learned.taps)
    }
    return {"points": np.array(points), **by_tap}
