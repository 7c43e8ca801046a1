"""Reflected edges keep the type and the layout of an image."""

import torch

from cut.networks.layout import is_channels_last
from cut.networks.padding import reflect


def test_it_keeps_bfloat16_under_autocast():
    x = torch.randn(1, 2, 8, 8).bfloat16().contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        y = reflect(x, 1)
    assert y.dtype == torch.bfloat16 and is_channels_last(y)
