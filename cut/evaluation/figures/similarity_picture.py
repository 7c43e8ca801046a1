"""The picture of a learned similarity: query points, maps of each tap, and principal components as colours."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cut.data.images import to_8bit
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


Cell = tuple[np.ndarray, str, Sequence[tuple[Point, str]]]  # a picture, its heading, points and their colours


def draw_similarity(learned: LearnedSimilarity, images: Sequence[Shown], points: Sequence[Point]) -> bytes:
    """A PNG: a row for each point of the first image, then two for each image with its principal components.

    Raises:
        UserError: for points outside the first image.
    """
    first, rows = images[0], []
    check_points(points, first.source.shape[2], first.source.shape[1])
    marked = [(point, COLORS[number % len(COLORS)]) for number, point in enumerate(points)]
    for point, color in marked:
        maps = learned.similarity(first.queries, first.keys, point)
        row: list[Cell] = [(_pixels(first.source), "input", [(point, color)])]
        row.append((_pixels(first.translation), f"translation, {point[0]},{point[1]}", [(point, color)]))
        row += [(one.numpy(), f"tap {tap}", ()) for tap, one in zip(learned.taps, maps, strict=True)]
        rows.append(row)
    if len(images) > 1 or not points:
        rows += _components(learned, images)
    return _drawn(rows)


def _components(learned: LearnedSimilarity, images: Sequence[Shown]) -> list[list[Cell]]:
    """Two rows for each image: the source and its colours at each tap, the translation and its own."""
    both = [vectors for one in images for vectors in (one.keys, one.queries)]
    colored = [principal_colors([maps[tap] for maps in both]) for tap in range(len(learned.taps))]
    rows: list[list[Cell]] = []
    for number, one in enumerate(images):
        for part, picture in enumerate((one.source, one.translation)):
            row: list[Cell] = [(_pixels(picture), one.name if part == 0 else "translation", ())]
            row += [
                (colored[index][2 * number + part].numpy(), f"tap {tap}, components", ())
                for index, tap in enumerate(learned.taps)
            ]
            rows.append(row)
    return rows


def _pixels(image: Tensor) -> np.ndarray:
    return to_8bit(image.expand(3, -1, -1) if len(image) == 1 else image)


def _drawn(rows: Sequence[Sequence[Cell]]) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # takes a second to import
    from matplotlib.figure import Figure

    columns = max(map(len, rows))
    tall = [max(picture.shape[0] / picture.shape[1] for picture, _, _ in row) for row in rows]
    size = (CELL * columns, sum(CELL * ratio + 0.28 for ratio in tall))
    figure = Figure(figsize=size, dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    places = figure.subplots(len(rows), columns, squeeze=False, gridspec_kw={"height_ratios": tall})
    for row, row_places in zip(rows, places, strict=True):
        for cell, place in zip(row, row_places, strict=False):
            _draw(place, *cell)
        for place in row_places[len(row) :]:
            place.axis("off")
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()


def _draw(place: Any, picture: np.ndarray, heading: str, points: Sequence[tuple[Point, str]]) -> None:
    place.imshow(picture, cmap="viridis", vmin=0, vmax=1 if picture.ndim == 2 else None, interpolation="nearest")
    for (x, y), color in points:
        place.plot(x, y, "o", markersize=7, markerfacecolor=color, markeredgecolor="white", markeredgewidth=1.2)
    place.set_title(readable(heading), fontsize=8)
    place.axis("off")


def similarity_arrays(learned: LearnedSimilarity, image: Shown, points: Sequence[Point]) -> dict[str, np.ndarray]:
    """The maps of an image as arrays, (points, H, W) for each tap, by "tap_4"; and "points", (points, 2)."""
    maps = [learned.similarity(image.queries, image.keys, point) for point in points]
    by_tap = {
        f"tap_{tap}": torch.stack([of_point[index] for of_point in maps]).numpy()
        for index, tap in enumerate(learned.taps)
    }
    return {"points": np.array(points), **by_tap}
