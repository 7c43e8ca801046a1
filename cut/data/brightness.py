"""Folders whose images are nearly black or white, which usually means that their values were scaled wrongly."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from cut.data.sample import sample

_SAMPLE = 8  # images that are looked at
_PIXELS = 1_000_000  # of an image that are looked at
_SHARE = 0.999  # of the values that must be dark or bright
_DARK, _BRIGHT = 0.1, 0.9


def brightness_note(folder: Path, files: Sequence[Path], read: Callable[[Path], Image.Image]) -> str | None:
    """A sentence when all images of a sample are nearly black or nearly white after scaling; else None.

    Args:
        folder: to name.
        files: the images.
        read: gives an image with values in 0 … 255, such as `read_image`.
    """
    ranges = [_range(image) for image in sample(files, _SAMPLE, read)]
    if not ranges:
        return None
    least, greatest = min(low for low, _ in ranges), max(high for _, high in ranges)
    if greatest > _DARK and least < _BRIGHT:
        return None
    looks = "black" if greatest <= _DARK else "white"
    return (
        f"The images in {folder} are nearly {looks}: in {len(ranges)} of them, {_SHARE:.1%} of the values are between "
        f"{least:.1%} and {greatest:.1%} of the full range. If that is not meant, save them with values that fill it "
        "(0 to 255, or 0 to 65535 with 16 bits)."
    )


def _range(image: Image.Image) -> tuple[float, float]:
    """The values that bound nearly all others from below and from above, as shares of the full range."""
    values = np.asarray(image)
    values = values[:: max(1, values.shape[0] * values.shape[1] // _PIXELS)]
    low, high = np.quantile(values, (1 - _SHARE, _SHARE)) / 255
    return float(low), float(high)
