"""Resizing with Pillow's filters: the same bytes in every version of Pillow, and fast where only a part is needed.

A resize is one pass per axis, rounded to 8 bits in between, so the order of the passes matters (by up to three grey
levels). Pillow 13 chooses the order by the sizes; older versions always start with the rows. This module always uses
the order of Pillow 13, with which the reference images were made.
"""

import math

from PIL import Image

Size = tuple[int, int]  # (width, height) in pixels, as everywhere in Pillow
Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels; right and bottom excluded

_RADIUS = {Image.Resampling.BILINEAR: 1.0, Image.Resampling.BICUBIC: 2.0}  # reach of the filter in pixels


def resize(image: Image.Image, size: Size, resample: Image.Resampling) -> Image.Image:
    """The whole image at `size`, as `image.resize(size, resample)` in Pillow 13."""
    for axis in _order(image.size, size):
        image = _resize_axis(image, axis, size[axis], resample)
    return image


def resize_region(image: Image.Image, size: Size, box: Box, resample: Image.Resampling) -> Image.Image:
    """`resize(image, size, resample).crop(box)`, byte for byte, without computing much outside the box.

    Pillow's own `box` argument is held in single precision, which moves the filter taps enough to change bytes; so
    every pass is a whole-axis resize of a narrow strip instead.

    Args:
        image: any mode that Pillow can resize.
        size: width and height that the whole image would get.
        box: the part to return, inside `size`.
        resample: bilinear or bicubic.
    """
    first, second = _order(image.size, size)
    # The second pass reads only these rows (or columns) of the first pass's result.
    start, stop = _reach(image.size[second], size[second], box[second], box[second + 2], _RADIUS[resample])
    strip = _crop_axis(image, second, start, stop)
    strip = _resize_axis(strip, first, size[first], resample)
    strip = _crop_axis(strip, first, box[first], box[first + 2])

    # Put them back at their place in a canvas of full length, so that the second pass uses the same taps.
    canvas_size = (strip.size[0], image.size[1]) if second == 1 else (image.size[0], strip.size[1])
    canvas = Image.new(image.mode, canvas_size)
    canvas.paste(strip, (0, start) if second == 1 else (start, 0))
    canvas = _resize_axis(canvas, second, size[second], resample)
    return _crop_axis(canvas, second, box[second], box[second + 2])


def _order(old: Size, new: Size) -> tuple[int, int]:
    """The axes (0: along the width, 1: along the height) in the order in which Pillow 13 resizes them."""
    lost_width, lost_height = old[0] - new[0], old[1] - new[1]
    return (1, 0) if lost_height > max(0, 2 * lost_width) else (0, 1)


def _resize_axis(image: Image.Image, axis: int, length: int, resample: Image.Resampling) -> Image.Image:
    size = (length, image.size[1]) if axis == 0 else (image.size[0], length)
    return image if size == image.size else image.resize(size, resample)


def _crop_axis(image: Image.Image, axis: int, start: int, stop: int) -> Image.Image:
    if (start, stop) == (0, image.size[axis]):
        return image
    return image.crop((start, 0, stop, image.size[1]) if axis == 0 else (0, start, image.size[0], stop))


def _reach(old: int, new: int, start: int, stop: int, radius: float) -> tuple[int, int]:
    """Range of old pixels under the filter for the new pixels start … stop − 1, one to spare on each side."""
    scale = old / new
    support = radius * max(1.0, scale)
    first = math.floor((start + 0.5) * scale - support) - 1
    last = math.ceil((stop - 0.5) * scale + support) + 1
    return max(0, first), min(old, last)
