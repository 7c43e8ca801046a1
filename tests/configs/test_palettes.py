"""Every shipped palette can be used; the published one is as published."""

from pathlib import Path

import numpy as np
import pytest

from cut.evaluation.comparison.palette import VOID, load_palette, palette_names

FOLDER = Path(__file__).parents[2] / "configs" / "palettes"
FILES = sorted(FOLDER.glob("*.yaml"))


def test_every_file_is_offered():
    assert palette_names() == [file.stem for file in FILES]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_its_own_colours_have_their_classes(file):
    palette = load_palette(file.stem)
    for number, colors in enumerate([*palette.colors, palette.void]):
        expected = number if number < len(palette.classes) else VOID
        assert (palette.classify(np.array([colors], np.uint8).reshape(1, -1, 3)) == expected).all()


def test_cityscapes_has_the_classes_of_its_evaluation():
    palette = load_palette("cityscapes")
    assert len(palette.classes) == 19
    some = {0: ("road", (128, 64, 128)), 8: ("vegetation", (107, 142, 35)), 13: ("car", (0, 0, 142)),
            18: ("bicycle", (119, 11, 32))}  # fmt: skip
    for number, (name, color) in some.items():
        assert palette.classes[number] == name and palette.colors[number] == (color,)
    assert (0, 0, 0) in palette.void


def test_relief_tells_its_water_from_its_land():
    """Colours read off the map: open sea, shelf and shore; then lowland, desert, mountain, its shade, and snow."""
    palette = load_palette("relief")
    water = [(128, 172, 208), (170, 201, 226), (212, 229, 244)]
    land = [(137, 169, 161), (176, 169, 156), (222, 217, 205), (128, 125, 114), (205, 220, 222)]
    classes = palette.classify(np.array([water + land], np.uint8))
    assert [palette.classes[number] for number in classes[0]] == ["water"] * 3 + ["land"] * 5
