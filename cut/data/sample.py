"""A few images of a folder, looked at before a run begins, however many and large they are."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from PIL import Image

from cut.errors import UserError

SECONDS = 2.0  # after which no other image is begun


def sample(files: Sequence[Path], most: int, read: Callable[[Path], Image.Image]) -> Iterator[Image.Image]:
    """Images of these files, evenly spread; those that cannot be read are reported where they are checked or used.

    Args:
        files: the images.
        most: how many are looked at; fewer where that takes more than `SECONDS`.
        read: gives an image with values in 0 … 255, such as `read_image`.
    """
    started, count = time.monotonic(), min(most, len(files))
    for number in range(count):
        try:
            yield read(files[number * len(files) // count])
        except UserError:
            continue
        if time.monotonic() - started > SECONDS:
            return
