"""MUNIT's layers against closed forms, and what its networks do with styles."""

import pytest
import torch

from cut.networks.munit import AdaptiveInstanceNorm, LayerNorm, MultiScaleDiscriminator, StyleAutoEncoder, StyleTransfer

SMALL = {"dim": 4, "style_dim": 3, "mlp_dim": 8, "n_res": 1}


def test_layer_norm_has_bessels_correction_and_epsilon_outside_of_the_root():
    layer, x = LayerNorm(2), torch.arange(8.0).view(1, 2, 2, 2) * 1e-5
    deviation = (x - x.mean()).square().sum().div(7).sqrt()
    expected = (x - x.mean()) / (deviation + 1e-5) * layer.gamma.view(2, 1, 1)
    torch.testing.assert_close(layer(x), expected)
    assert ((layer.gamma >= 0) & (layer.gamma <= 1)).all() and not layer.beta.any()


def test_adaptive_norm_multiplies_by_the_scale_itself():
    x = torch.randn(2, 3, 5, 5)
    shift, scale = torch.randn(2, 2, 3, 1, 1)
    normalised = (x - x.mean((2, 3), keepdim=True)) / (x.var((2, 3), correction=0, keepdim=True) + 1e-5).sqrt()
    torch.testing.assert_close(AdaptiveInstanceNorm(3)(x, shift, scale), normalised * scale + shift)


def test_a_style_gives_each_norm_its_shifts_and_then_its_scales():
    """With scales 0 the residual blocks add the shifts of their second norms alone."""
    decoder = StyleAutoEncoder(**SMALL).dec
    style = torch.zeros(1, decoder.style_numbers)
    content, width = torch.randn(1, 16, 4, 4), 16
    with torch.no_grad():
        expected = decoder.model[1:](content + torch.arange(16.0).view(1, 16, 1, 1))
        style[:, 2 * width : 3 * width] = torch.arange(16.0)
        torch.testing.assert_close(decoder(content, style), expected)


def test_published_widths():
    """The counts of the published sizes, in millions."""

    def count(network):
        return sum(weight.numel() for weight in network.parameters()) / 1e6

    with torch.device("meta"):
        generator, discriminator = StyleAutoEncoder(), MultiScaleDiscriminator()
    parts = (generator.enc_style, generator.enc_content, generator.dec, generator.mlp)
    assert [count(part) for part in parts] == pytest.approx([2.77, 5.39, 5.76, 1.12], abs=0.006)
    assert (count(generator), count(discriminator)) == pytest.approx((15.03, 8.27), abs=0.005)


def test_scales_are_averages_that_do_not_count_the_padding():
    discriminator = MultiScaleDiscriminator(dim=2, n_layer=1, num_scales=3).eval()
    for cnn in discriminator.cnns[1:]:
        cnn.load_state_dict(discriminator.cnns[0].state_dict())
    with torch.no_grad():
        maps = discriminator(torch.full((1, 3, 16, 16), 0.7))
    assert [logits.shape[-1] for logits in maps] == [8, 4, 2]
    for logits in maps[1:]:  # a flat image stays flat at every scale
        torch.testing.assert_close(logits, torch.full_like(logits, maps[0].flatten()[0].item()))


def transfer(translations=1):
    torch.manual_seed(0)
    return StyleTransfer(StyleAutoEncoder(**SMALL), StyleAutoEncoder(**SMALL), translations).eval()


@torch.no_grad()
def test_the_seed_chooses_the_style_and_more_styles_come_after_it():
    image = torch.rand(1, 3, 32, 32)
    one, three = transfer(), transfer(3)
    first = one.translate_window(image, 5)
    assert torch.equal(first, one.translate_window(image, 5)) and not torch.equal(first, one.translate_window(image, 6))
    several = three.translate_window(image, 5).chunk(3, 1)
    assert torch.equal(several[0], first) and not torch.equal(several[1], several[0])


@torch.no_grad()
def test_a_guide_gives_its_style():
    generator, image, guide = transfer(), torch.rand(1, 3, 32, 32), torch.rand(1, 3, 40, 24)
    generator.guide = guide
    content, style = generator.source.enc_content(image), generator.target.enc_style(guide)
    torch.testing.assert_close(generator(image), generator.target.decode(content, style))
    assert "guide" not in generator.state_dict()
