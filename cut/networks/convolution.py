"""The 3×3 convolutions of the ResNet generators."""

import torch
from torch import Tensor, nn

from cut.networks.winograd import convolve

CHANNELS, AREA = 128, 32 * 32
"""Fewest input and output channels, and fewest pixels of a map, for which minimal filtering is faster (measured without
AVX-512)."""


class Conv3x3(nn.Conv2d):
    """3×3, stride 1: (B, C, H, W) to (B, K, H + 2 padding − 2, W + 2 padding − 2).

    Args:
        channels, out: C and K.
        padding: zeros on each side.
        bias: add a number to each output channel.

    Attributes:
        minimal: in training, compute large maps of many channels by minimal filtering (`cut.networks.winograd`).
    """

    def __init__(self, channels: int, out: int, padding: int = 0, bias: bool = True) -> None:
        super().__init__(channels, out, 3, padding=padding, bias=bias)
        self.minimal = False

    def forward(self, x: Tensor) -> Tensor:
        if not self._is_faster_minimal(x):
            return super().forward(x)
        y = convolve(x, self.weight, int(self.padding[0]))
        return y if self.bias is None else y + self.bias[:, None, None]

    def _is_faster_minimal(self, x: Tensor) -> bool:
        if not self.minimal or not torch.is_grad_enabled() or torch.compiler.is_compiling():
            return False
        height, width = x.shape[2:]
        return (
            x.dtype == self.weight.dtype == torch.float32
            and x.is_contiguous()
            and min(self.in_channels, self.out_channels) >= CHANNELS
            and height * width >= AREA
            and height % 2 == width % 2 == 0
        )
