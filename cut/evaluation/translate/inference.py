"""Run a network without training it, and leave it as it was found."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from cut.networks.mode import mode


@contextmanager
def inference(network: nn.Module, training: bool = False) -> Iterator[None]:
    """Inside, `network` keeps no graph and is in train mode (`training`) or evaluation mode; afterwards as before.

    The published `test.py` translates in train mode unless `--eval` is given: batch norm normalises by the current
    image and dropout is active. Either way running statistics do not change: translating never alters a network.
    """
    with mode(network, training), torch.inference_mode():
        moving: list[Any] = [
            layer for layer in network.modules() if layer.training and getattr(layer, "track_running_stats", False)
        ]
        for layer in moving:
            layer.track_running_stats = False  # in train mode only this decides whether they are updated
        try:
            yield
        finally:
            for layer in moving:
                layer.track_running_stats = True
