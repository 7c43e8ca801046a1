"""Files of results: one for each input, never the same for two, and written whole or not at all."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any

from PIL import Image
from torch import Tensor

from cut.data.files import EXTENSIONS
from cut.data.formats.kinds import ARRAY_SUFFIXES
from cut.data.images import to_image
from cut.errors import UserError
from cut.training.atomic import write_atomically

_QUALITY: dict[str, dict[str, Any]] = {"JPEG": {"quality": 95}, "WEBP": {"lossless": True}}


def output_names(inputs: Sequence[PurePath]) -> list[Path]:
    """A relative `.png` path for each of several relative paths: sub-folders and names are kept.

    Inputs that differ in their suffix alone keep it in the name: x.jpg and x.png become x.jpg.png and x.png.png. Letter
    case does not tell two files apart, since on some file systems it cannot.
    """
    names = [Path(path).with_suffix(".png") for path in inputs]
    full = [Path(path).with_name(path.name + ".png") for path in inputs]
    while True:
        counts = Counter(_key(name) for name in names)
        folders = {_key(folder) for name in names for folder in name.parents}
        settled = [
            whole if counts[_key(name)] > 1 or _key(name) in folders else name
            for name, whole in zip(names, full, strict=True)
        ]
        if settled == names:
            return names
        names = settled  # a name that kept its suffix may now equal another, as x.jpg.png does


def make_folder(folder: Path) -> None:
    """Make a folder for results.

    Raises:
        UserError: when that is not possible.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"The folder {folder} cannot be made ({error.strerror}): choose another.") from None


def save_picture(path: Path, image: Tensor) -> None:
    """Write (C, H, W) in [−1, 1] as an 8-bit picture, whole or not at all; its folder is made.

    Args:
        path: its suffix gives the format.
        image: on any device.

    Raises:
        UserError: when the disk is full or the file cannot be written.
    """
    make_folder(path.parent)
    kind = Image.registered_extensions()[path.suffix.lower()]
    write_atomically(path, lambda stream: to_image(image).save(stream, format=kind, **_QUALITY.get(kind, {})))


def is_image_file(path: str) -> bool:
    """Whether a path for results names an image and not a folder: by its suffix, unless there is such a folder."""
    suffix = Path(path).suffix.lower()
    writable = suffix in EXTENSIONS and Image.registered_extensions().get(suffix) in Image.SAVE
    writable = writable or path.lower().endswith(ARRAY_SUFFIXES)
    return writable and not path.endswith(("/", os.sep)) and not Path(path).is_dir()


def _key(path: Path) -> str:
    return path.as_posix().casefold()
