"""Nearest colours against a plain search, and every way in which a palette can be wrong."""

import numpy as np
import pytest

from cut.errors import UserError
from cut.evaluation.comparison.palette import VOID, Palette, load_palette, palette_names
from cut.options.machinery import layers

RED, GREEN, BLUE, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 0, 0)
PALETTE = Palette("made up", ("warm", "cold"), ((RED, (255, 128, 0)), (GREEN, BLUE)), void=(BLACK,))


def nearest_by_hand(palette, pixel):
    colors = [(number, color) for number, group in enumerate(palette.colors) for color in group]
    colors += [(VOID, color) for color in palette.void]
    return min(colors, key=lambda item: sum((int(x) - c) ** 2 for x, c in zip(pixel, item[1], strict=True)))[0]


def test_each_colour_is_its_own_nearest():
    image = np.array([[RED, (255, 128, 0), GREEN], [BLUE, BLACK, (250, 3, 9)]], np.uint8)
    np.testing.assert_array_equal(PALETTE.classify(image), [[0, 0, 1], [1, VOID, 0]])


@pytest.mark.parametrize("palette", [PALETTE, *map(load_palette, palette_names())], ids=lambda palette: palette.name)
def test_it_is_a_search_for_the_least_distance(palette):
    image = np.random.default_rng(0).integers(0, 256, (7, 30, 3), np.uint8)
    expected = [[nearest_by_hand(palette, pixel) for pixel in row] for row in image]
    np.testing.assert_array_equal(palette.classify(image), expected)


def test_of_equally_near_colours_the_first_wins():
    gray = Palette("grays", ("dark", "light"), (((0, 0, 0),), ((2, 2, 2),)))
    assert gray.classify(np.ones((1, 1, 3), np.uint8)) == 0


def test_large_images_are_cut_in_chunks_that_cannot_be_seen(monkeypatch):
    image = np.random.default_rng(0).integers(0, 256, (11, 13, 3), np.uint8)
    whole = PALETTE.classify(image)
    monkeypatch.setattr("cut.evaluation.comparison.palette._PIXELS_AT_ONCE", 10)
    np.testing.assert_array_equal(PALETTE.classify(image), whole)


def test_gray_is_colour_with_equal_channels():
    gray = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    np.testing.assert_array_equal(PALETTE.classify(gray), PALETTE.classify(np.repeat(gray, 3, axis=2)))


def test_own_file(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text('classes:\n  sea: "#0000FF"\n  land: ["#00ff00", "#ff0000"]\nvoid: ["#000000"]\n')
    palette = load_palette(file)
    assert palette == Palette("mine", ("sea", "land"), ((BLUE,), (GREEN, RED)), (BLACK,))
    assert load_palette(str(file)) == palette


@pytest.mark.parametrize("name", ["relef", "nothing.yaml", ""])
def test_unknown_palette(name):
    with pytest.raises(UserError) as error:
        load_palette(name)
    expected = {"relef": " (did you mean relief?)"}.get(name, "")
    assert str(error.value) == (
        f"There is no palette {name!r}{expected}: give cityscapes, relief, street_map, or a YAML file."
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("colours: 3", "has a field 'colours'; it may have name, description, classes and void."),
        ("clases: {}", "has a field 'clases' (did you mean classes?); it may have"),
        ("name: x", "must have at least two 'classes', each with its name and colours."),
        ('classes: {a: "#000000"}', "must have at least two 'classes', each with its name and colours."),
        ('classes: {a: "#000000", b: }', "has no colour for class 'b'; write colours as \"#rrggbb\", with the quotes."),
        ('classes: {a: "#000000", b: []}', "has no colour for class 'b'"),
        ('classes: {a: "#000000", b: "#ff"}', "has '#ff' for class 'b'"),
        ('classes: {a: "#000000", b: [12]}', "has 12 for class 'b'"),
        ('classes: {a: "#ffffff", b: "#000000"}\nvoid: red', "has 'red' for void"),
        ('classes: {a: "#000aaa", b: "#000AAA"}', "gives the colour #000aaa to 'a' and to 'b'; keep one."),
        ('classes: {a: "#000aaa", b: "#000000"}\nvoid: "#000000"', "gives the colour #000000 to 'b' and to 'void'"),
        ('classes: {a: "#000aaa", a: "#000000"}', "is not valid YAML: a is given twice"),
        ("- classes", "must hold lines"),
    ],
)
def test_a_file_that_is_no_palette(tmp_path, content, message):
    file = tmp_path / "mine.yaml"
    file.write_text(content)
    with pytest.raises(UserError) as error:
        load_palette(file)
    assert str(error.value).startswith(f"{file} {message}")


def test_installed_palettes_are_found(monkeypatch, tmp_path):
    monkeypatch.setattr(layers, "__file__", str(tmp_path / "cut" / "options" / "machinery" / "layers.py"))
    folder = tmp_path / "cut" / "configs" / "palettes"
    folder.mkdir(parents=True)
    (folder / "own.yaml").write_text('classes: {a: "#000000", b: "#ffffff"}')
    assert palette_names() == ["own"]
    assert load_palette("own").classes == ("a", "b")
