"""TIFF by tifffile: bands interleaved, in planes or as pages."""

from pathlib import Path
from typing import Any

import numpy as np

from cut.data.formats.stored import Header, How, Stored, explained, planes, with_alpha

SUFFIXES = (".tif", ".tiff")
_ALPHA = (1, 2)  # ExtraSamples: associated and unassociated alpha
GDAL_NODATA = 42113
_PALETTE, _CMYK, _YCBCR = 3, 5, 6  # PhotometricInterpretation


def header(path: Path, how: How) -> Header | None:
    """None for a TIFF that is a picture: 8 bits in grey, colour or palette.

    Raises:
        UserError: when it cannot be read, or ends before its pixels do.
    """
    import tifffile

    with explained(path), tifffile.TiffFile(path) as file:
        page: Any = file.pages[0]
        samples, pages = page.samplesperpixel, _pages(file)
        alpha = _has_alpha(page)
        end = max(
            (start + length for start, length in zip(page.dataoffsets, page.databytecounts, strict=False)), default=0
        )
        if end > path.stat().st_size:
            raise ValueError("it ends before its pixels do")
        if how.pages == "first" and _is_picture(page, samples, alpha):
            return None
        bands = samples - alpha if how.pages == "first" else samples * pages
        dropped = pages - 1 if how.pages == "first" else 0
        size = (page.imagewidth, page.imagelength)
        first, nodata = how.pages == "first", _nodata(page)
        deep_grey = first and samples == 1 and str(page.dtype) == "uint16" and nodata is None and not dropped
        return Header(size, bands, str(page.dtype), alpha and first, dropped, nodata=nodata, deep_grey=deep_grey)


def load(path: Path, how: How) -> Stored:
    """The bands of a TIFF; of several pages as `--pages` says."""
    import tifffile

    with explained(path), tifffile.TiffFile(path) as file:
        page: Any = file.pages[0]
        count = 1 if how.pages == "first" else _pages(file)
        pages = []
        for number in range(count):
            own: Any = file.pages[number]
            if (own.imagewidth, own.imagelength, own.samplesperpixel) != (
                page.imagewidth, page.imagelength, page.samplesperpixel,
            ):  # fmt: skip
                raise ValueError("its pages differ in size or bands, so they are not the bands of one image")
            pages.append(_planes(own))
        values = np.concatenate(pages)
        alpha = None
        if how.pages == "first" and _has_alpha(page):
            values, alpha = values[:-1], values[-1]
        return with_alpha(values, alpha, how, _nodata(page))


def pixels(path: Path) -> int:
    """How many it has; 0 of a file that is no TIFF, whatever its name.

    Raises:
        UserError: when it cannot be read.
    """
    import tifffile

    with explained(path):
        try:
            with tifffile.TiffFile(path) as file:
                page: Any = file.pages[0]
                return int(page.imagewidth * page.imagelength)
        except tifffile.TiffFileError:
            return 0


def alpha_levels(path: Path) -> int | None:
    """How many levels the declared alpha of a TIFF has; None for a file without."""
    import tifffile

    with explained(path), tifffile.TiffFile(path) as file:
        page: Any = file.pages[0]
        return len(np.unique(_planes(page)[-1])) if _has_alpha(page) else None


def _planes(page: Any) -> np.ndarray:
    """A page as (C, H, W)."""
    values = page.asarray()
    return values if values.ndim == 3 and page.planarconfig == 2 else planes(values)


def _pages(file: Any) -> int:
    """Pages of full size; thumbnails and pyramid levels do not count."""
    return sum(1 for page in file.pages if not page.subfiletype & 1) or 1


def _has_alpha(page: Any) -> bool:
    return bool(page.extrasamples) and page.extrasamples[-1] in _ALPHA and page.samplesperpixel in (2, 4)


def _is_picture(page: Any, samples: int, alpha: bool) -> bool:
    if page.dtype is None or page.photometric in (_PALETTE, _CMYK, _YCBCR) or page.bitspersample < 8:
        return True  # Pillow's business
    if samples == 1:
        return str(page.dtype) == "uint8"
    return str(page.dtype) == "uint8" and (samples == 3 or alpha)


def _nodata(page: Any) -> float | None:
    tag = page.tags.get(GDAL_NODATA)
    try:
        return None if tag is None else float(str(tag.value).strip("\0 "))
    except ValueError:
        return None
