"""Scenes that are larger than the memory: TIFFs that are read by windows, scaled as whole images are."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from cut.data.formats.ranges import Scale
from cut.data.formats.reading import Reading
from cut.data.formats.stored import Stored, explained, library, with_alpha
from cut.errors import UserError

_GLANCE = 1024  # pixels of the longer side of the overview of which a range and the filling of gaps are taken


@dataclass(frozen=True)
class _Overview:
    """Of each band of a scene, seen from afar: the values that become −1 and 1, and what fills pixels without data."""

    scale: Scale
    filling: np.ndarray


class Scene:
    """A TIFF on disk as (1, C, H, W) in [−1, 1], which reads what it is sliced for.

    Beyond the right and the bottom it is continued by reflection.

    Args:
        path: of the file.
        reading: how its side is read.
        height, width: of the continued scene, in pixels.

    Attributes:
        source: the opened file, in rasterio.
    """

    def __init__(self, path: Path, reading: Reading, height: int, width: int) -> None:
        self.path, self.reading, self.shape = path, reading, (1, len(reading.bands), height, width)
        self._rasterio = library("rasterio", f"The scene {path}")
        with explained(path):
            self.source: Any = self._rasterio.open(path)
        self._seen = self._overview()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.source.close()

    def __getitem__(self, key: tuple[Any, slice, slice]) -> Tensor:
        """scene[..., top:bottom, left:right]."""
        rows, columns = (range(*part.indices(length)) for part, length in zip(key[1:], self.shape[2:], strict=True))
        ends = (min(rows.stop, self.source.height), min(columns.stop, self.source.width))
        # What lies beyond the end is read again from inside, so the window has to reach as far inwards.
        starts = [
            max(0, min(part.start, 2 * end - part.stop - 1)) for part, end in zip((rows, columns), ends, strict=True)
        ]
        image = self._scaled(self.stored(starts[0], ends[0], starts[1], ends[1]))
        places = [
            [_reflected(at, end) - start for at in part]
            for part, start, end in zip((rows, columns), starts, ends, strict=True)
        ]
        return torch.from_numpy(image)[None, :, places[0]][..., places[1]]

    def stored(self, top: int, bottom: int, left: int, right: int) -> Stored:
        """The chosen bands of a window, in the file's own numbers."""
        window = self._rasterio.windows.Window(left, top, right - left, bottom - top)
        with explained(self.path):
            return self._masked(self.source.read(window=window))

    def _masked(self, bands: np.ndarray) -> Stored:
        alpha = None
        interpretation = self.source.colorinterp
        if not self.reading.how.alpha_is_band and interpretation[-1] == self._rasterio.enums.ColorInterp.alpha:
            bands, alpha = bands[:-1], bands[-1]
        chosen = self.reading.bands
        if max(chosen) >= len(bands):
            raise UserError(f"{self.path} has {len(bands)} bands, but band {max(chosen) + 1} is needed.")
        nodata = self.source.nodata
        stored = with_alpha(bands, alpha, self.reading.how, nodata)  # no data in any band, as of a whole image
        return Stored(stored.values[list(chosen)], stored.valid)

    def _overview(self) -> _Overview:
        shrink = max(1, max(self.source.width, self.source.height) / _GLANCE)
        shape = [max(1, round(length / shrink)) for length in (self.source.height, self.source.width)]
        with explained(self.path):
            seen = self._masked(self.source.read(out_shape=(self.source.count, *shape)))
        scale = self.reading.scale
        if scale.per_image:
            low, high = (bound.ravel().tolist() for bound in scale.bounds(seen.values, seen.valid))
            scale = replace(scale, low=tuple(low), high=tuple(high))
        scaled = scale.scaled(seen)
        valid = np.ones(scaled.shape[1:], bool) if seen.valid is None else seen.valid
        filling = scaled[:, valid].mean(1) if valid.any() else np.zeros(len(scaled))
        return _Overview(scale, filling)

    def _scaled(self, stored: Stored) -> np.ndarray:
        """float32 (C, h, w) in [−1, 1]."""
        scaled = self._seen.scale.scaled(stored)
        if stored.valid is not None:
            scaled = np.where(stored.valid, scaled, self._seen.filling[:, None, None])
        return ((scaled / 255 - 0.5) / 0.5).astype(np.float32)


def _reflected(place: int, end: int) -> int:
    """A row or column that lies in the scene."""
    return place if place < end else max(0, 2 * (end - 1) - place)


def as_reading(reading: Reading | None, how: Any, channels: int) -> Reading:
    """That of a side; of a side of pictures, the same values as of 8 bits."""
    return reading or Reading(how, tuple(range(channels)), Scale.of_pictures(channels, ".tif"))
