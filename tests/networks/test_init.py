"""Initial weights: their spread, and what is left alone."""

import math

import pytest
import torch
from torch import nn

from cut.networks.init import INITIALISATIONS, initialise
from cut.networks.norm import norm_layer
from cut.networks.stylegan2_generator import StyleGAN2Generator

FAN_IN, FAN_OUT = 64 * 9, 32 * 9


@pytest.mark.parametrize(
    ("kind", "deviation"),
    [
        ("normal", 0.02),
        ("xavier", 0.02 * math.sqrt(2 / (FAN_IN + FAN_OUT))),
        ("kaiming", math.sqrt(2 / FAN_IN)),
        ("orthogonal", 0.02 / math.sqrt(FAN_IN)),  # rows of length 0.02
    ],
)
def test_spread_of_a_convolution(kind, deviation):
    torch.manual_seed(0)
    layer = initialise(nn.Conv2d(64, 32, 3), kind, 0.02)
    assert layer.weight.std().item() == pytest.approx(deviation, rel=0.03)
    assert abs(layer.weight.mean().item()) < deviation / 20
    assert not layer.bias.any()


def test_orthogonal_rows():
    weight = initialise(nn.Linear(16, 8), "orthogonal", 0.5).weight
    torch.testing.assert_close(weight @ weight.T, 0.25 * torch.eye(8), atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", INITIALISATIONS)
def test_batch_norm_is_close_to_one(kind):
    torch.manual_seed(0)
    layer = initialise(nn.BatchNorm2d(4000), kind, 0.02)
    assert layer.weight.mean().item() == pytest.approx(1, abs=0.002)
    assert layer.weight.std().item() == pytest.approx(0.02, rel=0.05) and not layer.bias.any()


def test_affine_instance_norm_too_and_biases_may_keep_their_start():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4000, 1), norm_layer("affine_instance", 4000), norm_layer("instance", 4000))
    initialise(network, "normal", 0.02, zero_biases=False)
    assert network[0].bias.any() and network[0].weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert network[1].weight.std().item() == pytest.approx(0.02, rel=0.05) and not network[1].bias.any()


def test_equalised_layers_keep_their_own_weights():
    generator = StyleGAN2Generator(3, 3, ngf=1, load_size=16, crop_size=16, stylegan2_G_num_downsampling=1)
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    initialise(generator, "xavier", 0.02)
    assert all(torch.equal(before[name], value) for name, value in generator.state_dict().items())
