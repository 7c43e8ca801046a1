"""Run a network without training it, and leave it as it was found."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from cut.networks.mode import as_in_training, mode


@contextmanager
def inference(network: nn.Module, training: bool = False) -> Iterator[None]:
    """Inside, `network` keeps no graph and is in train mode (`training`) or evaluation mode; afterwards as before.

    The published `test.py` translates in train mode unless `--eval` is given: batch norm normalises by the current
    image and dropout is active. Either way running statistics do not change: translating never alters a network.
    """
    with as_in_training(network) if training else mode(network, training=False), torch.inference_mode():
        yield
