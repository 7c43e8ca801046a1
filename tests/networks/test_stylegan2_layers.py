import math

import pytest
import torch
import torch.nn.functional as F
from torch.autograd import gradcheck, gradgradcheck

from cut.networks.stylegan2_layers import (
    Blur,
    ConvLayer,
    DemodulatedUpsample,
    EqualizedLinear,
    NoiseInjection,
    ResBlock,
    StyledUpsample,
    channel_widths,
    starting_resolution,
)

LAYERS = {
    "blur": lambda: Blur(padding=2),
    "strided blur": lambda: Blur(padding=1, stride=2),
    "convolution": lambda: ConvLayer(2, 3, 3),
    "halving convolution": lambda: ConvLayer(2, 3, 3, down=True),
    "halving skip": lambda: ConvLayer(2, 3, 1, down=True, activate=False),
    "block": lambda: ResBlock(2, 2),
    "halving block": lambda: ResBlock(2, 3, down=True),
    "demodulated upsampling": lambda: DemodulatedUpsample(2, 3),
    "activated upsampling": lambda: StyledUpsample(2, 3, inject_noise=False),
}
LAYOUTS = (torch.contiguous_format, torch.channels_last)


@pytest.mark.parametrize("batch", (1, 2))
@pytest.mark.parametrize("name", LAYERS)
def test_first_and_second_derivatives_are_those_of_finite_differences_in_every_memory_layout(name, batch):
    torch.manual_seed(0)
    layer = LAYERS[name]().double()
    parameters = list(layer.parameters())
    for parameter in parameters:
        parameter.data.normal_()
    for layout_in in LAYOUTS:
        image = torch.randn(batch, 2, 6, 5, dtype=torch.float64).contiguous(memory_format=layout_in).requires_grad_()
        for layout_out in LAYOUTS:  # the layout of the gradient that comes in

            def run(x, *_, layout_out=layout_out):
                return layer(x).clone(memory_format=layout_out)

            assert gradcheck(run, (image, *parameters), fast_mode=True)
            assert gradgradcheck(run, (image, *parameters), fast_mode=True)


def test_linear_layer_has_right_derivatives():
    layer = EqualizedLinear(3, 2, activate=True).double()
    x = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda x, *_: layer(x), (x, *layer.parameters()))


def test_blur_spreads_a_point_and_keeps_a_constant():
    point = torch.zeros(1, 2, 5, 5)
    point[:, 1, 2, 2] = 1
    taps = torch.tensor([1.0, 3, 3, 1]) / 8
    spread = Blur(padding=2)(point)
    assert torch.equal(spread[0, 1, 1:5, 1:5], torch.outer(taps, taps)) and not spread[0, 0].any()
    assert torch.equal(Blur(padding=2)(torch.ones(1, 1, 8, 8))[..., 2:-2, 2:-2], torch.ones(1, 1, 5, 5))


def test_strided_blur_is_the_blur_of_every_second_pixel():
    image = torch.randn(2, 3, 8, 6)
    torch.testing.assert_close(Blur(padding=1, stride=2)(image), Blur(padding=1)(image)[..., ::2, ::2])


def test_upsampling_keeps_a_constant_inside():
    layer = DemodulatedUpsample(1, 1)
    layer.weight.data.fill_(1.0)
    inside = layer(torch.ones(1, 1, 6, 6))[..., 2:-2, 2:-2]
    # Nine equal demodulated weights of 1/3, of which every output pixel sees 9/4 on average.
    torch.testing.assert_close(inside, torch.full_like(inside, 9 / 4 / 3 * 4), rtol=1e-5, atol=0)


def test_folding_constants_into_the_convolution_changes_nothing():
    torch.manual_seed(0)
    layer = ConvLayer(4, 5, 3)
    layer[1].bias.data.normal_()
    image = torch.randn(2, 4, 7, 7)
    plain = F.conv2d(image, layer[0].weight / math.sqrt(4 * 9), padding=1) + layer[1].bias
    plain = F.leaky_relu(plain, 0.2) * math.sqrt(2)
    torch.testing.assert_close(layer(image), plain)
    torch.testing.assert_close(layer(image, gain=0.7), 0.7 * plain)
    torch.testing.assert_close(layer[1](layer[0](image)), plain)


def test_residual_block_is_the_scaled_sum_of_its_paths():
    block = ResBlock(3, 4, down=True)
    image = torch.randn(2, 3, 8, 8)
    expected = (block.conv2(block.conv1(image)) + block.skip(image)) / math.sqrt(2)
    torch.testing.assert_close(block(image), expected)
    assert block(image).shape == (2, 4, 4, 4)


def test_demodulation_makes_the_scale_of_the_weights_irrelevant():
    layer = DemodulatedUpsample(3, 2)
    image = torch.randn(1, 3, 4, 4)
    before = layer(image)
    layer.weight.data.mul_(10)
    torch.testing.assert_close(layer(image), before)


def test_layers_keep_the_variance():
    torch.manual_seed(0)
    image = torch.randn(4, 64, 32, 32)
    for layer in (ConvLayer(64, 64, 3), ResBlock(64, 64)):
        assert 0.8 < layer(image).square().mean() < 1.2


def test_noise_is_one_value_per_pixel_times_the_learned_scalar():
    layer = NoiseInjection()
    image = torch.randn(2, 3, 4, 5)
    assert torch.equal(layer(image), image)
    layer.weight.data.fill_(2.0)
    torch.manual_seed(1)
    drawn = layer(image)
    torch.manual_seed(1)
    torch.testing.assert_close(drawn, image + 2 * torch.randn(2, 1, 4, 5))
    torch.testing.assert_close(layer(image, torch.ones(2, 1, 4, 5)), image + 2)
    with pytest.raises(ValueError, match="noise"):
        layer(image, torch.ones(2, 1, 5, 4))


@pytest.mark.parametrize(
    ("load", "crop", "resolution"), [(1024, 64, 64), (286, 256, 256), (90, 128, 64), (91, 96, 128)]
)
def test_widths_start_at_the_power_of_two_nearest_to_the_crop(load, crop, resolution):
    assert starting_resolution(load, crop) == resolution


def test_widths_are_those_of_the_paper_up_to_the_cap():
    assert list(channel_widths(1, 512, round)) == [4, 8, 16, 32, 64, 128, 256, 512, 1024]
    assert list(channel_widths(1, 512, round).values()) == [512, 512, 512, 512, 256, 128, 64, 32, 16]
    assert list(channel_widths(2, 512, round).values())[:5] == [512, 512, 512, 512, 512]
    assert channel_widths(8, 512, round)[64] == 2048  # no cap above 32 pixels
    assert list(channel_widths(0.3, 384, int).values()) == [384, 384, 307, 153, 76, 38, 19, 9, 4]
