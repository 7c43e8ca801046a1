"""Parts of a loss that are differentiated at once."""

import weakref

import pytest
import torch
from torch import nn

from cut.losses.early_gradients import differentiated_at_once


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(2, 4, 3), nn.Tanh(), nn.Conv2d(4, 1, 3)).double()


def images(seed: int = 1) -> torch.Tensor:
    return torch.randn(2, 2, 7, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def part_of(layers: nn.Module):
    def part(x, y=None):
        loss = layers(x).square().mean() + (0 if y is None else (x * y).mean())
        return loss, {"loss": loss}

    return part


def test_values_and_gradients_are_those_of_the_part():
    layers, x, y = network(), images(1).requires_grad_(), images(2).requires_grad_()
    loss, logs = differentiated_at_once(part_of(layers), [x, y], [layers])
    expected, _ = part_of(layers)(x, y)
    assert loss.item() == expected.item() == logs["loss"].item() and not logs["loss"].requires_grad
    sources = [x, y, *layers.parameters()]
    own, right = (torch.autograd.grad(3 * value, sources) for value in (loss, expected))
    torch.testing.assert_close(own, right, rtol=1e-12, atol=1e-14)


def test_its_graph_is_gone_when_it_returns():
    """The map in the middle is kept by the graph alone."""
    layers, maps = network(), []

    def part(x):
        made = layers[0](x)
        maps.append(weakref.ref(made))
        return layers[2](layers[1](made)).mean(), {}

    loss, _ = differentiated_at_once(part, [images().requires_grad_()], [layers])
    assert maps[0]() is None
    loss.backward()
    assert all(weight.grad is not None for weight in layers.parameters())


def test_only_what_needs_a_gradient_gets_one():
    layers, x = network(), images()
    layers[0].weight.requires_grad_(False)
    loss, _ = differentiated_at_once(part_of(layers), [x], [layers])
    loss.backward()
    assert x.grad is None and layers[0].weight.grad is None and layers[0].bias.grad is not None


def test_a_part_without_a_gradient_is_only_computed():
    layers, x = network().requires_grad_(False), images()
    loss, logs = differentiated_at_once(part_of(layers), [x], [layers])
    assert not loss.requires_grad and logs["loss"] is loss
    with torch.no_grad():
        assert differentiated_at_once(part_of(network()), [x], [layers])[0].item() == loss.item()


def test_a_constant_part_has_no_gradient():
    x = images().requires_grad_()
    loss, _ = differentiated_at_once(lambda x: (torch.ones(()), {}), [x])
    loss.backward()
    assert x.grad is None


def test_gradients_may_be_taken_several_times_but_not_differentiated():
    layers, x = network(), images().requires_grad_()
    loss, _ = differentiated_at_once(part_of(layers), [x], [layers])
    first = torch.autograd.grad(loss, x, retain_graph=True)[0]
    torch.testing.assert_close(torch.autograd.grad(2 * loss, x, create_graph=True)[0], 2 * first)
    again = torch.autograd.grad(differentiated_at_once(part_of(layers), [x])[0], x, create_graph=True)[0]
    with pytest.raises(RuntimeError, match="does not require grad"):
        again.sum().backward()
