"""Spectral normalisation: the largest singular value of every layer is 1."""

import torch
from torch import nn

from cut.networks.patchgan import PatchDiscriminator
from cut.networks.spectral import normalise_spectrally
from cut.networks.stylegan2_discriminator import StyleGAN2Discriminator


def test_the_largest_singular_value_becomes_one():
    torch.manual_seed(0)
    network = PatchDiscriminator(3, 4, 2, norm="none")
    assert normalise_spectrally(network)
    for _ in range(50):  # one power iteration each
        network(torch.randn(1, 3, 16, 16))
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            values = torch.linalg.svdvals(layer.weight.flatten(1))
            torch.testing.assert_close(values[0], torch.tensor(1.0), atol=1e-3, rtol=0)


def test_a_network_without_plain_layers_is_told_apart():
    assert not normalise_spectrally(StyleGAN2Discriminator(3, 8, 16, 16))
