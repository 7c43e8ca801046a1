import pytest
import torch

from cut.networks.stylegan2_noise import noise_window


def test_windows_agree_where_they_overlap():
    whole = noise_window((3, 0), 0, 0, 150, 200)
    assert whole.shape == (150, 200) and whole.dtype == torch.float32
    for top, left, height, width in [(0, 0, 1, 1), (63, 64, 2, 64), (10, 130, 140, 70), (64, 0, 64, 200)]:
        window = noise_window((3, 0), top, left, height, width)
        assert torch.equal(window, whole[top : top + height, left : left + width])


def test_fields_are_standard_normal_and_differ_by_key():
    first, second = (noise_window((0, level), 0, 0, 256, 256) for level in (0, 1))
    for field in (first, second):
        assert abs(field.mean()) < 0.02 and abs(field.std() - 1) < 0.02
    assert abs((first * second).mean()) < 0.02
    assert abs((first[:64, :64] * first[64:128, :64]).mean()) < 0.07  # cells are independent


def test_there_is_nothing_above_the_field():
    with pytest.raises(ValueError, match="row -2"):
        noise_window((0,), -2, 0, 4, 4)
