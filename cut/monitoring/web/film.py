"""The same few images over time, as cut/evaluation/previews.py leaves them in a run's folder."""

import json
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

FRAMES = 120  # a slider cannot be set more finely


@dataclass
class Film:
    """The rows of pictures in `previews/`, each with the same number of cells.

    Attributes:
        folder: where they are.
        names: file names of the sources, one for each cell.
        cell: (width, height) of a cell in pixels.
        targets: whether there is a row of real translations.
        times: after how many images there is a row of translations, rising.
    """

    folder: Path
    names: list[str]
    cell: tuple[int, int]
    targets: bool
    times: list[int]

    @classmethod
    def of_run(cls, run_folder: Path, images: int) -> "Film | None":
        """What is there after `images` images; None where previews are off or failed.

        Rows of another size belong to other pictures, or are damaged, and are left out.
        """
        folder = run_folder / "previews"
        try:
            about = json.loads((folder / "previews.json").read_text(encoding="utf-8"))
            names, targets = list(map(str, about["names"])), bool(about["targets"])
            width, height = map(int, about["cell"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        row = (width * len(names), height)
        if _size(folder / "sources.png") != row or (targets and _size(folder / "targets.png") != row):
            return None
        seen = sorted(int(file.stem) for file in folder.glob("*.png") if file.stem.isdecimal())
        times = [time for time in seen if time <= images and _size(folder / _file(time)) == row]
        return cls(folder, names, (width, height), targets, times)

    def add(self, images: int) -> bool:
        """Take in the row that is due after `images` images; whether there is a new one."""
        known = bool(self.times) and self.times[-1] >= images
        if known or not (self.folder / _file(images)).exists():
            return False
        self.times.append(images)
        return True

    def frames(self, limit: int = FRAMES) -> list[int]:
        """At most `limit` of the times, spread evenly from the first to the newest."""
        last = len(self.times) - 1
        if last < limit:
            return list(self.times)
        return [self.times[index * last // (limit - 1)] for index in range(limit)]

    def address(self, row: int | str) -> str:
        """The link from the page to a row: "sources", "targets", or translations after so many images."""
        return f"../{self.folder.name}/{row}.png" if isinstance(row, str) else f"../{self.folder.name}/{_file(row)}"


def _file(images: int) -> str:
    return f"{images:09d}.png"


def _size(file: Path) -> tuple[int, int] | None:
    try:
        with Image.open(file) as image:
            return image.size
    except (OSError, SyntaxError):  # Pillow's word for some broken PNGs
        return None
