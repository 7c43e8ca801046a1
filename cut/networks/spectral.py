"""Spectral normalisation (Miyato et al., "Spectral Normalization for Generative Adversarial Networks", ICLR 2018)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cut.lazy import torch

if TYPE_CHECKING:
    from torch import nn


def normalise_spectrally(network: nn.Module) -> bool:
    """Divide the weight of every convolution and linear layer by its largest singular value, in place.

    The singular vectors are estimated by one power iteration per forward pass in train mode (algorithm 1), and saved
    with the weights.

    Returns:
        Whether the network has such a layer.
    """
    kinds = (torch.nn.Conv2d, torch.nn.ConvTranspose2d, torch.nn.Linear)
    layers = [layer for layer in network.modules() if isinstance(layer, kinds)]
    for layer in layers:
        torch.nn.utils.parametrizations.spectral_norm(layer)
    return bool(layers)
