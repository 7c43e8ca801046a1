"""The preprocessing words of `--preprocess`: their random draws and their effect on an image.

Drawing and applying are separate, so that a sample can be repeated and checked against the reference images.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

from cut.data.formats.raster import Picture, each_band
from cut.data.resampling import Box, Size, resize, resize_region

CELLS = 100_000  # patches are numbered 0 … 99,999, and counted on from the first cell when a grid has fewer
_QUARTERS = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)


@dataclass(frozen=True)
class Augmentation:
    """The random choices for one image; the defaults leave it unchanged.

    Attributes:
        zoom: factors of width and height.
        crop: left and top of the crop, in pixels of the scaled image.
        patch_offset: left and top of the grid of patches.
        cell: number of the patch, counted down the columns, modulo the cells of the grid.
        trim: left and top of the trimmed part.
        flip: mirror left-right.
        upside_down: mirror top-bottom.
        quarters: turns by 90°, anticlockwise.
    """

    zoom: tuple[float, float] = (1.0, 1.0)
    crop: tuple[int, int] = (0, 0)
    patch_offset: tuple[int, int] = (0, 0)
    cell: int = 0
    trim: tuple[int, int] = (0, 0)
    flip: bool = False
    upside_down: bool = False
    quarters: int = 0


@dataclass(frozen=True)
class Preprocessing:
    """Pillow image → Pillow image, by the words of `--preprocess`. The words given act in this order:

    1. resize: to load_size × load_size; else scale_width: the width to load_size, the height in proportion but at
       least crop_size; else scale_shortside: enlarge until the short side is load_size, never shrink;
    2. zoom: each side times its factor in [zoom_low, 1], at least crop_size;
    3. crop: a square of crop_size anywhere;
    4. patch: one square of a grid of crop_size squares, whose offset uses the space left over;
    5. trim: at most crop_size of each side;
    6. always: both sides resized to the nearest multiple of `multiple` (half to even);
    7. flip: left-right, with probability ½;
    8. vflip and rot90 among the turns: top-bottom with probability ½, then by 0, 90, 180 or 270°.

    Attributes:
        words: the ones given; empty for "none".
        load_size, crop_size: in pixels.
        flip: whether to flip at all.
        zoom_low: the smallest factor of zoom.
        resample: filter of every resize.
        multiple: 1 keeps any size.
        turns: of "vflip" and "rot90".
    """

    words: frozenset[str]
    load_size: int
    crop_size: int
    flip: bool = False
    zoom_low: float = 1 / 3
    resample: Image.Resampling = Image.Resampling.BICUBIC
    multiple: int = 4
    turns: frozenset[str] = frozenset()

    def draw(self, size: Size, rng: np.random.Generator, cell: int | None = None) -> Augmentation:
        """Every random number that an image of this size needs; `cell` fixes the patch instead of drawing it."""
        zoom = (1.0, 1.0)
        if "zoom" in self.words:
            width_zoom, height_zoom = rng.uniform(self.zoom_low, 1.0, 2)
            zoom = (float(width_zoom), float(height_zoom))
        crop_room, patch_room, trim_room = self._rooms(size, zoom)
        return Augmentation(
            zoom=zoom,
            crop=_corner(crop_room, rng),
            patch_offset=_corner(patch_room, rng),
            cell=int(rng.integers(CELLS)) if cell is None else cell,
            trim=_corner(trim_room, rng),
            flip=self.flip and bool(rng.random() < 0.5),
            upside_down="vflip" in self.turns and bool(rng.random() < 0.5),
            quarters=int(rng.integers(4)) if "rot90" in self.turns else 0,
        )

    def centred(self, size: Size) -> Augmentation:
        """Fixed draws for testing: no zoom, no flip, centre crop."""
        crop_room, patch_room, trim_room = self._rooms(size, (1.0, 1.0))
        columns, rows = self._grid(self._after_crop(self._zoomed(self.scaled(size), (1.0, 1.0))))
        return Augmentation(
            crop=_middle(crop_room),
            patch_offset=_middle(patch_room),
            cell=columns // 2 * rows + rows // 2,
            trim=_middle(trim_room),
        )

    def apply(self, image: Picture, draws: Augmentation) -> Picture:
        """The image after all words, with these draws; each band of a raster likewise."""
        return each_band(image, lambda band: self._apply(band, draws))

    def _apply(self, image: Image.Image, draws: Augmentation) -> Image.Image:
        scaled = self.scaled(image.size)
        zoomed = self._zoomed(scaled, draws.zoom)
        box = self._box(zoomed, draws)
        if zoomed == scaled:
            image = resize(image, scaled, self.resample)
            image = image if box == (0, 0, *scaled) else image.crop(box)
        else:
            image = resize_region(resize(image, scaled, self.resample), zoomed, box, self.resample)
        image = resize(image, self._rounded(image.size), self.resample)
        image = ImageOps.mirror(image) if draws.flip else image
        image = ImageOps.flip(image) if draws.upside_down else image
        return image.transpose(_QUARTERS[draws.quarters - 1]) if draws.quarters else image

    def problem(self, size: Size) -> str | None:
        """Why an image of this size cannot be used, to follow its name, or None."""
        width, height = size
        zoomed = self._zoomed(self.scaled(size), (self.zoom_low, self.zoom_low))
        if self.words & {"crop", "patch"} and min(zoomed) < self.crop_size:
            scaled = "" if zoomed == size else f", {zoomed[0]}×{zoomed[1]} after scaling"
            return (
                f"is {width}×{height} pixels{scaled}, smaller than --crop_size {self.crop_size}; "
                "use a smaller --crop_size, or --preprocess resize_and_crop, which enlarges."
            )
        if 0 in self.smallest_output(size):
            return f"is {width}×{height} pixels, too small to be used; remove it, or enlarge it."
        return None

    def keeps_all(self, size: Size) -> bool:
        """Whether the words leave all of an image of this size, if perhaps in other pixels."""
        scaled = self.scaled(size)
        return self._box(self._zoomed(scaled, (1.0, 1.0)), self.centred(size)) == (0, 0, *scaled)

    @property
    def random_size(self) -> bool:
        """Whether the size of the result is random."""
        return "zoom" in self.words and not self.words & {"crop", "patch", "trim"}

    def smallest_output(self, size: Size) -> Size:
        """The smallest width and height that an image of this size can have after all words."""
        width, height = self._zoomed(self.scaled(size), (self.zoom_low, self.zoom_low))
        if self.words & {"crop", "patch", "trim"}:
            width, height = min(width, self.crop_size), min(height, self.crop_size)
        return self._rounded((width, height))

    def scaled(self, size: Size) -> Size:
        """The size of an image of this size after step 1."""
        width, height = size
        if "resize" in self.words:
            return self.load_size, self.load_size
        if "scale_width" in self.words:
            return self.load_size, int(max(height * self.load_size / width, self.crop_size))
        if "scale_shortside" in self.words and min(size) < self.load_size:
            factor = self.load_size / min(size)
            return round(width * factor), round(height * factor)
        return size

    def _zoomed(self, size: Size, zoom: tuple[float, float]) -> Size:
        if "zoom" not in self.words:
            return size
        return round(max(self.crop_size, size[0] * zoom[0])), round(max(self.crop_size, size[1] * zoom[1]))

    def _after_crop(self, size: Size) -> Size:
        return (self.crop_size, self.crop_size) if "crop" in self.words else size

    def _after_patch(self, size: Size) -> Size:
        return (self.crop_size, self.crop_size) if "patch" in self.words else size

    def _grid(self, size: Size) -> tuple[int, int]:
        """Columns and rows of patches."""
        return max(1, size[0] // self.crop_size), max(1, size[1] // self.crop_size)

    def _rooms(self, size: Size, zoom: tuple[float, float]) -> tuple[Size, Size, Size]:
        """How far the corners of the crop, of the grid of patches and of the trimmed part can move."""
        zoomed = self._zoomed(self.scaled(size), zoom)
        cropped = self._after_crop(zoomed)
        patched = self._after_patch(cropped)
        crop_room = (zoomed[0] - cropped[0], zoomed[1] - cropped[1])
        patch_room = (cropped[0] % self.crop_size, cropped[1] % self.crop_size) if "patch" in self.words else (0, 0)
        trim_room = (0, 0)
        if "trim" in self.words:
            trim_room = (max(0, patched[0] - self.crop_size), max(0, patched[1] - self.crop_size))
        return crop_room, patch_room, trim_room

    def _box(self, size: Size, draws: Augmentation) -> Box:
        """What crop, patch and trim leave of the scaled image; they are nested, so one box describes them."""
        left, top = draws.crop if "crop" in self.words else (0, 0)
        width, height = cropped = self._after_crop(size)
        if "patch" in self.words:
            columns, rows = self._grid(cropped)
            column, row = divmod(draws.cell % (columns * rows), rows)  # numbered down the columns
            left += draws.patch_offset[0] + column * self.crop_size
            top += draws.patch_offset[1] + row * self.crop_size
            width, height = self._after_patch(cropped)
        if "trim" in self.words:
            left, top = left + draws.trim[0], top + draws.trim[1]
            width, height = min(width, self.crop_size), min(height, self.crop_size)
        return left, top, left + width, top + height

    def _rounded(self, size: Size) -> Size:
        return round(size[0] / self.multiple) * self.multiple, round(size[1] / self.multiple) * self.multiple


def _corner(room: Size, rng: np.random.Generator) -> tuple[int, int]:
    """A random offset; always draws two numbers, so that later draws do not depend on the space left."""
    return int(rng.integers(room[0] + 1)), int(rng.integers(room[1] + 1))


def _middle(room: Size) -> tuple[int, int]:
    return room[0] // 2, room[1] // 2
