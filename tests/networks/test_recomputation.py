"""Layers that compute their input again give the same numbers, and keep less."""

import copy
import gc
import weakref

import pytest
import torch
from torch import nn

from cut.networks.padding import ReflectionPad
from cut.networks.recomputation import ReLU, apply_recomputing


def test_relu_and_its_gradient():
    x = torch.randn(2, 3, 4, 5, requires_grad=True)
    assert torch.equal(ReLU()(x), x.relu()) and torch.equal(ReLU()(x.detach()), x.relu())
    own, expected = (torch.autograd.grad(y.square().sum(), x)[0] for y in (ReLU()(x), x.relu()))
    assert torch.equal(own, expected)


def test_relu_keeps_the_tensor_that_it_is_given():
    x = torch.randn(2, 3, 4, 4, requires_grad=True) * 2
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor.data_ptr()), lambda kept: kept):
        ReLU()(x)
    assert kept == [x.data_ptr()]


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_gradients_are_the_same_to_the_bit(precision):
    layers, conv = [ReLU(), ReflectionPad(1)], nn.Conv2d(3, 4, 3)
    results = []
    for recomputing in (False, True):
        x, layer = torch.linspace(-1, 1, 2 * 3 * 6 * 6).view(2, 3, 6, 6).requires_grad_(), copy.deepcopy(conv)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
            start = torch.sin(9 * x).to(precision)
            y = apply_recomputing(layers, layer, start) if recomputing else layer(layers[1](layers[0](start)))
        assert y.dtype == precision
        results.append([y, *torch.autograd.grad(y.float().square().sum(), [x, layer.weight, layer.bias])])
    assert all(map(torch.equal, *results))


def test_it_can_be_differentiated_twice():
    conv = nn.Conv2d(2, 2, 3).double()
    x = torch.randn(1, 2, 4, 4, dtype=torch.float64, requires_grad=True)

    def network(image, weight):
        return torch.func.functional_call(_Network(conv), {"conv.weight": weight}, (image,))

    weight = conv.weight.detach().clone().requires_grad_()
    assert torch.autograd.gradcheck(network, (x, weight)) and torch.autograd.gradgradcheck(network, (x, weight))


class _Network(nn.Module):
    def __init__(self, conv):
        super().__init__()
        self.conv = conv

    def forward(self, x):
        return apply_recomputing([nn.Softplus(), ReflectionPad(1)], self.conv, x)


def test_what_comes_between_is_not_kept():
    made = []

    class Remembered(nn.Module):
        def forward(self, x):
            y = x * 2
            made.append(weakref.ref(y.untyped_storage()))
            return y

    x = torch.randn(1, 2, 8, 8, requires_grad=True)
    y = apply_recomputing([Remembered()], nn.Conv2d(2, 2, 3), x)
    gc.collect()
    assert [each() for each in made] == [None]
    y.sum().backward()
    assert len(made) == 2
    with torch.no_grad():
        apply_recomputing([Remembered()], nn.Conv2d(2, 2, 3), x)
    assert len(made) == 3
