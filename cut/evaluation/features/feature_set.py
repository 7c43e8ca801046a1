"""The features of a set of images, or just their mean and covariance, in memory and in pytorch-fid's files."""

import math
import os
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np

from cut.errors import UserError
from cut.reading import open_regular
from cut.training.atomic import write_atomically

_TEXTS = ("title", "sizes", "content")
_ARRAYS = ("mu", "sigma", "features", *_TEXTS)
_MOST_GROWTH = 1032  # of a compressed member: deflate cannot do better


@dataclass(frozen=True, eq=False)
class FeatureSet:
    """What is known of a set of images: D features of N images, or only the statistics that a file gave.

    Attributes:
        title: of the extractor.
        features: (N, D) float32; None when a file held only the statistics.
        sizes: of the images, such as "256×256" or "mixed, 120×80 to 600×600".
        content: a hash of the image files, the same for the same images in any order; "" where there are no files.
        statistics: mean and covariance when `features` is None.
    """

    title: str
    features: np.ndarray | None
    sizes: str = "unknown"
    content: str = ""
    statistics: tuple[np.ndarray, np.ndarray] | None = None

    @property
    def count(self) -> int | None:
        """N; None when a file did not say, as pytorch-fid's do not."""
        return None if self.features is None else len(self.features)

    @cached_property
    def mean(self) -> np.ndarray:
        """(D,) float64."""
        return self._given()[0] if self.features is None else self.features.mean(axis=0, dtype=np.float64)

    @cached_property
    def covariance(self) -> np.ndarray:
        """(D, D) float64, unbiased (divided by N − 1), as pytorch-fid computes it."""
        return self._given()[1] if self.features is None else self.root.T @ self.root

    @cached_property
    def root(self) -> np.ndarray:
        """(R, D) float64 with rootᵀ·root = covariance and R ≤ D, which is exact for few images, unlike its square.

        Raises:
            UserError: when there are fewer than two images, which have no covariance.
        """
        if self.features is None:
            values, vectors = np.linalg.eigh(self.covariance)
            return np.sqrt(np.clip(values, 0, None))[:, None] * vectors.T  # negative ones are rounding noise
        if len(self.features) < 2:
            raise UserError(f"A Fréchet distance needs at least two images on each side, not {len(self.features)}.")
        centred = (self.features - self.mean) / np.sqrt(len(self.features) - 1)  # (N, D)
        return centred if len(centred) <= centred.shape[1] else np.asarray(np.linalg.qr(centred, mode="r"))

    @cached_property
    def variance(self) -> float:
        """Sum of the variances of all features (the covariance's trace); 0 where all images have the same features."""
        return float(np.square(self.root).sum())

    def _given(self) -> tuple[np.ndarray, np.ndarray]:
        if self.statistics is None:
            raise ValueError("a set of images has features or statistics")
        return self.statistics

    def save(self, path: Path) -> None:
        """Write an .npz that pytorch-fid takes in place of a folder (`mu`, `sigma`), with the features beside them.

        Raises:
            UserError: when the file cannot be written.
        """
        write_atomically(path, self.write)

    def write(self, stream: BinaryIO) -> None:
        """As `save`, into an open file."""
        arrays: dict[str, Any] = {"mu": self.mean, "sigma": self.covariance}
        if self.features is not None:
            arrays["features"] = self.features
        np.savez(stream, **arrays, title=self.title, sizes=self.sizes, content=self.content)

    @classmethod
    def load(cls, path: Path) -> "FeatureSet":
        """Read what `save` or `python -m pytorch_fid --save-stats` wrote; the latter is Inception's by definition.

        Raises:
            UserError: when the file is missing, damaged or something else.
        """
        try:
            with open_regular(path) as stream:
                arrays = _read_arrays(stream)
        except FileNotFoundError:
            raise UserError(f"There is no file {path}.") from None
        except UserError:
            raise
        except Exception as error:  # damage and other kinds of files lead to errors of many kinds
            # NumPy takes any other file for pickled objects, and advises loading them unsafely.
            reason = str(error).rstrip(".") or type(error).__name__
            reason = "it is not an .npz archive" if isinstance(error, zipfile.BadZipFile) else " ".join(reason.split())
            if "allow_pickle" in reason:
                reason = "it holds objects instead of numbers"
            raise UserError(f"{path} cannot be read as statistics of images ({reason}); make it again.") from None
        mean, covariance, features = arrays.get("mu"), arrays.get("sigma"), arrays.get("features")
        if not _fit(mean, covariance, features):
            raise UserError(
                f"{path} does not hold statistics of images: a mean `mu` (D,) and a covariance `sigma` (D, D) of "
                "finite numbers; make it again."
            )
        if not all(arrays[name].shape == () for name in _TEXTS if name in arrays):
            raise UserError(f"{path} does not hold statistics of images: its texts are something else; make it again.")
        title, sizes, content = (str(arrays.get(name, "")) for name in ("title", "sizes", "content"))
        statistics = (np.asarray(mean, np.float64), np.asarray(covariance, np.float64)) if features is None else None
        return cls(title or "Inception", features, sizes or "unknown", content, statistics)


def _read_arrays(stream: BinaryIO) -> dict[str, np.ndarray]:
    """The arrays of a set, from an open .npz. No memory is taken before it is certain that the file holds the numbers.

    Raises:
        ValueError, zipfile.BadZipFile, …: when it is something else.
    """
    size = os.fstat(stream.fileno()).st_size
    with zipfile.ZipFile(stream) as archive:
        members = [member for member in archive.infolist() if member.filename.removesuffix(".npy") in _ARRAYS]
        for member in members:
            with archive.open(member) as content:
                claimed = _content_bytes(content)
            most = member.compress_size * (_MOST_GROWTH if member.compress_type != zipfile.ZIP_STORED else 1)
            if claimed > min(member.file_size, most) or member.compress_size > size:
                raise ValueError(f"{member.filename} claims {claimed:,} bytes, more than the file holds")
        names = {member.filename.removesuffix(".npy") for member in members}
    stream.seek(0)
    with np.load(stream, allow_pickle=False) as file:
        return {name: file[name] for name in names}


def _content_bytes(stream: IO[bytes]) -> int:
    """How many bytes of numbers the header of an .npy file promises.

    Raises:
        ValueError: when it is no such header.
    """
    version = np.lib.format.read_magic(stream)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:
        raise ValueError("it has an unknown version")
    shape, _, dtype = readers[version](stream)
    if any(length < 0 for length in shape):
        raise ValueError("it has a negative length")
    return math.prod(shape) * dtype.itemsize


def describe_sizes(sizes: list[tuple[int, int]]) -> str:
    """ "256×256", or "mixed, 120×80 to 600×600" from the smallest to the largest area; width first, in pixels."""
    ordered = sorted(set(sizes), key=lambda size: (size[0] * size[1], size))
    texts = [f"{width}×{height}" for width, height in ordered]
    if not texts:
        return "unknown"
    return texts[0] if len(texts) == 1 else f"mixed, {texts[0]} to {texts[-1]}"


def _fit(mean: np.ndarray | None, covariance: np.ndarray | None, features: np.ndarray | None) -> bool:
    """Whether the arrays of a file have matching shapes and finite values."""
    if mean is None or covariance is None or mean.ndim != 1 or not mean.size or covariance.shape != 2 * mean.shape:
        return False
    arrays = [mean, covariance]
    if features is not None:
        if features.ndim != 2 or not features.size or features.shape[1:] != mean.shape:
            return False
        arrays.append(features)
    return all(np.issubdtype(array.dtype, np.floating) and np.isfinite(array).all() for array in arrays)
