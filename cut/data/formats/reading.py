"""How the files of one side are read: decided once from all of their headers, then the same for each."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cut.data.formats.kinds import header_of, load, picture_header, suffix_of
from cut.data.formats.ranges import Scale, decide
from cut.data.formats.raster import Raster, raster
from cut.data.formats.stored import Header, How, Stored
from cut.data.resampling import Size
from cut.errors import UserError, some
from cut.options import Options

_NAMED = 5  # files in a message


@dataclass(frozen=True)
class Reading:
    """How a side's files become rasters.

    Attributes:
        how: what decoding depends on.
        bands: of the file, from 0, one for each channel.
        scale: which values become −1 and 1.
        strict: refuse values outside of the range.
    """

    how: How
    bands: tuple[int, ...]
    scale: Scale
    strict: bool = False

    def stored(self, path: Path) -> Stored:
        """The chosen bands of a file, in its own numbers."""
        stored = load(path, self.how)
        if max(self.bands) >= len(stored.values):
            count = len(stored.values)
            raise UserError(f"{path} has {count} band{'s' * (count != 1)}, but band {max(self.bands) + 1} is needed.")
        if self.bands == tuple(range(len(stored.values))):
            return stored
        return Stored(stored.values[list(self.bands)], stored.valid)

    def read(self, path: Path) -> Raster:
        """The image in a file, scaled.

        Raises:
            UserError: when it cannot be read or, under `--strict_range`, has values outside of the range.
        """
        stored = self.stored(path)
        if self.strict and (count := self.scale.outside(stored)):
            raise UserError(
                f"{path} has {count:,} values outside of --value_range {self.scale.rule}: widen it, or leave "
                "--strict_range out to clip them."
            )
        return raster(self.scale.scaled(stored), stored.valid)

    def size(self, path: Path) -> Size:
        """Width and height, from the header."""
        return (header_of(path, self.how) or picture_header(path)).size


def how_to_read(options: Options) -> How:
    """What decoding depends on, by the options."""
    chosen = options.formats
    return How(chosen.pages, int(chosen.slice_axis), chosen.no_data_value)


def make_reading(
    options: Options, letter: str, channels: int, files: Sequence[Path], known: Scale | None
) -> Reading | None:
    """How to read a side; None when all of its files are pictures, which Pillow reads as published.

    Args:
        letter: "A" or "B".
        channels: of the tensors made from the files.
        files: all of the side, volumes already expanded.
        known: the scale that the run was trained with, which is used again.

    Raises:
        UserError: when files of the side differ in bands or type, or lack a band.
    """
    chosen, how = options.formats, how_to_read(options)
    bands, rule = chosen.bands(letter), chosen.range_of(letter)
    headers = _headers(files, how)
    asked = bands is not None or rule != "auto" or chosen.nodata is not None or channels not in (1, 3)
    rasters = [header for _, header in headers if header is not None]
    # As published, grey pictures of 16 bits may lie among pictures of 8: each is scaled by what its type can hold.
    plain = len(rasters) < len(headers) and all(header.deep_grey for header in rasters)
    if not headers or not (asked or known or not plain):
        return None
    all_headers = {file: header or picture_header(file) for file, header in headers}
    first = next(iter(all_headers.values()))
    _check_alike(all_headers, "bands", lambda header: str(header.bands))
    count = first.bands
    if first.alpha and count < (max(bands) + 1 if bands else channels):
        how, count = replace(how, alpha_is_band=True), count + 1
    picked = _pick(bands, count, channels, letter, next(iter(all_headers)))
    types = Counter(header.dtype for header in all_headers.values())
    dtype = next(iter(types)) if len(types) == 1 else "float32"
    if known is None and rule in ("auto", "dtype"):
        _check_alike(all_headers, "type", lambda header: header.dtype)
    suffix = suffix_of(files[0])
    if chosen.window and suffix == ".dcm" and chosen.own_range_of(letter) is None:
        rule = ",".join(map(str, chosen.window))
    if known is not None and rule not in ("auto", known.rule):
        known = None  # test.py was asked for another one
    unscaled = Reading(how, picked, Scale(rule, (), (), dtype, suffix, picked))
    usable = [file for file, _ in headers]
    scale = known or decide(rule, dtype, suffix, picked, usable, unscaled.stored)
    if not scale.per_image and len(scale.low) != len(picked):
        raise UserError(f"The run was trained with {len(scale.low)} bands on side {letter}, not {len(picked)}.")
    return replace(unscaled, scale=scale, strict=chosen.strict_range and not scale.per_image)


def _headers(files: Sequence[Path], how: How) -> list[tuple[Path, Header | None]]:
    """Of the files that can be read; the others are reported where all are checked."""

    def read(file: Path) -> tuple[Path, Header | None] | UserError:
        try:
            return file, header_of(file, how)
        except (UserError, OSError) as error:
            return error if isinstance(error, UserError) else UserError(f"{file} cannot be read: {error.strerror}.")

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(read, files))
    headers = [one for one in found if not isinstance(one, UserError)]
    if not headers and found and isinstance(found[0], UserError):
        raise found[0]
    return headers


def _check_alike(headers: dict[Path, Header], what: str, value) -> None:
    values = {file: value(header) for file, header in headers.items()}
    usual, number = Counter(values.values()).most_common(1)[0]
    odd = [f"{file} ({own})" for file, own in values.items() if own != usual]
    if odd:
        advice = "" if what == "bands" else ", or give --value_range MIN,MAX"
        raise UserError(
            f"{len(odd)} of {len(values)} files are not of {what} {usual}, as the others are: {some(odd, _NAMED)}; one "
            f"side needs one kind of file: remove or convert them{advice}."
        )


def _pick(bands: tuple[int, ...] | None, count: int, channels: int, letter: str, file: Path) -> tuple[int, ...]:
    """The bands of a file, one for each channel; a file of one band shows grey in all."""
    of = f"{count} band{'' if count == 1 else 's'}"
    if bands is not None:
        if max(bands) >= count:
            raise UserError(f"--bands_{letter} names band {max(bands) + 1}, but {file} has {of}.")
        return bands
    if count == 1:
        return (0,) * channels
    if count < channels:
        raise UserError(
            f"{file} has {of}, but {channels} channels are asked for: use --input_nc or --output_nc {count}, or "
            f"--bands_{letter}."
        )
    return tuple(range(channels))


def values_of(stored: Stored) -> np.ndarray:
    """All values with data, flat."""
    return stored.values.ravel() if stored.valid is None else stored.values[:, stored.valid].ravel()
