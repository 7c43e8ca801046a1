"""The preprocessing words, byte for byte against the reference images, and what they may draw."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cut.data.transforms import Augmentation, Preprocessing

REFERENCE = Path(__file__).parents[1] / "reference"
CASES = json.loads((REFERENCE / "transforms.json").read_text())


def words(text: str) -> frozenset[str]:
    return frozenset() if text == "none" else frozenset(text.split("_and_"))


@pytest.fixture(scope="module")
def pictures():
    return np.load(REFERENCE / "transforms.npz")


@pytest.mark.parametrize("name", CASES)
def test_reference(name, pictures):
    case = CASES[name]
    options, drawn = case["options"], case["params"]
    preprocessing = Preprocessing(
        words(options["preprocess"]),
        options["load_size"],
        options["crop_size"],
        flip=not options["no_flip"],
        resample=Image.Resampling[case["resample"]],
    )
    draws = Augmentation(
        zoom=tuple(drawn.get("scale_factor", (1.0, 1.0))),
        crop=tuple(drawn.get("crop_pos", (0, 0))),
        cell=drawn.get("patch_index", 0),
        flip=drawn.get("flip", False),
    )
    result = preprocessing.apply(Image.fromarray(pictures[f"{name}/input"]), draws)
    assert np.array_equal(np.asarray(result), pictures[f"{name}/output"])


def make(text: str, load: int = 20, crop: int = 12, **more) -> Preprocessing:
    return Preprocessing(words(text), load, crop, **more)


def numbered(width: int, height: int) -> Image.Image:
    """Every pixel holds its position: x in red, y in green."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    return Image.fromarray(np.stack([x, y, 0 * x], axis=-1).astype(np.uint8))


def corner(image: Image.Image) -> tuple[int, int]:
    return image.getpixel((0, 0))[:2]


def test_patches_are_numbered_down_the_columns():
    patches = make("patch", crop=12)
    image = numbered(40, 30)  # 3 columns, 2 rows, room 4 and 6
    corners = [corner(patches.apply(image, Augmentation(cell=cell, patch_offset=(1, 2)))) for cell in range(7)]
    assert corners == [(1, 2), (1, 14), (13, 2), (13, 14), (25, 2), (25, 14), (1, 2)]


def test_trim_cuts_only_the_sides_that_are_larger():
    trim = make("trim", crop=12)
    assert trim.apply(numbered(30, 8), Augmentation(trim=(5, 0))).size == (12, 8)
    assert corner(trim.apply(numbered(30, 8), Augmentation(trim=(5, 0)))) == (5, 0)
    assert trim.apply(numbered(8, 12), Augmentation()).size == (8, 12)


def test_draws_reach_every_position_and_no_further():
    crops = make("crop", crop=12)
    draws = [crops.draw((15, 12), np.random.default_rng(seed)) for seed in range(200)]
    assert {draw.crop for draw in draws} == {(0, 0), (1, 0), (2, 0), (3, 0)}
    grid = make("patch", crop=12)
    draws = [grid.draw((25, 14), np.random.default_rng(seed)) for seed in range(200)]
    assert {draw.patch_offset for draw in draws} == {(x, y) for x in range(2) for y in range(3)}


def test_corner_is_drawn_after_scaling():
    resized = make("resize_and_crop", load=16, crop=12)
    draws = [resized.draw((500, 14), np.random.default_rng(seed)) for seed in range(300)]
    assert {draw.crop for draw in draws} == {(x, y) for x in range(5) for y in range(5)}


def test_flip_has_probability_one_half_and_can_be_off():
    both = make("none", flip=True)
    flips = sum(both.draw((8, 8), np.random.default_rng(seed)).flip for seed in range(1000))
    assert 430 < flips < 570
    assert not any(make("none").draw((8, 8), np.random.default_rng(seed)).flip for seed in range(50))


def test_zoom_factors_are_uniform_per_axis():
    zoom = make("zoom_and_patch", zoom_low=0.25)
    factors = np.array([zoom.draw((90, 90), np.random.default_rng(seed)).zoom for seed in range(2000)])
    assert factors.min() >= 0.25 and factors.max() <= 1
    assert np.allclose(factors.mean(axis=0), 0.625, atol=0.02)
    assert abs(np.corrcoef(factors.T)[0, 1]) < 0.06


def test_centred_draws_take_the_middle():
    assert make("crop", crop=12).centred((20, 16)).crop == (4, 2)
    image = make("patch", crop=12).apply(numbered(36, 36), make("patch", crop=12).centred((36, 36)))
    assert corner(image) == (12, 12)


@pytest.mark.parametrize(
    "text", ["resize", "scale_width", "scale_shortside", "none", "trim", "zoom_and_patch_and_trim"]
)
@pytest.mark.parametrize("size", [(50, 37), (13, 29), (102, 66)])
def test_result_is_a_multiple_of_four_and_at_least_what_was_promised(text, size):
    preprocessing = make(text, load=23, crop=12)
    for seed in range(5):
        draws = preprocessing.draw(size, np.random.default_rng(seed))
        result = preprocessing.apply(numbered(*size), draws)
        least = preprocessing.smallest_output(size)
        assert result.width % 4 == result.height % 4 == 0
        assert result.width >= least[0] and result.height >= least[1]


def test_multiple_of_one_keeps_any_size():
    assert make("none", multiple=1).apply(numbered(13, 7), Augmentation()).size == (13, 7)


def test_sizes_that_cannot_be_used():
    assert "20×10 pixels, smaller than --crop_size 12" in make("crop").problem((20, 10))
    assert "after scaling, smaller than --crop_size 30" in make("scale_width_and_crop", 20, 30).problem((40, 40))
    assert "too small" in make("none").problem((1, 50))
    assert make("crop").problem((12, 12)) is None
    assert make("zoom_and_patch").problem((5, 5)) is None  # zoom enlarges
    assert make("scale_shortside_and_crop").problem((5, 5)) is None
