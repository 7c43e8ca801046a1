"""Shared normalisation statistics: measured over all windows, applied to every tile, gone afterwards."""

import pytest
import torch
from torch import nn

from cut.evaluation.translate.norm_statistics import (
    depends_on_whole_image,
    fixed_norms,
    norm_statistics,
    sample_windows,
)
from cut.networks.norm import norm_layer
from cut.networks.resnet import ResnetGenerator


@pytest.fixture
def network():
    torch.manual_seed(0)
    return ResnetGenerator(ngf=4, blocks=1)


def test_statistics_of_the_image_itself_change_nothing(network):
    image = torch.rand(1, 3, 32, 40)
    with torch.no_grad():
        expected = network(image)
        statistics = norm_statistics(network, lambda: network(image))
        with fixed_norms(network, statistics):
            torch.testing.assert_close(network(image), expected)
            assert not torch.allclose(network(image[..., :16]), expected[..., :16])
        torch.testing.assert_close(network(image), expected, rtol=0, atol=0)


def test_the_windows_are_measured_together():
    layer = norm_layer("instance", 2)
    windows = torch.randn(5, 2, 8, 8) * 3 + torch.arange(5.0)[:, None, None, None]
    (statistics,) = norm_statistics(layer, lambda: layer(windows))[layer]
    torch.testing.assert_close(statistics.mean, windows.mean((0, 2, 3), keepdim=True))
    with fixed_norms(layer, {layer: [statistics]}):
        together = torch.cat([layer(window[None]) for window in windows])
    torch.testing.assert_close(together.mean((0, 2, 3)), torch.zeros(2), rtol=0, atol=1e-5)
    torch.testing.assert_close(together.var((0, 2, 3), correction=0), torch.ones(2), rtol=1e-4, atol=0)


def test_a_layer_that_a_pass_calls_twice_has_statistics_for_each_time():
    layer = norm_layer("instance", 2)
    images = torch.randn(2, 1, 2, 8, 8) * torch.tensor([1.0, 5.0])[:, None, None, None, None]
    expected = [layer(image) for image in images]
    with fixed_norms(layer, norm_statistics(layer, lambda: [layer(image) for image in images])):
        for _ in range(2):
            torch.testing.assert_close([layer(image) for image in images], expected)


def test_batch_norm_keeps_its_affine_map():
    layer, image = nn.BatchNorm2d(3, track_running_stats=False), torch.randn(1, 3, 9, 9)
    nn.init.normal_(layer.weight)
    nn.init.normal_(layer.bias)
    expected = layer(image)
    with fixed_norms(layer, norm_statistics(layer, lambda: layer(image))):
        torch.testing.assert_close(layer(image), expected)


def test_which_networks_look_at_the_whole_image():
    assert depends_on_whole_image(ResnetGenerator(ngf=2, blocks=1, norm="instance").eval())
    assert not depends_on_whole_image(ResnetGenerator(ngf=2, blocks=1, norm="none"))
    batch = ResnetGenerator(ngf=2, blocks=1, norm="batch")
    assert depends_on_whole_image(batch.train()) and not depends_on_whole_image(batch.eval())


@pytest.mark.parametrize(("side", "count", "window"), [(384, 8, 48), (512, 8, 64), (100, 2, 48), (40, 1, 40)])
def test_windows_are_spread_and_no_larger_than_a_tile(side, count, window):
    image = torch.arange(600.0 * 800).reshape(1, 1, 600, 800)
    windows = sample_windows(image, side, 4)
    assert windows.shape == (count**2, 1, window, window)
    assert windows.numel() <= side**2
    torch.testing.assert_close(windows.mean(), image.mean(), rtol=1e-2, atol=0)  # as dense above as below


def test_windows_of_a_small_image_lie_inside_it():
    assert sample_windows(torch.zeros(1, 3, 20, 900), 512, 4).shape == (64, 3, 20, 20)
