"""Palettes: which colours a map-like picture gives to which class. They are data, in `configs/palettes/`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cut.data.images import Color
from cut.errors import UserError
from cut.options.machinery.layers import config_folder, read_yaml
from cut.options.machinery.words import did_you_mean

VOID = -1
_FIELDS = ("name", "description", "classes", "void")
_PIXELS_AT_ONCE = 1 << 16  # whose distances to 32 colours take 8 MiB


@dataclass(frozen=True)
class Palette:
    """Classes and their colours.

    Attributes:
        name: for messages and results.
        classes: names of the classes; a class's place is its number.
        colors: one or more colours of each class, red, green and blue in 0 … 255.
        void: colours of what belongs to no class and is not counted.
    """

    name: str
    classes: tuple[str, ...]
    colors: tuple[tuple[Color, ...], ...]
    void: tuple[Color, ...] = ()

    def classify(self, image: np.ndarray) -> np.ndarray:
        """The class whose colour is nearest to each pixel by the Euclidean distance in RGB; in a tie, the first.

        Args:
            image: uint8 (H, W, 3), or (H, W, 1) for gray.

        Returns:
            int16 (H, W): the number of the class, or `VOID`.
        """
        numbers = [number for number, colors in enumerate(self.colors) for _ in colors] + [VOID] * len(self.void)
        flat = [color for colors in (*self.colors, self.void) for color in colors]
        palette = np.array(flat, dtype=np.float32)  # (K, 3)
        pixels = np.broadcast_to(image, (*image.shape[:2], 3)).reshape(-1, 3)  # (N, 3)
        nearest = np.empty(len(pixels), dtype=np.intp)
        for start in range(0, len(pixels), _PIXELS_AT_ONCE):
            chunk = pixels[start : start + _PIXELS_AT_ONCE].astype(np.float32)
            # |x − c|² minus |x|², which is the same for all c: whole numbers below 2²⁴, so exact in float32.
            nearest[start : start + len(chunk)] = ((palette**2).sum(1) - 2 * chunk @ palette.T).argmin(1)
        return np.array(numbers, dtype=np.int16)[nearest].reshape(image.shape[:2])


def palette_names() -> list[str]:
    """The shipped palettes."""
    return sorted(file.stem for file in _folder().glob("*.yaml"))


def chosen_palette(option: str | None) -> Palette | None:
    """The palette of `--palette`; "none" switches off that of a configuration.

    Raises:
        UserError: as `load_palette`.
    """
    return None if option in (None, "none") else load_palette(option)


def load_palette(name_or_file: str | Path) -> Palette:
    """A shipped palette by its name, or your own from a YAML file of the same form.

    Raises:
        UserError: when there is no such palette or file, or the file is not of that form.
    """
    word, shipped = str(name_or_file), palette_names()
    file = _folder() / f"{word}.yaml" if word in shipped else Path(word)
    if not file.is_file():
        raise UserError(
            f"There is no palette {word!r}{did_you_mean(word, shipped)}: give {', '.join(shipped)}, or a YAML file."
        )
    return _parse(file, read_yaml(file))


def _folder() -> Path:
    return config_folder() / "palettes"


def _parse(file: Path, content: dict[str, Any]) -> Palette:
    for field in content:
        if field not in _FIELDS:
            near = did_you_mean(field, _FIELDS)
            raise UserError(f"{file} has a field {field!r}{near}; it may have name, description, classes and void.")
    classes = content.get("classes")
    if not isinstance(classes, dict) or len(classes) < 2:
        raise UserError(f"{file} must have at least two 'classes', each with its name and colours.")
    colors = tuple(tuple(_colors(file, f"class {name!r}", value)) for name, value in classes.items())
    void = tuple(_colors(file, "void", content["void"])) if content.get("void") else ()
    owners: dict[Color, str] = {}
    for owner, group in zip((*map(str, classes), "void"), (*colors, void), strict=True):
        for color in group:
            if owners.setdefault(color, owner) != owner:
                shown = "#{:02x}{:02x}{:02x}".format(*color)
                raise UserError(f"{file} gives the colour {shown} to {owners[color]!r} and to {owner!r}; keep one.")
    return Palette(str(content.get("name", file.stem)), tuple(map(str, classes)), colors, void)


def _colors(file: Path, owner: str, value: Any) -> Iterator[Color]:
    """The colours of one class; a single one needs no list."""
    words = value if isinstance(value, list) else [value]
    for word in words or [None]:
        if not isinstance(word, str) or not re.fullmatch(r"#[0-9a-fA-F]{6}", word):
            # YAML takes an unquoted # for the start of a comment, so what is left is None.
            found = "no colour" if word is None else f"{word!r}"
            raise UserError(f'{file} has {found} for {owner}; write colours as "#rrggbb", with the quotes.')
        red, green, blue = bytes.fromhex(word[1:])
        yield red, green, blue
