"""Discriminators: what a logit sees, and their widths."""

import pytest
import torch

from cut.networks.init import initialise
from cut.networks.patchgan import PatchDiscriminator, PixelDiscriminator
from cut.registry import DISCRIMINATORS


def receptive_field(network) -> int:
    network = initialise(network, "normal", 1.0).double()
    for layer in network.modules():
        if isinstance(layer, torch.nn.Conv2d):
            layer.weight.data.abs_()
    image = torch.rand(1, 3, 128, 128, dtype=torch.float64, requires_grad=True)
    logits = network(image)
    (gradient,) = torch.autograd.grad(logits[0, 0, logits.shape[2] // 2, logits.shape[3] // 2], image)
    seen = gradient[0].abs().sum((0, 1)).nonzero()
    return int(seen.max() - seen.min() + 1)


def test_patches_are_70_pixels_without_blur_and_a_pixel_is_one():
    assert receptive_field(PatchDiscriminator(ndf=1, norm="none", antialias=False)) == 70
    assert receptive_field(PatchDiscriminator(ndf=1, n_layers=2, norm="none", antialias=False)) == 34
    assert receptive_field(PixelDiscriminator(ndf=1, norm="none")) == 1


@pytest.mark.parametrize(("n_layers", "widths"), [(1, [2, 4, 1]), (3, [2, 4, 8, 16, 1]), (5, [2, 4, 8, 16, 16, 16, 1])])
def test_widths_double_up_to_eight_times(n_layers, widths):
    network = PatchDiscriminator(ndf=2, n_layers=n_layers)
    convolutions = [layer for layer in network.model if isinstance(layer, torch.nn.Conv2d)]
    assert [layer.out_channels for layer in convolutions] == widths


@pytest.mark.parametrize("n_layers", [1, 3])
def test_a_layer_halves_the_logits_of_either_kind(n_layers):
    """n halvings and two 4×4 convolutions: 64 / 2ⁿ − 2 logits a side; blur may leave one more at each halving."""
    strided, blurred = (PatchDiscriminator(ndf=1, n_layers=n_layers, antialias=blur) for blur in (False, True))
    image = torch.rand(1, 3, 64, 64)
    assert strided(image).shape == (1, 1, 64 // 2**n_layers - 2, 64 // 2**n_layers - 2)
    assert blurred(image).shape == strided(image).shape


def test_basic_is_three_layers():
    basic = DISCRIMINATORS.build("basic", ndf=4)
    layers = DISCRIMINATORS.build("n_layers", ndf=4, n_layers=3)
    assert basic.state_dict().keys() == layers.state_dict().keys()
    with torch.device("meta"):
        assert sum(parameter.numel() for parameter in DISCRIMINATORS.build("basic").parameters()) == 2_764_737


@pytest.mark.parametrize("kind", [PatchDiscriminator, PixelDiscriminator])
@pytest.mark.parametrize("norm", ["instance", "batch", "none"])
def test_per_image_is_true(kind, norm):
    torch.manual_seed(0)
    network = initialise(kind(ndf=2, norm=norm), "normal", 0.5)
    images = torch.rand(3, 3, 48, 40)
    apart = torch.cat([network(image[None]) for image in images])
    assert network.per_image == torch.allclose(network(images), apart, atol=1e-5) == (norm != "batch")
    assert apart.shape[1] == 1
