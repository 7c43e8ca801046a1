"""When a 3×3 convolution is computed by minimal filtering, and that a step does not change by it."""

import pytest
import torch

from cut.networks import convolution
from cut.networks.convolution import Conv3x3
from cut.precision import Arithmetic
from tests.test_precision import losses, model


@pytest.fixture
def filtered(monkeypatch) -> list[tuple[int, ...]]:
    """The shapes of images that minimal filtering was used for."""
    shapes, convolve = [], convolution.convolve

    def noted(x: torch.Tensor, weight: torch.Tensor, padding: int) -> torch.Tensor:
        shapes.append(tuple(x.shape))
        return convolve(x, weight, padding)

    monkeypatch.setattr(convolution, "convolve", noted)
    return shapes


def test_a_large_map_in_training(filtered):
    layer = Conv3x3(128, 128, padding=1)
    layer.minimal = True
    x = torch.randn(1, 128, 32, 34)
    y = layer(x)
    assert filtered == [(1, 128, 32, 34)]
    torch.testing.assert_close(y, torch.nn.functional.conv2d(x, layer.weight, layer.bias, padding=1), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("channels", "out", "change"),
    [
        (128, 128, lambda x: x[..., :30, :30].contiguous()),
        (128, 128, lambda x: x[..., :33].contiguous()),
        (128, 128, lambda x: x.contiguous(memory_format=torch.channels_last)),
        (64, 128, lambda x: x),
        (128, 64, lambda x: x),
    ],
    ids=["small map", "odd width", "channels last", "few inputs", "few outputs"],
)
def test_what_stays_direct(filtered, channels, out, change):
    layer = Conv3x3(channels, out)
    layer.minimal = True
    layer(change(torch.randn(1, channels, 34, 34)))
    assert not filtered


def test_translating_stays_direct(filtered):
    layer = Conv3x3(128, 128)
    x = torch.randn(1, 128, 34, 34)
    layer(x)  # a network that no run has placed
    layer.minimal = True
    with torch.no_grad():
        layer(x)
    assert not filtered


def test_a_run_chooses(filtered):
    network = torch.nn.Sequential(Conv3x3(4, 4), Conv3x3(4, 4))
    for words, minimal in (({}, True), ({"convolutions": "direct"}, False), ({"precision": "float32"}, True)):
        Arithmetic(**words).place(network)
        assert [layer.minimal for layer in network] == [minimal, minimal]


@pytest.mark.parametrize(
    "words", ["", "--netG resnet_6blocks_zero_pad --model cycle_gan", "--model cycle_gan", "--checkpoint_blocks"]
)
def test_a_step_is_the_same(monkeypatch, filtered, words):
    """Losses and gradients, with what is computed again in the backward pass, but for the rounding."""
    monkeypatch.setattr(convolution, "CHANNELS", 8)
    monkeypatch.setattr(convolution, "AREA", 64)

    def step(convolutions: str) -> tuple[dict[str, float], dict[str, torch.Tensor]]:
        tiny = "--dataroot x --netG resnet_4blocks --ngf 4 --ndf 4 --crop_size 32 --gpu_ids -1"
        method = model(f"{tiny} {words} --convolutions {convolutions}")
        logs = losses(method)
        parameters = method.networks.named_parameters()
        return logs, {name: parameter.grad for name, parameter in parameters if parameter.grad is not None}

    logs, gradients = step("auto")
    assert filtered
    filtered.clear()
    wanted, of_wanted = step("direct")
    assert not filtered
    assert logs == pytest.approx(wanted, rel=1e-5)
    for name, gradient in of_wanted.items():  # those of biases before instance norm are nothing but rounding
        largest = max(other.abs().max().item() for key, other in of_wanted.items() if key[:2] == name[:2])
        torch.testing.assert_close(gradients[name], gradient, rtol=1e-3, atol=1e-4 * largest)
