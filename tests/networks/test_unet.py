"""The U-Net generators: what they are made of, and what they depend on."""

import pytest
import torch
from torch import nn

from cut.networks.unet import UnetBlock, UnetGenerator


def count(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


@pytest.mark.parametrize(("downs", "parameters"), [(8, 54_414_000), (7, 41_829_000)])
def test_parameters_are_as_many_as_published(downs, parameters):
    with torch.device("meta"):
        assert count(UnetGenerator(downs=downs)) == pytest.approx(parameters, abs=500)


@pytest.mark.parametrize("downs", [5, 7])
def test_sides_come_back_and_the_range_is_that_of_images(downs):
    image = torch.randn(1, 3, 2**downs, 2 ** (downs + 1))
    made = UnetGenerator(output_nc=1, ngf=2, downs=downs)(image)
    assert made.shape == (1, 1, *image.shape[2:]) and made.abs().max() <= 1


def test_dropout_is_in_the_blocks_of_equal_widths():
    for downs, blocks in ((8, 3), (7, 2), (5, 0)):
        network = UnetGenerator(ngf=1, downs=downs, dropout=True)
        assert sum(isinstance(layer, nn.Dropout) for layer in network.modules()) == blocks
    names = [
        name for name, layer in UnetGenerator(ngf=1, dropout=True).named_modules() if isinstance(layer, nn.Dropout)
    ]
    assert min(names, key=len) == "model.model.1.model.3.model.3.model.3.model.7"


@pytest.mark.parametrize(("norm", "biases"), [("batch", 1), ("none", 1), ("instance", 10)])
def test_convolutions_before_instance_norm_and_the_last_one_have_biases(norm, biases):
    network = UnetGenerator(ngf=1, downs=5, norm=norm)
    convolutions = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)]
    assert len(convolutions) == 10 and sum(layer.bias is not None for layer in convolutions) == biases


def test_every_resolution_has_a_skip_connection():
    """With the deeper blocks closed, each block still passes on its input."""
    block, image = UnetGenerator(ngf=2, downs=5, norm="none").model, torch.randn(1, 2, 32, 32)
    while inside := next((layer for layer in block.model if isinstance(layer, UnetBlock)), None):
        channels = next(layer.in_channels for layer in inside.model if isinstance(layer, nn.Conv2d))
        features = image[:, :1].repeat(1, channels, 1, 1)
        made = inside(features.clone())
        assert torch.equal(made[:, :channels].relu(), features.relu()) and made.shape[2:] == features.shape[2:]
        block = inside


def test_a_pixel_depends_on_its_context_and_on_all_of_it():
    network = UnetGenerator(ngf=2, downs=5, norm="none").double()
    for weight in network.parameters():
        nn.init.constant_(weight, 0.1)  # so that no path is closed
    image = torch.ones(1, 3, 512, 32, dtype=torch.float64, requires_grad=True)
    reach = []
    for row in range(224, 256):
        before_tanh = network.model.model[:-1](image)
        (gradient,) = torch.autograd.grad(before_tanh[0, 0, row, 16], image)
        rows = gradient[0].abs().sum((0, 2)).nonzero().flatten()
        reach.append(max(row - rows.min().item(), rows.max().item() - row))
    assert max(reach) <= network.context and network.context - max(reach) < network.size_multiple
