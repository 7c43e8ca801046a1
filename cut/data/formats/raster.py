"""Scaled bands as Pillow images, which go through the same preprocessing as pictures."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from cut.data.resampling import Box, Size

_WHOLLY = 254.5  # of 255: a pixel that resizing made of nothing but data


@dataclass(frozen=True)
class Raster:
    """An image of any number of bands.

    Attributes:
        bands: Pillow images of mode "F" and one size, values in 0 … 255 (not rounded).
        valid: mode "F", 255 where there is data and 0 where there is none; None where all is data.
    """

    bands: tuple[Image.Image, ...]
    valid: Image.Image | None = None

    @property
    def size(self) -> Size:
        return self.bands[0].size

    @property
    def width(self) -> int:
        return self.size[0]

    @property
    def height(self) -> int:
        return self.size[1]

    def map(self, change: Callable[[Image.Image], Image.Image]) -> "Raster":
        """The same change of every band and of the mask."""
        return Raster(tuple(map(change, self.bands)), None if self.valid is None else change(self.valid))

    def crop(self, box: Box) -> "Raster":
        return self.map(lambda band: band.crop(box))

    def tensor(self) -> Tensor:
        """float32 (C, H, W) in [−1, 1]."""
        pixels = torch.from_numpy(np.stack([np.asarray(band) for band in self.bands]))
        return pixels.clamp_(0, 255).div_(255).sub_(0.5).div_(0.5)  # bicubic filters overshoot

    def mask(self) -> Tensor | None:
        """bool (1, H, W), True where there is data; None where all is."""
        if self.valid is None:
            return None
        return torch.from_numpy(np.asarray(self.valid) >= _WHOLLY)[None]


Picture = Image.Image | Raster


def each_band(image: Picture, change: Callable[[Image.Image], Image.Image]) -> Picture:
    """`change(image)`, of a raster band by band."""
    return image.map(change) if isinstance(image, Raster) else change(image)


def valid_of(image: Picture) -> Tensor | None:
    """Where an image has data, as `Raster.mask`; None for a picture."""
    return image.mask() if isinstance(image, Raster) else None


def raster(scaled: np.ndarray, valid: np.ndarray | None) -> Raster:
    """(C, H, W) in 0 … 255 as a raster. Pixels without data get the mean of the band's others, so that no edge shows.

    Args:
        valid: bool (H, W), or None.
    """
    values = scaled.astype(np.float32)
    if valid is not None:
        for band in values:
            band[~valid] = band[valid].mean() if valid.any() else 0.0
    mask = None if valid is None else Image.fromarray(np.where(valid, np.float32(255), np.float32(0)))
    return Raster(tuple(Image.fromarray(band) for band in values), mask)
