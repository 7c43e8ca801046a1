"""The pictures of the batches that were trained on, one set an epoch under the published names, and their pages."""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
from dominate import tags
from PIL import Image

from cut.data.images import stored_size
from cut.html import figure, page, page_links
from cut.training.atomic import write_atomically

EPOCHS_PER_PAGE = 50
NEWEST = 3  # pages that the page of the run links to

Size = tuple[int, int]  # (width, height) in pixels


class PictureHistory:
    """Keeps the last pictures of each epoch as `images/epoch007_fake_B.png`, and pages of 50 epochs with them.

    A full page is not written again, so that the cost of an epoch does not grow with the run.

    Args:
        folder: of the web page.
        title: of the pages.
        last_epoch: pictures of later epochs are not of this run; 0 for a new run.
        width: of a picture on the pages, in pixels.
        order: labels of pictures in display order, for those that are there; others follow by name.
    """

    def __init__(self, folder: Path, title: str, last_epoch: int, width: int, order: Sequence[str] = ()) -> None:
        self.folder, self.title, self.width = folder, title, width
        (folder / "images").mkdir(parents=True, exist_ok=True)
        self.blocks: dict[int, dict[int, dict[str, Size]]] = {}  # by block of 50 epochs and epoch, the sizes by label
        for epoch, sizes in sorted(_saved_pictures(folder / "images", last_epoch, order).items()):
            self.blocks.setdefault(_block(epoch), {})[epoch] = sizes
        self.stale = set(self.blocks)
        self.version = 0  # counts what is saved

    @property
    def newest(self) -> tuple[int, Mapping[str, Size]] | None:
        """The epoch with the newest pictures, and their sizes by label."""
        if not self.blocks:
            return None
        block = self.blocks[max(self.blocks)]
        return max(block), block[max(block)]

    def save(self, epoch: int, pictures: Mapping[str, np.ndarray]) -> None:
        """Save the pictures (uint8, (H, W, 3), by label) of an epoch over its earlier ones."""
        sizes: dict[str, Size] = {}
        for label, picture in pictures.items():
            image = Image.fromarray(picture)
            file = self.folder / picture_file(epoch, label)
            write_atomically(file, partial(_write_png, image), durable=False)
            sizes[label] = image.size
        self.version += 1
        block = self.blocks.setdefault(_block(epoch), {})
        if block.get(epoch) != sizes:
            block[epoch] = sizes
            self.stale |= {_block(epoch), _block(epoch) - 1} & self.blocks.keys()  # the page before links to it

    def write_pages(self) -> None:
        """Write the pages that have changed."""
        for block in self.stale:
            pages = self._pages()
            current = sorted(self.blocks, reverse=True).index(block)
            with page(f"{self.title}: training pictures") as content:
                tags.p(tags.a("‹ the run", href="index.html"))
                page_links(pages, current, back="newer", onward="older")
                for epoch in sorted(self.blocks[block], reverse=True):
                    with tags.section(cls="card", id=f"epoch{epoch}"):
                        tags.h2(f"Epoch {epoch}")
                        show_pictures(epoch, self.blocks[block][epoch], self.width)
                page_links(pages, current, back="newer", onward="older")
            write_atomically(self.folder / _file(block), partial(_write_text, content.render()), durable=False)
        self.stale.clear()

    def links(self) -> list[tuple[str, str]]:
        """(label, file) of the pages with the newest epochs and of that with the first; they lead to the others."""
        pages = self._pages()
        return pages[:NEWEST] + pages[NEWEST:][-1:]

    def _pages(self) -> list[tuple[str, str]]:
        return [(_label(block), _file(block)) for block in sorted(self.blocks, reverse=True)]


def show_pictures(epoch: int, sizes: Mapping[str, Size], width: int) -> None:
    """Add the pictures of an epoch to the element that is being filled."""
    with tags.div(cls="pictures"):
        for label, size in sizes.items():
            figure(picture_file(epoch, label), label, size, width)


def picture_file(epoch: int, label: str) -> str:
    """The published name, beside the page: images/epoch007_fake_B.png."""
    label = re.sub(r"[^\w.-]", "_", label)
    return f"images/epoch{epoch:03d}_{label}.png"


def _write_png(image: Image.Image, stream: BinaryIO) -> None:
    image.save(stream, format="PNG", compress_level=3)  # a third of the default's time for 6 % more bytes


def _write_text(text: str, stream: BinaryIO) -> None:
    stream.write(text.encode())


def _block(epoch: int) -> int:
    return (epoch - 1) // EPOCHS_PER_PAGE


def _label(block: int) -> str:
    return f"{block * EPOCHS_PER_PAGE + 1}–{(block + 1) * EPOCHS_PER_PAGE}"


def _file(block: int) -> str:
    return f"epochs{block * EPOCHS_PER_PAGE + 1:04d}.html"


def _saved_pictures(folder: Path, last_epoch: int, order: Sequence[str]) -> dict[int, dict[str, Size]]:
    """The pictures on disk up to `last_epoch`, as {epoch: {label: size}}; later ones will be made again."""
    found: dict[int, dict[str, Size]] = {}
    for file in folder.glob("epoch*.png"):
        name = re.fullmatch(r"epoch(\d+)_(.+)\.png", file.name)
        if name is None or int(name[1]) > last_epoch:
            continue
        size = stored_size(file)
        if size is not None:  # what cannot be read is not shown
            found.setdefault(int(name[1]), {})[name[2]] = size

    def place(label: str) -> tuple[int, str]:
        return (order.index(label) if label in order else len(order), label)

    return {epoch: {label: sizes[label] for label in sorted(sizes, key=place)} for epoch, sizes in found.items()}
