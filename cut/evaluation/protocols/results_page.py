"""The web page that shows what was translated: source, translation and, where there is one, target side by side."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from dominate import tags

from cut.data.images import stored_size
from cut.html import figure, page, page_links, page_name, shown
from cut.training.atomic import write_atomically

ROWS_PER_PAGE = 100  # 300 pictures, loaded as they are scrolled to, keep a browser fast


@dataclass(frozen=True)
class ResultRow:
    """One translated image.

    Attributes:
        name: what the row is called: the name of the source file, with its sub-folder.
        images: the files to show, relative to the page, by label (real_A, fake_B, real_B), left to right.
    """

    name: str
    images: Mapping[str, str]


def write_results_page(
    folder: Path, title: str, rows: Sequence[ResultRow], details: Mapping[str, str], display_width: int = 256
) -> Path:
    """Write `index.html`, and `page2.html`, `page3.html`, … where there are more than 100 rows, into `folder`.

    Args:
        folder: where the pages go; the images are in it or below. Pages of an earlier, longer run are removed.
        rows: in the order to show.
        details: facts to name below the title (checkpoint, number of images, …).
        display_width: width of a picture on the page, in pixels; a click opens it as it is.

    Returns:
        The path of `index.html`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    count = max(1, -(-len(rows) // ROWS_PER_PAGE))
    pages = [(str(number), page_name(number)) for number in range(1, count + 1)]
    for number in range(1, count + 1):
        some = rows[(number - 1) * ROWS_PER_PAGE : number * ROWS_PER_PAGE]
        with page(title, details) as content:
            if count > 1:
                page_links(pages, number - 1)
            for row in some:
                _show(folder, row, display_width)
            if not rows:
                tags.p("There are no images.", cls="note")
            if count > 1:
                page_links(pages, number - 1)
        text = content.render().encode()
        write_atomically(folder / page_name(number), partial(_write, text))
    for stale in folder.glob("page*.html"):
        found = re.fullmatch(r"page(\d+)\.html", stale.name)
        if found and int(found[1]) > count:
            stale.unlink()
    return folder / page_name(1)


def _write(text: bytes, stream: BinaryIO) -> None:
    stream.write(text)


def _show(folder: Path, row: ResultRow, display_width: int) -> None:
    with tags.section(cls="card"):
        tags.h2(shown(row.name))
        with tags.div(cls="pictures"):
            for label, file in row.images.items():
                figure(file, label, stored_size(folder / file), display_width)
