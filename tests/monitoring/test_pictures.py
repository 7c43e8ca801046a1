"""Pictures for people: channels and the table of them."""

import numpy as np
import pytest
import torch

from cut.monitoring.pictures import cell_size, first_of_batch, grid, picture_row


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_any_channel_count_becomes_rgb(channels):
    batch = torch.linspace(-1, 1, channels)[None, :, None, None].expand(2, channels, 4, 5)
    picture = first_of_batch({"real_A": batch})["real_A"]
    assert picture.shape == (4, 5, 3) and picture.dtype == np.uint8


def test_pictures_of_different_sizes_share_a_grid():
    pictures = [np.full((h, w, 3), value, np.uint8) for h, w, value in [(4, 6, 10), (2, 2, 20), (5, 3, 30)]]
    table = grid(pictures, columns=2)
    assert table.shape == (14, 16, 3)
    for picture in pictures:
        assert np.sum(np.all(table == picture[0, 0], axis=-1)) == picture.shape[0] * picture.shape[1]


def test_a_grid_has_no_empty_columns():
    assert grid([np.zeros((4, 4, 3), np.uint8)] * 2, columns=8).shape == (6, 12, 3)


def test_pictures_of_unequal_size_and_channels_share_a_row():
    pictures = [torch.ones(1, 8, 4), -torch.ones(3, 2, 16), torch.zeros(3, 8, 4)]
    row = picture_row(pictures, cell_size(pictures))
    assert row.shape == (8, 3 * 16, 3) and row.dtype == np.uint8
    assert (row[0, 16] == 0).all() and (row[7, 32] == 128).all()
    assert (row[2, 16] == 255).all() and (row[0, 36] == 255).all()
