"""Resizing a part gives the bytes of resizing the whole."""

import numpy as np
import PIL
import pytest
from PIL import Image

from cut.data.resampling import resize, resize_region

FILTERS = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)


def picture(rng: np.random.Generator, mode: str, width: int, height: int) -> Image.Image:
    if mode == "F":
        return Image.fromarray(rng.uniform(0, 255, (height, width)).astype(np.float32))
    pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels if mode == "RGB" else pixels[..., 0])


@pytest.mark.parametrize("mode", ["RGB", "L", "F"])
@pytest.mark.parametrize("resample", FILTERS)
def test_region_is_the_crop_of_the_whole(mode, resample):
    rng = np.random.default_rng(0)
    for _ in range(150):
        width, height, new_width, new_height = (int(side) for side in rng.integers(3, 120, 4))
        if rng.random() < 0.2:
            new_height = height
        left, top = int(rng.integers(new_width)), int(rng.integers(new_height))
        box = (left, top, int(rng.integers(left, new_width)) + 1, int(rng.integers(top, new_height)) + 1)
        image = picture(rng, mode, width, height)
        whole = resize(image, (new_width, new_height), resample)
        part = resize_region(image, (new_width, new_height), box, resample)
        assert np.array_equal(np.asarray(part), np.asarray(whole.crop(box)))


@pytest.mark.skipif(int(PIL.__version__.split(".")[0]) < 13, reason="older Pillow always resizes the rows first")
@pytest.mark.parametrize("resample", FILTERS)
def test_order_of_the_passes_is_that_of_pillow_13(resample):
    rng = np.random.default_rng(1)
    for _ in range(150):
        width, height, new_width, new_height = (int(side) for side in rng.integers(3, 120, 4))
        image = picture(rng, "RGB", width, height)
        expected = image.resize((new_width, new_height), resample)
        assert np.array_equal(np.asarray(resize(image, expected.size, resample)), np.asarray(expected))
