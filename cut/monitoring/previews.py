"""The same few held-out images over time, kept as files in a run's folder."""

from collections.abc import Sequence

from PIL import Image
from torch import Tensor

from cut import strict_json
from cut.data.images import image_size
from cut.errors import UserError
from cut.monitoring.pictures import cell_size, picture_row
from cut.options import Options
from cut.reading import read_json
from cut.training.atomic import make_folder, write_atomically
from cut.training.listener import Listener, PreviewEvent, Progress, RunFacts

FOLDER = "previews"


class PreviewFiles(Listener):
    """Writes rows of pictures into `previews/`, the same images in the same order in each:

        {images seen}.png   the translations
        sources.png         what they were made from
        targets.png         the real pictures of the same places, where the held-out images are pairs
        previews.json       names of the sources, (width, height) of a cell of the rows, whether there are targets

    A continued run keeps the rows up to its last save; later ones are deleted, and those of other pictures ignored.

    Attributes:
        names: file names of the sources, one for each cell; empty before the first preview.
        cell: (width, height) of a cell in pixels.
        has_targets: whether there is a row of real translations.
        times: the numbers of images after which there is a row of translations, ascending.
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self.cell = (0, 0)
        self.has_targets = False
        self.times: list[int] = []
        self._described = False  # whether this process has written the rows that stay the same

    def start(self, options: Options, progress: Progress, facts: RunFacts) -> None:
        self.folder = options.run.folder / FOLDER
        if options.monitoring.evaluation_freq > 0:
            make_folder(self.folder)
            for images in self._times_on_disk():
                if images > progress.images:
                    (self.folder / file_name(images)).unlink()  # of steps after the last save, which are lost
        if progress.images > 0:
            self._take_up(progress.images)

    def folder_made_again(self, progress: Progress) -> None:
        self.times, self._described = [], False

    def after_preview(self, event: PreviewEvent) -> None:
        if not self._described:
            self._describe(event)
        images = event.progress.images
        self._save(file_name(images), event.translations)
        if images not in self.times:  # a continued run may make the row of its last save again
            self.times.append(images)

    def _describe(self, event: PreviewEvent) -> None:
        """Write what is the same for all rows."""
        names, cell = list(event.names), cell_size([*event.sources, *event.targets])
        if (names, cell) != (self.names, self.cell):
            self.times = []  # the rows that are there show other pictures
        self.names, self.cell, self.has_targets = names, cell, bool(event.targets)
        self._save("sources.png", event.sources)
        if event.targets:
            self._save("targets.png", event.targets)
        about = strict_json.dumps({"names": names, "cell": cell, "targets": self.has_targets}).encode()
        write_atomically(self.folder / "previews.json", about)
        self._described = True

    def _save(self, name: str, pictures: Sequence[Tensor]) -> None:
        row = Image.fromarray(picture_row(pictures, self.cell))
        write_atomically(self.folder / name, lambda stream: row.save(stream, format="PNG"))

    def _take_up(self, images: int) -> None:
        """The rows up to `images`; none without a description that fits them."""
        try:
            about = read_json(self.folder / "previews.json")
            names, targets = list(map(str, about["names"])), bool(about["targets"])
            width, height = map(int, about["cell"])
        except (OSError, ValueError, KeyError, TypeError, UserError):
            return
        row = (width * len(names), height)
        files = ["sources.png", "targets.png"] if targets else ["sources.png"]
        if any(image_size(self.folder / file) != row for file in files):
            return
        self.names, self.cell, self.has_targets = names, (width, height), targets
        times = [time for time in self._times_on_disk() if time <= images]
        self.times = [time for time in times if image_size(self.folder / file_name(time)) == row]

    def _times_on_disk(self) -> list[int]:
        return sorted(int(file.stem) for file in self.folder.glob("*.png") if file.stem.isdecimal())


def file_name(images: int) -> str:
    """The file of the translations after so many images."""
    return f"{images:09d}.png"
