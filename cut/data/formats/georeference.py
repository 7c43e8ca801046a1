"""GeoTIFFs by rasterio: where on earth a result is, and scenes that are read and written by windows."""

from pathlib import Path
from typing import Any

import numpy as np

from cut.data.formats.stored import explained, library

_GEO_TAGS = (33550, 33922, 34264, 34735)  # pixel scale, tie points, transformation, keys of the coordinate system


def is_georeferenced(path: Path) -> bool:
    """Whether a TIFF says where on earth it is.

    Raises:
        UserError: when it cannot be read.
    """
    import tifffile

    with explained(path), tifffile.TiffFile(path) as file:
        return any(tag in file.pages[0].tags for tag in _GEO_TAGS)  # type: ignore[union-attr]


def profile_of_result(source: Any, bands: int, dtype: str, size: tuple[int, int]) -> dict[str, Any]:
    """What rasterio needs to create the result of a dataset that is open: the same place on earth.

    Args:
        size: width and height of the result, which shows all of the source.
    """
    width, height = size
    empty = source.nodata if source.nodata is not None and fits(source.nodata, dtype) else None
    blocks = {"tiled": True, "blockxsize": 256, "blockysize": 256} if min(size) >= 256 else {}
    return {
        "driver": "GTiff",
        "width": width,
        "height": height,
        "count": bands,
        "dtype": "uint8" if dtype == "bool" else dtype,
        "crs": source.crs,
        "transform": source.transform * source.transform.scale(source.width / width, source.height / height),
        "nodata": np.nan if empty is None and np.dtype(dtype).kind == "f" else empty,
        "compress": "deflate",
        "bigtiff": "if_safer",
        **blocks,
    }


def describe(result: Any, source: Any) -> None:
    """Give the result the tags of its source, but those that count its values, and the names of equally many bands."""
    result.update_tags(**{key: value for key, value in source.tags().items() if not key.startswith("STATISTICS")})
    if result.count == source.count:
        result.descriptions = source.descriptions


def geotiff_bytes(values: np.ndarray, source: Path, valid: np.ndarray | None) -> bytes:
    """Values (C, H, W) as a GeoTIFF at the place of `source`, of which they show all.

    Args:
        valid: bool (H, W); where it is False the result has no data, if its type has a value for that.
    """
    rasterio = library("rasterio", source)
    with explained(source), rasterio.open(source) as there, rasterio.io.MemoryFile() as memory:
        profile = profile_of_result(there, len(values), str(values.dtype), (values.shape[2], values.shape[1]))
        with memory.open(**profile) as result:
            describe(result, there)
            result.write(without_data(values, valid, profile["nodata"]).astype(profile["dtype"]))
        return bytes(memory.read())


def without_data(values: np.ndarray, valid: np.ndarray | None, nodata: float | None) -> np.ndarray:
    """Values (C, H, W) with `nodata` where `valid` (H, W) is False. Others that happen to equal it become the next
    value. None of either changes nothing."""
    if nodata is None or valid is None:
        return values
    if not np.isnan(nodata):
        values = np.where(values == nodata, _next(nodata, values.dtype), values)
    return np.where(valid, values, np.array(nodata, values.dtype))


def _next(value: float, kind: np.dtype) -> np.ndarray:
    if kind.kind == "f":
        return np.nextafter(np.array(value, kind), np.array(np.inf, kind))
    return np.array(value + (1 if value < np.iinfo(kind).max else -1), kind)


def fits(value: float, dtype: str) -> bool:
    """Whether a type holds a value."""
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return True
    return bool(np.isfinite(value) and float(value).is_integer() and np.can_cast(np.min_scalar_type(int(value)), kind))
