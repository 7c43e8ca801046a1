"""Tiles: they cover the image, blend to one, and equal the whole image where the network has no norm."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from cut.evaluation.tiles import blending_weights, smallest_tile, tile_starts, translate_in_tiles


@pytest.mark.parametrize(
    ("length", "tile", "overlap", "multiple"), [(96, 96, 8, 4), (100, 40, 16, 4), (1000, 44, 40, 4)]
)
def test_tiles_cover_an_axis_on_the_grid_with_enough_overlap(length, tile, overlap, multiple):
    starts = tile_starts(length, tile, overlap, multiple)
    assert starts[0] == 0 and starts[-1] + tile == length
    assert all(start % multiple == 0 for start in starts)
    assert all(0 < later - earlier <= tile - overlap for earlier, later in pairwise(starts))


def test_tiles_that_could_not_advance_are_refused():
    with pytest.raises(ValueError, match="advance"):
        tile_starts(100, 16, 16, 4)


@pytest.mark.parametrize("length", [30, 64, 68, 100, 256])
def test_weights_sum_to_one_and_ignore_the_context(length):
    tile, context, ramp = 64, 12, 8
    starts = tile_starts(length, tile, 2 * context + ramp, 2)
    weights = blending_weights(length, tile, starts, context, ramp)
    torch.testing.assert_close(weights.sum(0), torch.ones(length))
    for start, weight in zip(starts, weights, strict=True):
        if start > 0:
            assert not weight[: start + context].any()
        if start + tile < length:
            assert not weight[start + tile - context :].any()


@pytest.mark.parametrize(("height", "width"), [(64, 64), (100, 132), (36, 260), (32, 32)])
def test_a_network_without_norm_gives_the_whole_image(height, width):
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.LeakyReLU(), nn.Conv2d(4, 4, 3, stride=2, padding=1), nn.LeakyReLU(),
        nn.Upsample(scale_factor=2), nn.Conv2d(4, 2, 5, padding=2),
    )  # fmt: skip
    image = torch.rand(1, 3, height, width) * 2 - 1
    with torch.no_grad():
        tiled = translate_in_tiles(lambda tile, window: network(tile), image, tile=48, context=8, multiple=2)
        torch.testing.assert_close(tiled, network(image), rtol=0, atol=1e-6)


def test_no_tile_is_larger_than_asked_for_and_each_knows_its_place():
    image = torch.arange(200.0 * 120).reshape(1, 1, 200, 120)

    def run(tile, window):
        assert tile.shape[-2:] == (window.height, window.width) and max(tile.shape) <= 64
        assert torch.equal(tile, window.of(image))
        return tile

    torch.testing.assert_close(translate_in_tiles(run, image, tile=64, context=4, multiple=4), image)


def test_a_tile_too_small_for_its_context_is_raised():
    sizes = []

    def run(tile, window):
        sizes.append(tile.shape[-1])
        return tile

    translate_in_tiles(run, torch.zeros(1, 1, 64, 64), tile=4, context=8, multiple=4)
    assert set(sizes) == {smallest_tile(8, 4)}
