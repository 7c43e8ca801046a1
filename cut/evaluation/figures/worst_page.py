"""The images with the largest error as text, and as a part of a web page."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dominate import tags
from PIL import Image

from cut.html import embedded, shown

if TYPE_CHECKING:
    import numpy as np

    from cut.evaluation.figures.worst_images import WorstImages

WIDTH = 200  # pixels of a picture on the page


def as_markdown(found: Sequence[WorstImages]) -> str:
    """A table for each run."""
    lines = []
    for run in found:
        headings = ["image", *run.images[0].scores]
        lines += ["", f"Largest errors of {shown(run.run)}. {run.about}", ""]
        lines += ["| " + " | ".join(headings) + " |", "|" + " --- |" * len(headings)]
        lines += [f"| {' | '.join([_plain(image.name), *image.scores.values()])} |" for image in run.images]
    return "\n".join(lines) + "\n"


def add_to_page(found: Sequence[WorstImages]) -> None:
    """A card for each run, within a page that is being made."""
    for run in found:
        with tags.section(cls="card"):
            tags.h2(f"Largest errors of {shown(run.run)}")
            tags.p(run.about, cls="note")
            for image in run.images:
                scores = ", ".join(f"{name} {value}" for name, value in image.scores.items())
                tags.p(f"{shown(image.name)}: {scores}")
                with tags.div(cls="pictures"):
                    for caption, picture in image.pictures.items():
                        embedded(_png(picture), caption, WIDTH)


def _png(picture: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG")
    return stream.getvalue()


def _plain(name: str) -> str:
    """A file name that stays in its cell of a Markdown table."""
    return shown(name).replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")
