"""The pictures of the batches that were trained on, one set an epoch under the published names, and their pages."""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from dominate import tags
from PIL import Image

from cut.data.images import image_size
from cut.data.resampling import Size
from cut.html import figure, page, page_links
from cut.training.atomic import make_folder, write_atomically

EPOCHS_PER_PAGE = 50
NEWEST = 3  # pages that the page of the run links to


class PictureHistory:
    """Keeps the last pictures of each epoch as `images/epoch007_fake_B.png`, and pages of 50 epochs with them.

    A full page is not written again, so that the cost of an epoch does not grow with the run.

    Args:
        folder: of the web page.
        last_epoch: pictures of later epochs are not of this run; 0 for a new run.
        width: of a picture on the pages, in pixels.
        order: labels of pictures in display order, for those that are there; others follow by name.
    """

    def __init__(self, folder: Path, title: str, last_epoch: int, width: int, order: Sequence[str] = ()) -> None:
        self.folder, self.title, self.width = folder, title, width
        make_folder(folder / "images")
        self.epochs = _saved_pictures(folder / "images", last_epoch, order)
        self.stale = set(self._blocks())  # blocks of 50 epochs whose page is to be written
        self.version = 0  # counts what is saved

    @property
    def newest(self) -> tuple[int, Mapping[str, Size]] | None:
        """The epoch with the newest pictures, and their sizes by label."""
        return max(self.epochs.items(), default=None)

    def save(self, epoch: int, pictures: Mapping[str, np.ndarray]) -> None:
        """Save the pictures (uint8, (H, W, 3), by label) of an epoch over its earlier ones."""
        sizes: dict[str, Size] = {}
        for label, picture in pictures.items():
            image = Image.fromarray(picture)
            write = partial(image.save, format="PNG", compress_level=3)  # a third of the default's time, 6 % more bytes
            write_atomically(self.folder / picture_file(epoch, label), write, durable=False)
            sizes[label] = image.size
        self.version += 1
        if self.epochs.get(epoch) != sizes:
            self.epochs[epoch] = sizes
            # The page before links to it.
            self.stale |= {_block(epoch), _block(epoch) - 1}.intersection(self._blocks())

    def forget(self) -> None:
        """The pictures are gone."""
        self.epochs.clear()
        self.stale.clear()

    def write_pages(self) -> None:
        """Write the pages that have changed."""
        pages = self._pages()
        for block in self.stale:
            current = self._blocks().index(block)
            with page(f"{self.title}: training pictures") as content:
                tags.p(tags.a("‹ the run", href="index.html"))
                page_links(pages, current, back="newer", onward="older")
                for epoch in sorted(filter(lambda epoch: _block(epoch) == block, self.epochs), reverse=True):
                    with tags.section(cls="card", id=f"epoch{epoch}"):
                        tags.h2(f"Epoch {epoch}")
                        show_pictures(epoch, self.epochs[epoch], self.width)
                page_links(pages, current, back="newer", onward="older")
            write_atomically(self.folder / pages[current][1], content.render().encode(), durable=False)
        self.stale.clear()

    def links(self) -> list[tuple[str, str]]:
        """(label, file) of the pages with the newest epochs and of that with the first; they lead to the others."""
        pages = self._pages()
        return pages[:NEWEST] + pages[NEWEST:][-1:]

    def _pages(self) -> list[tuple[str, str]]:
        firsts = [block * EPOCHS_PER_PAGE + 1 for block in self._blocks()]
        return [(f"{first}–{first + EPOCHS_PER_PAGE - 1}", f"epochs{first:04d}.html") for first in firsts]

    def _blocks(self) -> list[int]:
        return sorted({_block(epoch) for epoch in self.epochs}, reverse=True)


def show_pictures(epoch: int, sizes: Mapping[str, Size], width: int) -> None:
    """Add the pictures of an epoch to the element that is being filled."""
    with tags.div(cls="pictures"):
        for label, size in sizes.items():
            figure(picture_file(epoch, label), label, size, width)


def picture_file(epoch: int, label: str) -> str:
    """The published name, beside the page: images/epoch007_fake_B.png."""
    label = re.sub(r"[^\w.-]", "_", label)
    return f"images/epoch{epoch:03d}_{label}.png"


def _block(epoch: int) -> int:
    return (epoch - 1) // EPOCHS_PER_PAGE


def _saved_pictures(folder: Path, last_epoch: int, order: Sequence[str]) -> dict[int, dict[str, Size]]:
    """The pictures on disk up to `last_epoch`, as {epoch: {label: size}}; later ones will be made again."""
    found: dict[int, dict[str, Size]] = {}
    for file in folder.glob("epoch*.png"):
        name = re.fullmatch(r"epoch(\d+)_(.+)\.png", file.name)
        if name and int(name[1]) <= last_epoch and (size := image_size(file)):  # what cannot be read is not shown
            found.setdefault(int(name[1]), {})[name[2]] = size

    def place(label: str) -> tuple[int, str]:
        return (order.index(label) if label in order else len(order), label)

    return {epoch: {label: sizes[label] for label in sorted(sizes, key=place)} for epoch, sizes in found.items()}
