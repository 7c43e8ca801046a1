"""How much memory a translation needs and how much there is."""

import copy

import torch
from torch import nn

from cut.memory import LargestOperation, available_bytes

# Besides the input and output of the largest operation, there are skip connections, the allocator's slack and the
# workspace of convolutions: on a CPU, the peak is 1.5 times that operation for the ResNets and 2.25 times for the
# StyleGAN2 ones.
_SAFETY = 2.5
_PROBE_SIDE = 512  # pixels; large enough that weights do not count


def bytes_per_pixel(network: nn.Module, channels: int) -> float:
    """Working memory, in bytes per pixel of the image, of translating with `network`: an estimate on the safe side.

    Only shapes are needed: a copy of the network, which takes so many channels, runs on the meta device, where nothing
    is computed.
    """
    shadow = copy.deepcopy(network).to("meta")
    with torch.inference_mode(), LargestOperation() as largest:
        shadow(torch.empty(1, channels, _PROBE_SIDE, _PROBE_SIDE, device="meta"))
    return _SAFETY * largest.bytes / _PROBE_SIDE**2


def free_bytes(device: torch.device) -> float:
    """Memory that a translation on `device` may safely fill, in bytes; infinity when unknown."""
    share = {"cuda": 0.9, "cpu": 0.6}.get(device.type, 1.0)
    return share * available_bytes(device)
