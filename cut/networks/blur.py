"""Anti-aliased resampling by a factor of 2 (Zhang, "Making Convolutional Networks Shift-Invariant Again", ICML 2019).

Both layers have fixed filters. Published weight files list them as buffers named `filt`, one copy a channel; here they
are made when weights are exported (`constant_buffers`).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cut.networks.depthwise import depthwise_filter
from cut.networks.padding import reflect


class BlurDown(nn.Module):
    """(B, C, H, W) → (B, C, ⌈H/2⌉, ⌈W/2⌉): blur with [1,2,1]⊗[1,2,1]/16, edges reflected, and keep every second pixel.

    Args:
        channels: C.
    """

    kernel: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.register_buffer("kernel", _outer_square([1.0, 2.0, 1.0]) / 16, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return depthwise_filter(reflect(x, 1), self.kernel, stride=2)

    def constant_buffers(self) -> dict[str, Tensor]:
        return {"filt": self.kernel.expand(self.channels, 1, -1, -1).clone()}


class BlurUp(nn.Module):
    """(B, C, H, W) → (B, C, 2H, 2W): interpolate with [1,3,3,1]⊗[1,3,3,1]/16 and replicated edges.

    Args:
        channels: C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        # The filter's weights, 3/4 and 1/4, are those of bilinear interpolation with half-pixel centres.
        return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)

    def constant_buffers(self) -> dict[str, Tensor]:
        return {"filt": (_outer_square([1.0, 3.0, 3.0, 1.0]) / 16).expand(self.channels, 1, -1, -1).clone()}


def _outer_square(taps: list[float]) -> Tensor:
    row = torch.tensor(taps)
    return torch.outer(row, row)
