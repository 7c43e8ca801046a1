"""Translations of several runs as one picture, as papers show them: a row for each run, a column for each image."""

import io
from collections.abc import Mapping, Sequence

from PIL import Image

from cut.commands import install
from cut.errors import UserError
from cut.terminal import readable

LARGEST = 192  # pixels of the longer side of an image
GAP = 4  # pixels between images
LETTER = 8  # pixels of a letter of a row's name
FONT_SIZE = 9  # points
DOTS_PER_INCH = 100


def draw_translations(rows: Mapping[str, Sequence[Image.Image]], suffix: str = ".png") -> bytes:
    """Draw the rows below each other, each with its name at the left.

    Args:
        rows: RGB images by the name of their row, as many in each. Those of the first row are drawn as large as they
            are, or with 192 pixels where they are larger; those below are scaled to the same size.
        suffix: of the file, ".png" or ".jpg".

    Raises:
        UserError: without matplotlib.
    """
    try:
        import numpy as np
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # takes a second to import
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise UserError(f"No picture was drawn without matplotlib: {install('measures')}.") from None

    sizes = [_shown_size(image) for image in next(iter(rows.values()))]
    row_height = max(height for _, height in sizes)
    left = GAP + LETTER * max(map(len, rows))
    total = (left + sum(width + GAP for width, _ in sizes), GAP + (row_height + GAP) * len(rows))
    figure = Figure(figsize=(total[0] / DOTS_PER_INCH, total[1] / DOTS_PER_INCH), dpi=DOTS_PER_INCH)
    FigureCanvasAgg(figure)
    for number, (name, images) in enumerate(rows.items()):
        top = total[1] - GAP - (row_height + GAP) * number  # from below, as matplotlib counts
        figure.text(GAP / total[0], (top - row_height / 2) / total[1], readable(name), size=FONT_SIZE, va="center")
        place = left
        for image, size in zip(images, sizes, strict=True):
            pixels = image if image.size == size else image.resize(size, Image.Resampling.LANCZOS)
            figure.figimage(np.asarray(pixels), place, top - size[1])  # pixel by pixel, nothing is interpolated
            place += size[0] + GAP
    stream = io.BytesIO()
    figure.savefig(stream, format=suffix.removeprefix("."))
    return stream.getvalue()


def _shown_size(image: Image.Image) -> tuple[int, int]:
    scale = min(1.0, LARGEST / max(image.size))
    return max(1, round(image.width * scale)), max(1, round(image.height * scale))
