"""The images of one side of a data set."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from cut.data.formats.raster import Picture
from cut.data.formats.reading import Reading
from cut.data.halves import Half
from cut.data.images import Color, check_image, read_image
from cut.data.randomness import Purpose
from cut.data.resampling import Size


@dataclass(frozen=True)
class Domain:
    """The images of one side.

    Attributes:
        letter: "A" or "B", as in the folder's name.
        folder: what the file names are relative to.
        files: the images, sorted.
        channels: of the tensors made from them.
        half: which half of each file, where the files hold two pictures side by side.
        reading: how files that are no plain pictures are read; None for pictures.
    """

    letter: str
    folder: Path
    files: tuple[Path, ...]
    channels: int
    half: Half | None = None
    reading: Reading | None = None

    def size(self, size: Size) -> Size:
        """Width and height of the image in a file of this width and height."""
        return size if self.half is None else self.half.size(size)

    def pixel_size(self, file: Path) -> Size:
        """Width and height of a file, from its header.

        Raises:
            UserError: when it cannot be read.
        """
        return check_image(file) if self.reading is None else self.reading.size(file)

    def check_file(self, file: Path, decode: bool = False) -> Size:
        """Width and height of the picture or pictures in a file, as `check_image`.

        Raises:
            UserError: when it cannot be read.
        """
        if self.reading is None:
            return check_image(file, decode)
        return self.reading.read(file).size if decode or self.reading.strict else self.reading.size(file)

    def read(self, file: Path, background: Color) -> Picture:
        """The image of this side in a file, as from `read_image`, or a raster.

        Raises:
            UserError: when it cannot be read.
        """
        if self.reading is None:
            return self.picture(file, background)
        raster = self.reading.read(file)
        return raster if self.half is None else self.half.of(raster)

    def picture(self, file: Path, background: Color) -> Image.Image:
        """The image of this side in a file that is a picture."""
        image = read_image(file, self.channels, background)
        return image if self.half is None else self.half.of(image)

    def problem(self, size: Size, of_image: Callable[[Size], str | None]) -> str | None:
        """What `of_image` finds wrong with the image in a file of this size, to follow the file's name, or None."""
        found = of_image(self.size(size))
        return found if found is None or self.half is None else f"holds two images, of which one {found}"

    @property
    def augmentation(self) -> Purpose:
        return Purpose.AUGMENT_A if self.letter == "A" else Purpose.AUGMENT_B
