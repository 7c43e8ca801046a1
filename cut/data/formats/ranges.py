"""Which values become −1 and 1: one rule for all files of a side, measured once and stored with the run."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cut import strict_json
from cut.data.formats.stored import Stored
from cut.errors import UserError
from cut.reading import read_json

FILE_NAME = "ranges.json"  # in a run's folder
_SAMPLE = 4_000_000  # values of a band, of all files together, from which percentiles are taken


@dataclass(frozen=True)
class Scale:
    """How the numbers of a side become [−1, 1], and what is needed to go back.

    Attributes:
        rule: as of `--value_range`.
        low, high: the values of each channel that become −1 and 1; empty for per_image.
        dtype: of the files.
        suffix: of the files.
        bands: of the files that the channels are, from 0; a file of one band may be in several channels.
    """

    rule: str
    low: tuple[float, ...]
    high: tuple[float, ...]
    dtype: str
    suffix: str
    bands: tuple[int, ...] = ()

    @classmethod
    def of_pictures(cls, channels: int, suffix: str) -> "Scale":
        """That of pictures of 8 bits."""
        return cls("dtype", (0.0,) * channels, (255.0,) * channels, "uint8", suffix, tuple(range(channels)))

    @property
    def per_image(self) -> bool:
        return not self.low

    @property
    def result_bands(self) -> int:
        """Bands of what `to_physical` gives."""
        return 1 if len(set(self.bands)) == 1 else len(self.bands)

    def bounds(self, values: np.ndarray, valid: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """The values (C, 1, 1) that become −1 and 1 in an image (C, H, W), in float64."""
        if self.per_image:
            low, high = extremes(values, valid)
            high = np.where(high > low, high, low + 1)
        else:
            low, high = np.array(self.low), np.array(self.high)
        return low[:, None, None], high[:, None, None]

    def scaled(self, stored: Stored) -> np.ndarray:
        """(C, H, W) as float64 in 0 … 255, not rounded, clipped."""
        low, high = self.bounds(stored.values, stored.valid)
        values = np.nan_to_num(stored.values.astype(np.float64), posinf=0.0, neginf=0.0)
        return ((values - low) * (255 / (high - low))).clip(0, 255)

    def outside(self, stored: Stored) -> int:
        """How many values with data are outside of the range."""
        if self.per_image:
            return 0
        low, high = self.bounds(stored.values, stored.valid)
        wrong = (stored.values < low) | (stored.values > high)
        return int((wrong if stored.valid is None else wrong & stored.valid).sum())

    def to_physical(self, image: np.ndarray) -> np.ndarray:
        """(C, H, W) in [−1, 1] as (bands, H, W) in the numbers and the type of the files. Of per_image, integers fill
        their type and floats are in [0, 1], because what the numbers meant is not known. Channels that are one band of
        the files become its mean."""
        kind = np.dtype(self.dtype)
        if self.per_image:
            low, high = (np.zeros(len(image)), np.ones(len(image)))
            if kind.kind in "ui":
                low, high = (np.full(len(image), float(bound)) for bound in type_range(self.dtype))
        else:
            low, high = np.array(self.low), np.array(self.high)
        share = (image.astype(np.float64).clip(-1, 1) + 1) / 2
        values = low[:, None, None] + share * (high - low)[:, None, None]
        if self.result_bands < len(self.bands):
            values = values.mean(0, keepdims=True)
        if kind.kind in "ui":
            values = values.round().clip(*type_range(self.dtype))
        return values.astype(kind)


def type_range(dtype: str) -> tuple[int, int]:
    """The least and the greatest value of an integer type; 0 and 1 of bool."""
    if np.dtype(dtype).kind == "b":
        return 0, 1
    info = np.iinfo(dtype)
    return int(info.min), int(info.max)


def extremes(values: np.ndarray, valid: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Minimum and maximum of each band, (C,) float64, where there is data; NaN where there is none."""
    chosen = values.reshape(len(values), -1) if valid is None else values[:, valid]
    if not chosen.shape[1]:
        nothing = np.full(len(values), np.nan)
        return nothing, nothing
    return chosen.min(1).astype(np.float64), chosen.max(1).astype(np.float64)


def decide(
    rule: str, dtype: str, suffix: str, bands: tuple[int, ...], files: Sequence[Path], read: Callable[[Path], Stored]
) -> Scale:
    """The scale of a side by `--value_range`; percentiles are measured over all of its files.

    Args:
        bands: that become channels.
        read: gives the chosen bands of a file.

    Raises:
        UserError: for a rule that the type of the values has no use for, or a side without data.
    """
    if rule == "auto":
        rule = "dtype" if dtype in ("uint8", "uint16", "bool") else "percentile:0,100"
    lows: Sequence[float] | np.ndarray = ()
    highs: Sequence[float] | np.ndarray = ()
    if rule == "dtype":
        if np.dtype(dtype).kind == "f":
            raise UserError(
                f"--value_range dtype is for whole numbers, but {files[0]} holds {dtype}: give MIN,MAX or "
                "percentile:1,99."
            )
        lows, highs = ([bound] * len(bands) for bound in type_range(dtype))
    elif rule.startswith("percentile:"):
        low_share, high_share = map(float, rule.removeprefix("percentile:").split(","))
        lows, highs = _percentiles(files, read, low_share, high_share)
        highs = np.where(highs > lows, highs, lows + 1)
    elif rule != "per_image":
        lows, highs = ([float(bound)] * len(bands) for bound in rule.split(","))
    return Scale(rule, tuple(map(float, lows)), tuple(map(float, highs)), dtype, suffix, bands)


def _percentiles(
    files: Sequence[Path], read: Callable[[Path], Stored], low: float, high: float
) -> tuple[np.ndarray, np.ndarray]:
    """Of each band, over all files: exact for 0 and 100, else from evenly spread pixels."""
    each = max(1, _SAMPLE // len(files))
    least: list[np.ndarray] = []
    greatest: list[np.ndarray] = []
    samples: list[np.ndarray] = []
    for file in files:
        stored = read(file)
        chosen = stored.values.reshape(len(stored.values), -1)
        chosen = chosen if stored.valid is None else chosen[:, stored.valid.ravel()]
        if not chosen.shape[1]:
            continue
        least.append(chosen.min(1))
        greatest.append(chosen.max(1))
        if (low, high) != (0, 100):
            samples.append(chosen[:, :: max(1, chosen.shape[1] // each)])
    if not least:
        raise UserError(f"No file of {files[0].parent} has a pixel with data: check --nodata.")
    lows, highs = np.min(least, 0).astype(np.float64), np.max(greatest, 0).astype(np.float64)
    if samples:
        pooled = np.concatenate(samples, 1).astype(np.float64)
        lows = lows if low == 0 else np.percentile(pooled, low, axis=1)
        highs = highs if high == 100 else np.percentile(pooled, high, axis=1)
    return lows, highs


def as_json(scales: dict[str, Scale]) -> bytes:
    """The scales by side, as they are kept in `ranges.json`."""
    return strict_json.dumps({letter: asdict(scale) for letter, scale in scales.items()}).encode()


def stored_scales(folder: Path) -> dict[str, Scale]:
    """The scales that a run in this folder trained with; empty where all of its images were pictures.

    Raises:
        UserError: when the file is damaged.
    """
    file = folder / FILE_NAME
    if not file.is_file():
        return {}
    try:
        found: dict[str, Any] = read_json(file)
        return {
            letter: Scale(
                str(one["rule"]),
                tuple(one["low"]),
                tuple(one["high"]),
                str(one["dtype"]),
                str(one["suffix"]),
                tuple(one["bands"]),
            )  # fmt: skip
            for letter, one in found.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{file} is damaged ({error}): restore it, or train again.") from error
