"""Anti-aliased resampling against explicit depthwise convolutions with the published filters."""

import pytest
import torch
import torch.nn.functional as F

from cut.networks.blur import BlurDown, BlurUp

SIZES = [(8, 8), (7, 9), (2, 5), (6, 3)]


def depthwise(x, row, **convolution):
    kernel = torch.outer(torch.tensor(row), torch.tensor(row)).to(x.dtype) / 16
    weight = kernel.expand(x.shape[1], 1, -1, -1)
    return getattr(F, convolution.pop("kind"))(x, weight, groups=x.shape[1], **convolution)


@pytest.mark.parametrize("size", SIZES)
def test_down(size):
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    expected = depthwise(F.pad(x, (1, 1, 1, 1), mode="reflect"), [1.0, 2.0, 1.0], kind="conv2d", stride=2)
    y = BlurDown(3).double()(x)
    assert y.shape[2:] == ((size[0] + 1) // 2, (size[1] + 1) // 2)
    torch.testing.assert_close(y, expected)


@pytest.mark.parametrize("size", [*SIZES, (1, 1)])
def test_up(size):
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    spread = F.pad(x, (1, 1, 1, 1), mode="replicate")
    expected = depthwise(spread, [1.0, 3.0, 3.0, 1.0], kind="conv_transpose2d", stride=2, padding=3)
    y = BlurUp(3)(x)
    assert y.shape[2:] == (2 * size[0], 2 * size[1])
    torch.testing.assert_close(y, expected)


@pytest.mark.parametrize("layer", [BlurDown, BlurUp])
def test_constants_stay_and_gradients_are_right_twice(layer):
    network = layer(2).double()
    assert (network(torch.full((1, 2, 6, 4), 0.5, dtype=torch.float64)) == 0.5).all()
    x = torch.randn(1, 2, 5, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(network, x) and torch.autograd.gradgradcheck(network, x)


@pytest.mark.parametrize(("layer", "row"), [(BlurDown, [1, 2, 1]), (BlurUp, [1, 3, 3, 1])])
def test_buffers_are_exported_but_not_kept(layer, row):
    row = torch.tensor(row, dtype=torch.float32)
    assert not layer(4).state_dict()
    (name, buffer), *more = layer(4).constant_buffers().items()
    assert name == "filt" and not more and torch.equal(buffer, (torch.outer(row, row) / 16).expand(4, 1, -1, -1))
