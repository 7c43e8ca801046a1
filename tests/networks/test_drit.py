"""DRIT++'s networks: published sizes, layers against closed forms, noise and attributes."""

import pytest
import torch
from torch import nn

from cut.networks.drit import (
    AttributeTransfer,
    ConcatGenerator,
    ContentEncoder,
    GaussianAttributeEncoder,
    LayerNorm,
    MixedGenerator,
    PlainAttributeEncoder,
)
from cut.networks.drit_discriminators import ContentDiscriminator, OneScaleDiscriminator, ScaledDiscriminator

MILLIONS = {
    ContentEncoder: 9.02,
    GaussianAttributeEncoder: 2.69,
    PlainAttributeEncoder: 5.53,
    ConcatGenerator: 9.57,
    MixedGenerator: 17.15,
    ScaledDiscriminator: 8.27,
    OneScaleDiscriminator: 25.1,
    ContentDiscriminator: 10.68,
}


@pytest.mark.parametrize("kind", MILLIONS, ids=lambda kind: kind.__name__)
def test_published_sizes(kind):
    with torch.device("meta"):
        network = kind()
    assert sum(weight.numel() for weight in network.parameters()) / 1e6 == pytest.approx(MILLIONS[kind], abs=0.05)


def test_layer_norm_is_pytorchs_over_channels_and_positions():
    layer, x = LayerNorm(3), torch.randn(2, 3, 4, 5)
    nn.init.normal_(layer.weight)
    nn.init.normal_(layer.bias)
    expected = nn.functional.layer_norm(x, x.shape[1:]) * layer.weight + layer.bias
    torch.testing.assert_close(layer(x), expected)
    assert layer.weight.shape == (3, 1, 1)


def test_noise_is_added_to_the_content():
    encoder, image, noise = ContentEncoder(width=2), torch.rand(1, 3, 32, 32), torch.randn(1, 8, 8, 8)
    torch.testing.assert_close(encoder(image, "A", noise), encoder(image, "A") + noise)


@pytest.mark.parametrize(
    ("generator", "attributes"),
    [(ConcatGenerator, GaussianAttributeEncoder), (MixedGenerator, PlainAttributeEncoder)],
)
@torch.no_grad()
def test_translations_follow_the_style_and_a_guide(generator, attributes):
    torch.manual_seed(0)
    networks = ContentEncoder(3, 1, 2), generator(3, 1, 2), attributes(3, 1, 2)
    transfer = AttributeTransfer(*networks, ("B", "A"), channels=1, translations=2)
    image, guide = torch.rand(1, 1, 32, 40), torch.rand(1, 3, 48, 48)
    first, second = transfer.translate_window(image, 3).chunk(2, 1)
    assert first.shape == (1, 3, 32, 40) and not torch.equal(first, second)
    transfer.guide = guide
    expected = networks[1](networks[0](image, "B"), networks[2](guide, "A")[0], "A")
    torch.testing.assert_close(transfer(image), expected)
    assert transfer.parts == networks
