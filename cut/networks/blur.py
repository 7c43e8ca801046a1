"""Anti-aliased resampling by a factor of 2 (Zhang, "Making Convolutional Networks Shift-Invariant Again", ICML 2019).

Both layers have fixed filters. Published weight files list them as buffers named `filt`; here they are implied by the
computation and only written when weights are exported (`constant_buffers`).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def _outer(taps: list[float], channels: int, scale: float) -> Tensor:
    row = torch.tensor(taps)
    return (row[:, None] * row[None, :] * scale).expand(channels, 1, -1, -1).clone()


class BlurDown(nn.Module):
    """(B, C, H, W) → (B, C, ⌈H/2⌉, ⌈W/2⌉): blur with [1,2,1]⊗[1,2,1]/16 and keep every second pixel.

    Args:
        channels: C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        # [1,2,1]/4 is [1,1]/2 twice: two average pools, the second of stride 2.
        x = F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), 2, stride=1)
        return F.avg_pool2d(x, 2, stride=2)

    def constant_buffers(self) -> dict[str, Tensor]:
        return {"filt": _outer([1.0, 2.0, 1.0], self.channels, 1 / 16)}


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
        return {"filt": _outer([1.0, 3.0, 3.0, 1.0], self.channels, 1 / 16)}
