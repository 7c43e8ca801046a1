"""Two pictures side by side in one file, as the pairs of pix2pix are published."""

from enum import StrEnum
from typing import TypeVar

from PIL import Image

from cut.data.formats.raster import Raster
from cut.data.resampling import Size

Kind = TypeVar("Kind", Image.Image, Raster)


class Half(StrEnum):
    """Which of the two pictures in a file is meant. Of an odd width, the right half has the middle column."""

    LEFT = "left"
    RIGHT = "right"

    def size(self, size: Size) -> Size:
        """Width and height of this half of a file of a width and height in pixels."""
        width, height = size
        return (width // 2 if self is Half.LEFT else width - width // 2), height

    def of(self, image: Kind) -> Kind:
        """This half of the picture in a file."""
        middle = image.width // 2
        left, right = (0, middle) if self is Half.LEFT else (middle, image.width)
        return image.crop((left, 0, right, image.height))
