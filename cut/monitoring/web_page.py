"""The live page of a run, `web/index.html` in its folder: loss curves, preview sheets, the pictures of every epoch."""

import re
from datetime import datetime
from pathlib import Path

from dominate import tags
from PIL import Image

from cut.html import figure, page, page_links
from cut.monitoring.log_files import METRICS
from cut.monitoring.loss_curves import loss_curves
from cut.monitoring.lines import run_title
from cut.monitoring.pictures import PUBLISHED_ORDER, first_of_batch
from cut.monitoring.preview_sheets import preview_sheets
from cut.options import Options
from cut.training.atomic import write_atomically
from cut.training.listener import EpochEvent, Listener, Progress, RunFacts, StepEvent

EPOCHS_PER_PAGE = 50
REFRESH_SECONDS = 60

Size = tuple[int, int]  # (width, height) in pixels


class WebPage(Listener):
    """Keeps the last pictures of each epoch, saved every `display_freq` images, newest epoch first.

    The page is written every `update_html_freq` images, at the first pictures of an epoch and at its end. `index.html`
    holds the newest epochs. In a longer run each block of 50 epochs also has a page of its own, which is left alone
    once the next block is full: an update costs the same in epoch 4,000 as in epoch 100.
    """

    def start(self, options: Options, progress: Progress, facts: RunFacts) -> None:
        self.options = options
        self.folder = options.run.folder / "web"
        (self.folder / "images").mkdir(parents=True, exist_ok=True)
        # What a start that never saved may have left in the folder is not of this run.
        self.epochs = _saved_pictures(self.folder / "images", progress.epoch) if progress.images > 0 else {}
        self.stale = {_block(epoch) for epoch in self.epochs}
        self.unwritten = False  # are there pictures that the page does not show yet?
        self._write(progress)

    def after_step(self, event: StepEvent) -> None:
        monitoring, progress = self.options.monitoring, event.progress
        first_of_epoch = False
        if event.due(monitoring.display_freq):
            first_of_epoch = progress.epoch not in self.epochs
            self._save_pictures(event)
        if first_of_epoch or event.due(monitoring.update_html_freq):
            self._write(progress)

    def after_epoch(self, event: EpochEvent) -> None:
        if self.unwritten:
            self._write(event.progress)

    def finish(self, progress: Progress) -> None:
        self._write(progress, live=False)

    def _save_pictures(self, event: StepEvent) -> None:
        epoch = event.progress.epoch
        sizes: dict[str, Size] = {}
        for label, picture in first_of_batch(event.images()).items():
            file, image = self.folder / "images" / _file_name(epoch, label), Image.fromarray(picture)
            write_atomically(file, lambda stream, image=image: image.save(stream, format="PNG"))
            sizes[label] = (picture.shape[1], picture.shape[0])
        self.epochs[epoch] = sizes
        self.stale |= {_block(epoch), _block(epoch) - 1}  # the block before gets a link to this one
        self.unwritten = True

    def _write(self, progress: Progress, live: bool = True) -> None:
        epochs = sorted(self.epochs, reverse=True)
        blocks = sorted({_block(epoch) for epoch in epochs}, reverse=True)
        pages = [("newest", "index.html")]
        if len(epochs) > EPOCHS_PER_PAGE:
            pages += [(_block_label(block), _block_file(block)) for block in blocks]
            for block in self.stale.intersection(blocks):
                inside = [epoch for epoch in epochs if _block(epoch) == block]
                self._write_page(pages, 1 + blocks.index(block), inside, progress, live=False)
            self.stale.clear()
        self._write_page(pages, 0, epochs[:EPOCHS_PER_PAGE], progress, live)
        self.unwritten = False

    def _write_page(
        self, pages: list[tuple[str, str]], current: int, epochs: list[int], progress: Progress, live: bool
    ) -> None:
        run = self.options.run
        details = {"model": run.model}
        if current == 0:
            details["epoch"] = f"{min(progress.epoch, progress.last_epoch)} of {progress.last_epoch}"
            details["images seen"] = f"{progress.images:,}"
            details["updated"] = f"{datetime.now():%Y-%m-%d %H:%M:%S}" + ("" if live else ", not training now")
        with page(run_title(self.options), details, REFRESH_SECONDS if live else None) as content:
            if current == 0:
                loss_curves(self.folder.parent / METRICS)
                preview_sheets(self.folder.parent, progress.images)
            self._links(pages, current)
            if not epochs:
                every = self.options.monitoring.display_freq
                tags.p(f"The first pictures appear here after {every} images.", cls="note")
            for epoch in epochs:
                self._show(epoch)
            self._links(pages, current)
        write_atomically(self.folder / pages[current][1], lambda stream: stream.write(content.render().encode()))

    def _links(self, pages: list[tuple[str, str]], current: int) -> None:
        if len(pages) > 1:
            page_links(pages, current, back="newer", onward="older")

    def _show(self, epoch: int) -> None:
        with tags.section(cls="card", id=f"epoch{epoch}"):
            tags.h2(f"Epoch {epoch}")
            with tags.div(cls="pictures"):
                for label, size in self.epochs[epoch].items():
                    file = f"images/{_file_name(epoch, label)}"
                    figure(file, label, size, self.options.monitoring.display_winsize)


def _file_name(epoch: int, label: str) -> str:
    """The published name: epoch007_fake_B.png."""
    label = re.sub(r"[^\w.-]", "_", label)
    return f"epoch{epoch:03d}_{label}.png"


def _block(epoch: int) -> int:
    return (epoch - 1) // EPOCHS_PER_PAGE


def _block_label(block: int) -> str:
    return f"{block * EPOCHS_PER_PAGE + 1}–{(block + 1) * EPOCHS_PER_PAGE}"


def _block_file(block: int) -> str:
    return f"epochs{block * EPOCHS_PER_PAGE + 1:04d}.html"


def _saved_pictures(folder: Path, last_epoch: int) -> dict[int, dict[str, Size]]:
    """The pictures on disk up to `last_epoch`, as {epoch: {label: size}}; later ones the continued run makes again."""
    found: dict[int, dict[str, Size]] = {}
    for file in folder.glob("epoch*.png"):
        name = re.fullmatch(r"epoch(\d+)_(.+)\.png", file.name)
        if name is None or int(name[1]) > last_epoch:
            continue
        try:
            with Image.open(file) as image:
                found.setdefault(int(name[1]), {})[name[2]] = image.size
        except OSError:
            continue  # what cannot be read is not shown

    def place(label: str) -> tuple[int, str]:
        return (PUBLISHED_ORDER.index(label) if label in PUBLISHED_ORDER else len(PUBLISHED_ORDER), label)

    return {epoch: {label: sizes[label] for label in sorted(sizes, key=place)} for epoch, sizes in found.items()}
