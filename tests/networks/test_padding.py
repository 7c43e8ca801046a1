"""Reflected edges: PyTorch's values and derivatives, in both layouts."""

import pytest
import torch
import torch.nn.functional as F

from cut.networks.layout import is_channels_last
from cut.networks.padding import ReflectionPad, reflect

LAYOUTS = [torch.contiguous_format, torch.channels_last]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("n", "height", "width"), [(1, 2, 3), (3, 4, 5), (1, 6, 5), (2, 3, 3), (3, 7, 9)])
def test_values_and_derivatives_are_pytorchs(layout, n, height, width):
    x = torch.randn(2, 3, height, width, dtype=torch.float64).contiguous(memory_format=layout).requires_grad_()
    ours, theirs = ReflectionPad(n)(x), F.pad(x, (n,) * 4, mode="reflect")
    assert torch.equal(ours, theirs) and ours.is_contiguous(memory_format=layout)
    gradient = torch.randn_like(ours)
    own, expected = (torch.autograd.grad(y, x, gradient)[0] for y in (ours, theirs))
    torch.testing.assert_close(own, expected, rtol=0, atol=1e-12)
    assert own.is_contiguous(memory_format=layout)


def test_it_can_be_differentiated_twice():
    x = torch.randn(1, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda image: reflect(image, 2), (x,))


def test_it_keeps_bfloat16_under_autocast():
    x = torch.randn(1, 2, 8, 8).bfloat16().contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        y = reflect(x, 1)
    assert y.dtype == torch.bfloat16 and is_channels_last(y)


def test_an_image_without_enough_pixels_is_refused():
    with pytest.raises(RuntimeError, match="images of 5×3 pixels have no 3 pixels beside the edge to mirror"):
        reflect(torch.zeros(1, 1, 3, 5), 3)
