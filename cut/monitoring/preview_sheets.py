"""The sheets of held-out images on the page of a run; cut/evaluation/previews.py writes them."""

from pathlib import Path

from dominate import tags
from PIL import Image

from cut.html import figure

NEWEST = 20
WIDTH, HEIGHT = 620, 480  # the most pixels a sheet is shown with: two fit side by side on a common screen
SCROLLED = "max-height: 36rem; overflow-y: auto"  # the pictures of the epochs, below, stay within reach


def preview_sheets(run_folder: Path, images: int) -> tags.section | None:
    """A card with the newest sheets in `previews/` and the first one; None where there are none.

    Args:
        run_folder: of the run; the page is in a folder directly inside of it.
        images: seen so far; what claims to be of later is of steps that were lost.
    """
    files = {int(file.stem): file for file in (run_folder / "previews").glob("*.png") if file.stem.isdecimal()}
    seen = sorted((number for number in files if number <= images), reverse=True)
    if not seen:
        return None
    with tags.section(cls="card", id="previews") as card:
        tags.h2("The same images over time, newest first: sources above, translations below")
        with tags.div(cls="pictures", style=SCROLLED):
            for number in [*seen[:NEWEST], *seen[NEWEST:][-1:]]:
                file = files[number]
                try:
                    with Image.open(file) as sheet:
                        width, height = sheet.size
                except OSError:
                    continue  # what cannot be read is not shown
                shown_width = min(WIDTH, round(HEIGHT * width / height))
                figure(f"../previews/{file.name}", f"after {number:,} images", (width, height), shown_width)
    return card
