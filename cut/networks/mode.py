"""Switch a network's mode or gradients inside a block, and restore them after it, also after an error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn


@contextmanager
def mode(network: nn.Module, training: bool) -> Iterator[None]:
    """Inside the block every layer is in training mode, or in evaluation mode; afterwards as it was."""
    before = {module: module.training for module in network.modules()}
    network.train(training)
    try:
        yield
    finally:
        for module, was_training in before.items():
            module.training = was_training


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """What is computed inside the block sends no gradient to the network's parameters, only through it."""
    trainable = [parameter for parameter in network.parameters() if parameter.requires_grad]
    for parameter in trainable:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in trainable:
            parameter.requires_grad_(True)


@contextmanager
def as_in_training(network: nn.Module) -> Iterator[None]:
    """Inside the block the network is in training mode, so that dropout acts and batch norm normalises by the images
    at hand; yet the running statistics stay as they are."""
    with mode(network, training=True):
        moving: list[Any] = [layer for layer in network.modules() if getattr(layer, "track_running_stats", False)]
        for layer in moving:
            layer.track_running_stats = False  # in training mode only this decides whether they are updated
        try:
            yield
        finally:
            for layer in moving:
                layer.track_running_stats = True
