"""Reflected edges keep the type and the layout of an image."""

import pytest
import torch
import torch.nn.functional as F

from cut.networks.layout import is_channels_last
from cut.networks.padding import reflect


def test_it_keeps_bfloat16_under_autocast():
    x = torch.randn(1, 2, 8, 8).bfloat16().contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        y = reflect(x, 1)
    assert y.dtype == torch.bfloat16 and is_channels_last(y)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("n", [1, 2, 4])
def test_both_derivatives(layout, n):
    x = torch.randn(2, 3, 5, 6, dtype=torch.float64, requires_grad=True)

    def padded(image):
        return reflect(image.contiguous(memory_format=layout), n)

    assert torch.equal(padded(x), F.pad(x, (n,) * 4, mode="reflect"))
    assert torch.autograd.gradcheck(padded, (x,)) and torch.autograd.gradgradcheck(padded, (x,))


def test_the_gradient_keeps_the_layout():
    x = torch.randn(2, 3, 5, 6).contiguous(memory_format=torch.channels_last).requires_grad_()
    (gradient,) = torch.autograd.grad(reflect(x, 1).square().sum(), x)
    assert is_channels_last(gradient)


def test_no_edges_and_too_many():
    x = torch.randn(1, 2, 3, 3, requires_grad=True)
    assert torch.equal(reflect(x, 0), x)
    with pytest.raises(RuntimeError):
        reflect(x, 3)


def test_nothing_is_kept():
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(kept.append, lambda tensor: tensor):
        reflect(torch.randn(1, 2, 4, 4, requires_grad=True), 1)
    assert not kept
