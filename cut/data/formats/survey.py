"""What a side holds, in a sentence, and what may not have been meant."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from cut.data.formats.kinds import header_of, suffix_of
from cut.data.formats.reading import Reading, values_of
from cut.data.formats.stored import Header, Stored
from cut.data.formats.tiff import SUFFIXES, alpha_levels
from cut.errors import UserError, counted

_LOOKED_AT = 8  # files
_SECONDS = 2.0  # after which no other file is begun
_SAME = 0.999  # share of the values that are one value
_NARROW = 0.05  # share of the range that nearly all values fill
_PARTIAL = 16  # levels of alpha beyond which it looks like data


def survey(letter: str, reading: Reading | None, files: Sequence[Path]) -> list[str]:
    """Sentences for the start: what the files of a side are; bands that are dropped; values that lie badly."""
    notes = _alpha(letter, reading, files)
    if reading is None or not files:
        return notes
    spread = files[:: max(1, len(files) // _LOOKED_AT)][:_LOOKED_AT]
    found = list(_sample(reading, spread))
    if not found:
        return notes
    values = np.concatenate([values_of(stored) for stored in found])
    header = header_of(files[0], reading.how)
    notes.insert(0, _description(letter, reading, files, header, found, values))
    if header is not None and header.dropped:
        notes.append(
            f"Side {letter}: the first page of each TIFF is read and {counted(header.dropped, 'page')} dropped: "
            "--pages bands reads all as bands."
        )
    if header is not None and header.bands > len(set(reading.bands)):
        used = ", ".join(str(band + 1) for band in dict.fromkeys(reading.bands))
        notes.append(
            f"Side {letter}: of {header.bands} bands {used} are used and the others dropped: --bands_{letter} chooses, "
            "--input_nc and --output_nc say how many."
        )
    return notes + _badly(letter, reading, found, values)


def _sample(reading: Reading, files: Sequence[Path]) -> Iterator[Stored]:
    started = time.monotonic()
    for file in files:
        try:
            yield reading.stored(file)
        except UserError:
            continue
        if time.monotonic() - started > _SECONDS:
            return


def _description(
    letter: str, reading: Reading, files: Sequence[Path], header: Header | None, found: Sequence[Stored], values
) -> str:
    scale = reading.scale
    bands = header.bands if header is not None else len(set(reading.bands))
    dtype = header.dtype if header is not None else scale.dtype
    seen = f"minimum {_text(values.min())}, maximum {_text(values.max())}" if values.size else "no data"
    empty = sum(0 if one.valid is None else (~one.valid).sum() for one in found)
    empty_share = empty / sum(one.values[0].size for one in found)
    without = f", {empty_share:.1%} without data" if empty else ""
    if scale.per_image:
        range_text = "each image is scaled by its own minimum and maximum"
    elif len(set(zip(scale.low, scale.high, strict=True))) == 1:
        range_text = f"{_text(scale.low[0])} … {_text(scale.high[0])} become −1 … 1 ({scale.rule})"
    else:
        ends = "; ".join(f"{_text(low)} … {_text(high)}" for low, high in zip(scale.low, scale.high, strict=True))
        range_text = f"of each band {ends} become −1 … 1 ({scale.rule})"
    return (
        f"Side {letter}: {counted(len(files), 'image')}, {counted(bands, 'band')}, {dtype}; in {len(found)} of them "
        f"{seen}{without}; {range_text}."
    )


def _badly(letter: str, reading: Reading, found: Sequence[Stored], values: np.ndarray) -> list[str]:
    if not values.size:
        return [f"Side {letter}: the files that were looked at have no pixel with data: check --nodata."]
    notes, scale = [], reading.scale
    _, counts = np.unique(values, return_counts=True)
    if counts.max() >= _SAME * values.size:
        notes.append(f"Side {letter}: {counts.max() / values.size:.2%} of the values are one and the same.")
    if scale.per_image:
        return notes
    outside = sum(scale.outside(one) for one in found)
    if outside and not scale.rule.startswith("percentile"):
        notes.append(
            f"Side {letter}: {outside:,} of {values.size:,} values are outside of the range and are clipped; "
            "--strict_range would refuse them."
        )
    shares = np.concatenate([scale.scaled(one).ravel() for one in found]) / 255
    low, high = np.quantile(shares, (0.001, 0.999))
    if high - low < _NARROW:
        notes.append(
            f"Side {letter}: nearly all values fill {high - low:.1%} of the range: --value_range percentile:1,99 uses "
            "what the files have."
        )
    return notes


def _alpha(letter: str, reading: Reading | None, files: Sequence[Path]) -> list[str]:
    if reading is not None and reading.how.alpha_is_band:
        return []
    for file in files[:1]:
        if suffix_of(file) in SUFFIXES:
            try:
                levels = alpha_levels(file)
            except UserError:
                continue
            if levels is not None and levels > _PARTIAL:
                return [
                    f"Side {letter}: the last band of {file.name} is declared as alpha but looks like data: it is read "
                    "as a band with 4 channels (--input_nc or --output_nc 4), and else only says what is transparent."
                ]
    return []


def _text(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.4g}"
