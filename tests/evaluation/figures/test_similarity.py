"""Learned similarity: places of points, closed forms of the maps, and principal components."""

import pytest
import torch

from cut.errors import UserError
from cut.evaluation.figures.similarity import VectorMap, check_points, principal_colors


def vector_map(height: int, width: int, channels: int = 4, padded=(8, 8), size=(8, 8), seed=0) -> VectorMap:
    vectors = torch.randn(height, width, channels, generator=torch.Generator().manual_seed(seed))
    return VectorMap(vectors / vectors.norm(dim=-1, keepdim=True), padded, size)


@pytest.mark.parametrize(("side", "column", "row"), [(8, 5, 2), (4, 2, 1), (14, 8, 5)])
def test_a_point_has_the_vector_of_its_place(side, column, row):
    """At full size, at half of it, and at full size within three pixels of padding."""
    maps = vector_map(side, side)
    assert torch.equal(maps.at((5, 2)), maps.vectors[row, column])
    assert torch.equal(maps.on_image(maps.vectors)[2, 5], maps.vectors[row, column])


def test_what_the_image_was_continued_by_is_cut_off():
    assert vector_map(4, 4, size=(7, 6)).on_image(torch.zeros(4, 4)).shape == (7, 6)


def test_components_are_those_of_the_largest_variance_shared_by_the_images():
    first, second = vector_map(8, 8), vector_map(8, 8, seed=1)
    scaled = [VectorMap(one.vectors * torch.tensor([9.0, 5.0, 3.0, 0.01]), one.padded, one.size)
              for one in (first, second)]  # fmt: skip
    colors = principal_colors(scaled)
    assert [one.shape for one in colors] == [(8, 8, 3)] * 2 and all(0 <= one.min() <= one.max() <= 1 for one in colors)
    red = torch.cat([one[..., 0].flatten() for one in colors])
    strongest = torch.cat([one.vectors[..., 0].flatten() for one in scaled])
    assert torch.corrcoef(torch.stack([red, strongest]))[0, 1] > 0.9


def test_two_channels_have_two_components():
    assert principal_colors([vector_map(4, 4, channels=2)])[0].shape == (8, 8, 3)


def test_points_outside_are_named():
    check_points([(0, 0), (9, 4)], 10, 5)
    with pytest.raises(UserError, match=r"--points 10,4 3,5: outside the image of 10×5 pixels"):
        check_points([(10, 4), (9, 4), (3, 5)], 10, 5)
