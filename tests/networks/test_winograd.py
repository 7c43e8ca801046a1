"""Minimal filtering against direct convolution: values, derivatives of both orders, and rounding."""

import pytest
import torch
import torch.nn.functional as F

from cut.networks import winograd
from cut.networks.winograd import convolve


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def images_and_weights(
    dtype: torch.dtype = torch.float64, channels: int = 3, out: int = 5, height: int = 14, width: int = 8
):
    x = torch.randn(2, channels, height, width, dtype=dtype, requires_grad=True)
    return x, torch.randn(out, channels, 3, 3, dtype=dtype, requires_grad=True)


@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("tiles", [1, 6, 512])  # strips of one row of tiles, of two, all of the image
def test_it_is_the_direct_convolution(monkeypatch, tiles, padding):
    monkeypatch.setattr(winograd, "TILES", tiles)
    x, weight = images_and_weights()
    wanted = F.conv2d(x, weight, padding=padding)
    y = convolve(x, weight, padding)
    torch.testing.assert_close(y, wanted, rtol=0, atol=1e-12)

    gradient = torch.randn_like(wanted)
    for ours, theirs in zip(*(torch.autograd.grad(of, (x, weight), gradient) for of in (y, wanted)), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("padding", [0, 1])
def test_derivatives_of_both_orders(padding):
    inputs = images_and_weights(channels=2, out=2, height=6, width=4)
    assert torch.autograd.gradcheck(lambda x, weight: convolve(x, weight, padding), inputs)
    assert torch.autograd.gradgradcheck(lambda x, weight: convolve(x, weight, padding), inputs)


@pytest.mark.parametrize("fixed", [0, 1])
def test_what_needs_no_derivative_gets_none(fixed):
    inputs = images_and_weights()
    inputs[fixed].requires_grad_(False)
    convolve(*inputs).sum().backward()
    assert inputs[fixed].grad is None
    F.conv2d(*(wanted := [tensor.detach().requires_grad_() for tensor in inputs])).sum().backward()
    torch.testing.assert_close(inputs[1 - fixed].grad, wanted[1 - fixed].grad, rtol=0, atol=1e-12)


def test_float32_is_as_exact_as_the_direct_sum():
    """The error of each result against float64, as a share of the result's standard deviation."""
    x, weight = images_and_weights(torch.float32, channels=128, out=128, height=34, width=34)
    gradient = torch.randn(2, 128, 32, 32)

    def results(convolution, *inputs: torch.Tensor) -> list[torch.Tensor]:
        y = convolution(*inputs[:2])
        return [y, *torch.autograd.grad(y, inputs[:2], inputs[2])]

    exact = results(F.conv2d, *(tensor.detach().double().requires_grad_() for tensor in (x, weight, gradient)))
    for name, value, wanted in zip(("y", "x", "weight"), results(convolve, x, weight, gradient), exact, strict=True):
        error = (value - wanted).pow(2).mean().sqrt() / wanted.std()
        assert error < 6e-7, name  # half of what float32 can tell apart is 6e-8; there are 1,152 products in a sum
