"""How feature maps lie in memory."""

import torch
from torch import Tensor


def is_channels_last(x: Tensor) -> bool:
    """Whether (B, C, H, W) lies in memory pixel by pixel and not channel by channel."""
    return x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()
