"""Translations back in the numbers and the kind of file of their side."""

import io
from pathlib import Path

import numpy as np

from cut.data.formats.ranges import Scale

WRITABLE = {"tif": ".tif", "npy": ".npy"}
"""Suffixes by what `--output_format` says."""


def array_suffix(chosen: str, source: str) -> str:
    """The suffix of an array that is written: as chosen, else that of the input where it can hold it, else .tif.

    Args:
        chosen: `--output_format`.
        source: suffix of the input, in lower case.
    """
    if chosen != "auto":
        return WRITABLE[chosen]
    return ".npy" if source in (".npy", ".npz") else ".tif"


def array_bytes(image: np.ndarray, scale: Scale, suffix: str) -> bytes:
    """An image (C, H, W) in [−1, 1] as a file in physical units and of the type of `scale`.

    Args:
        suffix: ".tif" (bands in planes) or ".npy".
    """
    import tifffile

    values, stream = scale.to_physical(image), io.BytesIO()
    if suffix == ".npy":
        np.save(stream, values)
    elif len(values) == 1:
        tifffile.imwrite(stream, values[0], photometric="minisblack")
    else:
        tifffile.imwrite(stream, values, photometric="minisblack", planarconfig="separate")
    return stream.getvalue()


def array_path(picture: Path, suffix: str) -> Path:
    """Where the array of a picture `x.png` is written: beside it."""
    return picture.with_suffix(suffix)
