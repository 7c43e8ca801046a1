"""The pool: what fills it, what it exchanges, and how often."""

import pytest
import torch

from cut.models.image_pool import ImagePool


def test_a_pool_fills_then_exchanges():
    pool = ImagePool(2)
    images = torch.arange(5.0).view(5, 1, 1, 1)
    assert torch.equal(pool.exchange(images[:3], (0, None, None)), images[:3])  # full after two: the third passes
    shown = pool.exchange(images[3:], (1, 1))
    assert shown.flatten().tolist() == [1.0, 3.0] and [image.item() for image in pool.images] == [0.0, 4.0]


def test_a_pool_of_none_passes_through():
    images = torch.rand(2, 3, 4, 4)
    assert torch.equal(ImagePool(0).exchange(images, ImagePool(0).draw(2)), images)


def test_half_of_the_images_are_exchanged_for_any_of_the_stored():
    generator = torch.Generator().manual_seed(0)
    places = [place for _ in range(2000) for place in ImagePool(3).draw(2, generator)]
    counts = [places.count(place) / len(places) for place in (None, 0, 1, 2)]
    assert counts == pytest.approx([1 / 2, 1 / 6, 1 / 6, 1 / 6], abs=0.03)
