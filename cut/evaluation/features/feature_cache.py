"""Features of image files, kept between runs: the real images of a data set are the same every time."""

import hashlib
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from cut.data.formats.stored import split_slice
from cut.errors import UserError
from cut.evaluation.features.extractor import Extractor
from cut.evaluation.features.feature_set import FeatureSet
from cut.reading import open_regular
from cut.training.atomic import write_atomically

VERSION = "1"  # of the files' layout and of how images are read; part of every key


def cached_features(
    extractor: Extractor, files: Sequence[Path], make: Callable[[], FeatureSet], preprocessing: str = ""
) -> FeatureSet:
    """What `make` returns, from the user's cache where it has been made before.

    The key is the content of the files, whatever their names and order, with the extractor's identity and the
    preprocessing. A damaged entry is made again; without a place to write, nothing is kept.

    Args:
        preprocessing: what else the features depend on, in words.

    Raises:
        UserError: when a file cannot be read.
    """
    content = content_hash(files)
    key = hashlib.sha256("\n".join([VERSION, content, extractor.identity, preprocessing]).encode()).hexdigest()
    entry = cache_folder() / f"features-{key[:32]}.npz"
    with suppress(UserError):
        known = FeatureSet.load(entry)
        if known.features is not None and known.features.shape == (len(files), extractor.size):
            return known
    made = replace(make(), content=content)
    _keep(entry, made)
    return made


def content_hash(files: Sequence[Path]) -> str:
    """A hash of the contents of files, whatever their names and order.

    Raises:
        UserError: when one cannot be read.
    """
    return hashlib.sha256("\n".join(sorted(file_hash(file) for file in files)).encode()).hexdigest()


def file_hash(file: Path) -> str:
    """SHA-256 of a file.

    Raises:
        UserError: when it cannot be read.
    """
    try:
        whole, number = split_slice(file)
        with open_regular(whole) as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return digest if number is None else f"{digest} slice {number}"
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}.") from error


def cache_folder() -> Path:
    """Where features are kept: CUT_CACHE_DIR, else `cut` in the user's cache folder."""
    if own := os.environ.get("CUT_CACHE_DIR"):
        return Path(own)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "cut"


def _keep(entry: Path, features: FeatureSet) -> None:
    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(entry, features.write)
    except (OSError, UserError):
        return  # a full disk or a read-only home must not prevent measuring
