"""Translations back in the numbers and the kind of file of their side."""

import io
from typing import Literal

import numpy as np
from PIL import Image

from cut.data.formats.stored import library
from cut.data.formats.tiff import GDAL_NODATA
from cut.data.formats.tiff import SUFFIXES as TIFF

SUFFIXES = {"tif": ".tif", "npy": ".npy", "png": ".png"}
"""By what `--output_format` says."""
_IN_PNG = ("uint8", "uint16")


def result_suffix(chosen: str, source: str, dtype: str, bands: int) -> str:
    """The suffix of a result: as chosen, else that of its source where such a file holds its values, else .tif.

    Args:
        chosen: `--output_format`.
        source: suffix of the source, in lower case.
        dtype, bands: of the result.
    """
    if chosen != "auto":
        return SUFFIXES[chosen]
    if source in (".npy", ".npz"):
        return ".npy"
    if source == ".dcm" and bands == 1:
        return ".dcm"
    if source in (".nii", ".nii.gz") and bands == 1:
        return ".nii.gz"
    if source not in (*TIFF, ".dcm", ".nii", ".nii.gz") and dtype in _IN_PNG and bands in (1, 3):
        return ".png"
    return ".tif"


def array_bytes(values: np.ndarray, suffix: str, nodata: float | None = None) -> bytes:
    """Values (C, H, W) as a file.

    Args:
        suffix: ".tif" (bands in planes), ".npy", or ".png" for one or three bands of 8 or 16 bits.
        nodata: what a TIFF says is no data.
    """
    import tifffile

    stream = io.BytesIO()
    if suffix == ".npy":
        np.save(stream, values)
    elif suffix == ".png":
        picture = values[0] if len(values) == 1 else np.ascontiguousarray(np.moveaxis(values, 0, -1))
        if len(values) == 3 and values.dtype == np.uint16:  # which Pillow does not write
            return bytes(library("imagecodecs", "A PNG of 16 bits in colour").png_encode(picture))
        Image.fromarray(picture).save(stream, format="PNG")
    else:
        text = f"{nodata:g}" if nodata is not None else ""
        tags = [(GDAL_NODATA, "s", 0, text, True)] if text else []
        kept = values.astype(np.uint8) if values.dtype.kind == "b" else values
        planes: Literal["separate"] | None = None if len(kept) == 1 else "separate"
        content = kept[0] if len(kept) == 1 else kept
        tifffile.imwrite(stream, content, photometric="minisblack", planarconfig=planes, extratags=tags)
    return stream.getvalue()
