"""NumPy's `.npy` and `.npz`, and PNGs of 16 bits in colour."""

from pathlib import Path

import numpy as np

from cut.data.formats.stored import Header, How, Stored, explained, library, planes, with_alpha, with_mask
from cut.errors import UserError

_MOST_BANDS = 64  # along the last axis; more are taken for columns
_PNG = b"\x89PNG\r\n\x1a\n"
_COLOUR_TYPES = {0: (1, False), 2: (3, False), 4: (1, True), 6: (3, True)}  # PNG's: bands, and whether it has alpha


def header(path: Path, how: How) -> Header:
    """An array (H, W), (C, H, W) or (H, W, C): the shorter of the outer axes holds the bands."""
    values = _array(path)
    bands, height, width = _bands_first(path, values).shape
    return Header((width, height), bands, str(values.dtype))


def load(path: Path, how: How) -> Stored:
    return with_mask(np.ascontiguousarray(_bands_first(path, _array(path))), (how.nodata,))


def _array(path: Path) -> np.ndarray:
    with explained(path):
        if path.suffix.lower() == ".npy":
            values = np.load(path, mmap_mode="r", allow_pickle=False)
        else:
            with np.load(path, allow_pickle=False) as archive:
                if len(archive.files) != 1:
                    raise ValueError(f"it holds {len(archive.files)} arrays and must hold one")
                values = archive[archive.files[0]]
        if values.dtype.kind not in "uifb":
            raise ValueError(f"its values are of type {values.dtype}, not numbers")
        return values


def _bands_first(path: Path, values: np.ndarray) -> np.ndarray:
    if values.ndim == 2:
        return values[None]
    if values.ndim != 3 or 0 in values.shape:
        raise UserError(f"{path} has the shape {values.shape}: give (H, W), (C, H, W) or (H, W, C).")
    if values.shape[-1] < values.shape[0] and values.shape[-1] <= _MOST_BANDS:
        return np.moveaxis(values, -1, 0)
    return values


def png_header(path: Path, how: How) -> Header | None:
    """None for a PNG of at most 8 bits."""
    with open(path, "rb") as file:
        start = file.read(26)
    if start[:8] != _PNG or len(start) < 26 or start[24] != 16 or start[25] not in _COLOUR_TYPES:
        return None
    bands, alpha = _COLOUR_TYPES[start[25]]
    size = int.from_bytes(start[16:20], "big"), int.from_bytes(start[20:24], "big")
    return Header(size, bands, "uint16", alpha, deep_grey=start[25] == 0)


def png_load(path: Path, how: How) -> Stored:
    with explained(path):
        values = library("imagecodecs", path).png_decode(path.read_bytes())
        bands = planes(values)
        has_alpha = len(bands) in (2, 4)
        alpha = bands[-1] if has_alpha else None
        return with_alpha(np.ascontiguousarray(bands[: len(bands) - has_alpha]), alpha, how)
