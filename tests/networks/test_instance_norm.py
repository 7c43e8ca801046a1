"""Instance norm in both layouts, against its definition."""

import pytest
import torch

from cut.networks.instance_norm import InstanceNorm
from cut.networks.layout import is_channels_last

LAYOUTS = [torch.contiguous_format, torch.channels_last]


def defined(x: torch.Tensor) -> torch.Tensor:
    variance, mean = torch.var_mean(x, (2, 3), correction=0, keepdim=True)
    return (x - mean) / (variance + 1e-5).sqrt()


@pytest.mark.parametrize("images", [1, 3])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("incoming", LAYOUTS)
def test_values_and_gradients(images, layout, incoming):
    x = (3 + torch.randn(images, 5, 6, 7, dtype=torch.float64)).contiguous(memory_format=layout).requires_grad_()
    y = InstanceNorm(5)(x)
    torch.testing.assert_close(y, defined(x), rtol=0, atol=1e-12)
    gradient = torch.randn_like(y).contiguous(memory_format=incoming)
    own, expected = (torch.autograd.grad(made, x, gradient)[0] for made in (y, defined(x)))
    torch.testing.assert_close(own, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_with_weight_and_bias(layout):
    norm = InstanceNorm(5, affine=True).double()
    weight, bias = torch.randn(2, 5, dtype=torch.float64)
    norm.load_state_dict({"weight": weight, "bias": bias})
    x = torch.randn(2, 5, 6, 7, dtype=torch.float64).contiguous(memory_format=layout).requires_grad_()
    expected = defined(x) * weight.view(5, 1, 1) + bias.view(5, 1, 1)
    torch.testing.assert_close(norm(x), expected, rtol=0, atol=1e-12)
    gradient = torch.randn_like(x)
    own, right = (torch.autograd.grad(made, x, gradient)[0] for made in (norm(x), expected))
    torch.testing.assert_close(own, right, rtol=0, atol=1e-12)


@pytest.mark.parametrize("images", [1, 2])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_it_can_be_differentiated_twice(images, layout):
    x = torch.randn(images, 2, 3, 3, dtype=torch.float64, requires_grad=True)

    def norm(image):
        return InstanceNorm(2)(image.contiguous(memory_format=layout))

    assert torch.autograd.gradcheck(norm, (x,)) and torch.autograd.gradgradcheck(norm, (x,))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_it_keeps_its_result_and_not_its_input(layout):
    x = torch.randn(2, 5, 6, 7, requires_grad=True)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor) or tensor, lambda tensor: tensor):
        y = InstanceNorm(5)(x.contiguous(memory_format=layout))
    maps = [tensor for tensor in kept if tensor.dim() == 4]
    assert [tensor.data_ptr() for tensor in maps] == [y.data_ptr()]


def test_without_a_gradient_the_values_are_the_same():
    x = torch.randn(2, 5, 6, 7)
    assert torch.equal(InstanceNorm(5)(x), InstanceNorm(5)(x.clone().requires_grad_()))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_bfloat16_has_statistics_in_float32(layout):
    """The only error is that of writing the result in 8 bits: rounded statistics would give ten times as much."""
    x = (20 + torch.randn(2, 4, 32, 32)).bfloat16().contiguous(memory_format=layout)
    y = InstanceNorm(4)(x)
    assert InstanceNorm(4, affine=True)(x).dtype == torch.bfloat16
    assert y.dtype == torch.bfloat16 and is_channels_last(y) == (layout == torch.channels_last)
    torch.testing.assert_close(y.double(), defined(x.double()), rtol=2**-8, atol=1e-4)
