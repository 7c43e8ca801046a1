"""What is switched for a while is switched back, after an error too."""

import pytest
import torch
from torch import nn

from cut.networks.mode import as_in_training, frozen, mode


def network() -> nn.Sequential:
    layers = nn.Sequential(nn.Linear(2, 2), nn.Dropout(), nn.Linear(2, 1))
    layers[1].eval()
    layers[0].weight.requires_grad_(False)
    return layers


def flags(layers) -> list[bool]:
    return [module.training for module in layers.modules()] + [value.requires_grad for value in layers.parameters()]


@pytest.mark.parametrize("training", [True, False])
def test_mode_reaches_every_layer_and_is_undone_layer_by_layer(training):
    layers = network()
    before = flags(layers)
    with pytest.raises(KeyError), mode(layers, training):
        assert {module.training for module in layers.modules()} == {training}
        raise KeyError
    assert flags(layers) == before


def test_frozen_stops_gradients_to_weights_but_not_through_them():
    layers, x = network(), torch.ones(1, 2, requires_grad=True)
    before = flags(layers)
    with frozen(layers):
        layers(x).sum().backward()
    assert x.grad is not None and all(value.grad is None for value in layers.parameters())
    assert flags(layers) == before


def test_as_in_training_batch_statistics_act_and_running_ones_stay():
    norm = nn.BatchNorm2d(2).eval()
    x = torch.randn(4, 2, 8, 8)
    with pytest.raises(KeyError), as_in_training(norm):
        assert norm(x).mean().abs() < 1e-6
        raise KeyError
    assert not norm.training and norm.num_batches_tracked == 0 and norm.running_mean.abs().sum() == 0
    norm.train()(x)
    assert norm.num_batches_tracked == 1
