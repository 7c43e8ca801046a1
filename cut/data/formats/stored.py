"""What a file holds, before anything is scaled."""

import importlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np

from cut.commands import install
from cut.data.resampling import Size
from cut.errors import UserError, is_out_of_memory

_SLICE = re.compile(r"slice_(\d+)")
_EXTRAS = {"rasterio": "geo", "pydicom": "medical", "nibabel": "medical", "imagecodecs": "codecs"}


@dataclass(frozen=True)
class How:
    """What reading depends on beside the file.

    Attributes:
        pages: "first" or "bands", of a TIFF of several pages.
        slice_axis: of a NIfTI volume.
        nodata: value that marks pixels without data, beside what the file says.
        alpha_is_band: read declared alpha as the last band, instead of as a mask.
    """

    pages: str = "first"
    slice_axis: int = 2
    nodata: float | None = None
    alpha_is_band: bool = False


@dataclass(frozen=True)
class Header:
    """What is known of a file without decoding it.

    Attributes:
        size: width and height in pixels.
        bands: without declared alpha.
        dtype: NumPy's name of the numbers in it, after a DICOM's or NIfTI's own rescaling.
        alpha: whether a further band is declared as alpha.
        dropped: pages beyond the first that are not read.
        slices: of a volume or of several frames; None for one image.
        nodata: the value that the file says is no data.
        deep_grey: whether it is a grey picture of 16 bits and nothing else, which Pillow reads at full precision too.
    """

    size: Size
    bands: int
    dtype: str
    alpha: bool = False
    dropped: int = 0
    slices: int | None = None
    nodata: float | None = None
    deep_grey: bool = False


@dataclass(frozen=True)
class Stored:
    """The values of an image.

    Attributes:
        values: (C, H, W), C bands without alpha, in the file's own numbers and type.
        valid: bool (H, W), False where there is no data; None where all is data.
    """

    values: np.ndarray
    valid: np.ndarray | None = None


def planes(values: np.ndarray) -> np.ndarray:
    """(H, W) or (H, W, C) as (C, H, W), a view."""
    return values[None] if values.ndim == 2 else np.moveaxis(values, -1, 0)


def with_mask(values: np.ndarray, nodata: tuple[float | None, ...], alpha: np.ndarray | None = None) -> Stored:
    """Values with their mask: no data is NaN, infinity, one of the `nodata` values in any band, or alpha 0.

    Args:
        values: (C, H, W).
        nodata: values that mark it; None and NaN add nothing.
        alpha: (H, W).
    """
    valid = np.ones(values.shape[-2:], bool) if alpha is None else alpha > 0
    if values.dtype.kind == "f":
        valid &= np.isfinite(values).all(0)
    for value in nodata:
        if value is not None and np.isfinite(value):
            valid &= (values != value).all(0)
    return Stored(values, None if valid.all() else valid)


def with_alpha(values: np.ndarray, alpha: np.ndarray | None, how: How, nodata: float | None = None) -> Stored:
    """Values (C, H, W) with alpha (H, W), which is the mask, or the last band where `how` says so."""
    if alpha is not None and how.alpha_is_band:
        values, alpha = np.concatenate([values, alpha[None].astype(values.dtype)]), None
    return with_mask(values, (how.nodata, nodata), alpha)


def split_slice(path: Path | str) -> tuple[Path, int | None]:
    """The file and the number of `scan.nii.gz/slice_012`; (path, None) for a file."""
    path = Path(path)
    found = _SLICE.fullmatch(path.name)
    return (path.parent, int(found[1])) if found and not path.is_file() and path.parent.is_file() else (path, None)


def slice_paths(path: Path, count: int) -> list[Path]:
    """Names of the slices of a volume, which sort in their order."""
    return [path / f"slice_{number:04}" for number in range(count)]


def library(name: str, path: Path | str) -> ModuleType:
    """An optional library, imported.

    Raises:
        UserError: when it is not installed, with the extra that has it.
    """
    try:
        return importlib.import_module(name)
    except ImportError:
        raise UserError(f"{path} needs {name}: {install(_EXTRAS[name])}.") from None


@contextmanager
def explained(path: Path | str) -> Iterator[None]:
    """Any error of a library inside the block becomes a UserError that names the file."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        if "imagecodecs" in reason or type(error).__name__ == "DelayedImportError":
            raise UserError(
                f"{path} is compressed with a codec that is not installed ({reason}): {install('codecs')}."
            ) from error
        raise UserError(f"{path} cannot be read ({reason}); replace it, or remove it from the folder.") from error
