"""Instance norm by its definition, forward and backward, in both memory formats: where PyTorch's own is wrong."""

import pytest
import torch
from torch import nn

from cut.networks.norm import NORMS, group_count, hides_level, norm_layer
from cut.networks.resnet import ResnetGenerator

FORMATS = {"argvalues": [torch.contiguous_format, torch.channels_last], "ids": ["rows", "channels-last"]}


def instance_norm(x):
    mean = x.mean((2, 3), keepdim=True)
    variance = (x - mean).square().mean((2, 3), keepdim=True)
    return (x - mean) / (variance + 1e-5).sqrt()


def instance_norm_gradient(x, gradient):
    """dL/dx = (g − mean(g) − y · mean(g · y)) / σ, each mean over one image's channel."""
    y = instance_norm(x)
    deviation = (x.var((2, 3), correction=0, keepdim=True) + 1e-5).sqrt()
    mean = gradient.mean((2, 3), keepdim=True)
    return (gradient - mean - y * (gradient * y).mean((2, 3), keepdim=True)) / deviation


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("gradient_memory", **FORMATS)
@pytest.mark.parametrize("memory", **FORMATS)
def test_instance_norm_and_its_gradient(memory, gradient_memory, size):
    x = torch.randn(size, 5, 4, 6, dtype=torch.float64).mul(3).add(2).to(memory_format=memory).requires_grad_()
    gradient = torch.randn(size, 5, 4, 6, dtype=torch.float64).to(memory_format=gradient_memory)
    y = norm_layer("instance", 5)(x)
    y.backward(gradient)
    torch.testing.assert_close(y, instance_norm(x.detach()))
    torch.testing.assert_close(x.grad, instance_norm_gradient(x.detach(), gradient))


def test_which_have_weights():
    counts = {kind: sum(parameter.numel() for parameter in norm_layer(kind, 3).parameters()) for kind in NORMS}
    assert counts == {"instance": 0, "affine_instance": 6, "batch": 6, "layer": 6, "group": 6, "none": 0}
    assert not norm_layer("instance", 3).state_dict() and isinstance(norm_layer("batch", 3), nn.BatchNorm2d)
    with pytest.raises(ValueError, match="unknown norm 'spectral'"):
        norm_layer("spectral", 3)


def uniform(level):
    return torch.tensor([level, 0.5 * level, -level]).view(1, 3, 1, 1).expand(1, 3, 16, 16)


@pytest.mark.parametrize("kind", [kind for kind in NORMS if kind != "affine_instance"])
def test_which_norms_hide_the_level_of_a_uniform_image(kind):
    torch.manual_seed(0)
    generator = ResnetGenerator(3, 3, 8, blocks=1, norm=kind, antialias=False, antialias_up=False).eval()
    with torch.no_grad():
        dark, bright = generator(uniform(-0.9)), generator(uniform(0.6))
    assert torch.allclose(dark, bright, atol=1e-5) == hides_level(kind)


def test_affine_instance_norm_hides_the_level_too():
    """By itself: through a whole generator its layers enlarge what rounding leaves of a uniform image."""
    norm = norm_layer("affine_instance", 3)
    norm.bias.data = torch.tensor([1.0, 2, 3])
    for level in (-0.9, 0.6):
        torch.testing.assert_close(
            norm(uniform(level)), norm.bias.view(1, 3, 1, 1).expand(1, 3, 16, 16), atol=1e-4, rtol=0
        )
    assert hides_level("affine_instance")


@pytest.mark.parametrize(
    ("channels", "groups"), [(3, 1), (4, 1), (8, 2), (16, 4), (20, 5), (64, 16), (128, 32), (256, 32)]
)
def test_groups_divide_the_channels_and_have_four_or_more(channels, groups):
    assert group_count(channels) == groups
