"""Initial weights by their command-line name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cut.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor, nn

INITIALISATIONS: dict[str, Callable[[Tensor, float], object]] = {
    "normal": lambda weight, gain: torch.nn.init.normal_(weight, 0.0, gain),
    "xavier": lambda weight, gain: torch.nn.init.xavier_normal_(weight, gain=gain),
    "kaiming": lambda weight, gain: torch.nn.init.kaiming_normal_(weight, a=0, mode="fan_in"),
    "orthogonal": lambda weight, gain: torch.nn.init.orthogonal_(weight, gain=gain),
}


def initialise(network: nn.Module, kind: str = "xavier", gain: float = 0.02, zero_biases: bool = True) -> nn.Module:
    """Draw new weights for every convolution, linear layer, batch norm and affine instance norm, in place, from the
    global generator.

    Convolutions and linear layers follow `kind`, but for those that start at zero (`starts_at_zero`); the weights of
    these norms are N(1, gain) and their biases 0. Layers of other types, such as the equalised ones of StyleGAN2, keep
    the weights they were made with.

    Args:
        kind: `normal`, `xavier`, `kaiming` or `orthogonal`.
        gain: standard deviation (`normal`) or scale (`xavier`, `orthogonal`); `kaiming` has none.
        zero_biases: biases of convolutions and linear layers are 0; else they keep PyTorch's uniform start, as in
            programs from before 2018.
    """
    from cut.networks.instance_norm import InstanceNorm  # only now: it needs PyTorch, and --help does not

    for layer in network.modules():
        if isinstance(layer, (torch.nn.Conv2d, torch.nn.ConvTranspose2d, torch.nn.Linear)):
            if getattr(layer, "starts_at_zero", False):
                torch.nn.init.zeros_(layer.weight)
            else:
                INITIALISATIONS[kind](layer.weight, gain)
            if layer.bias is not None and zero_biases:
                torch.nn.init.zeros_(layer.bias)
        elif isinstance(layer, (torch.nn.BatchNorm2d, InstanceNorm)) and layer.affine:
            torch.nn.init.normal_(layer.weight, 1.0, gain)
            torch.nn.init.zeros_(layer.bias)
    return network
