"""Dropout that several processes draw as one does."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cut.networks.layout import is_channels_last
from cut.processes.dealing import dealt, is_dealt


class Dropout(nn.Dropout):
    """PyTorch's own, on (B, C, H, W); each process of a run that trains together drops what one process would drop in
    its images."""

    def forward(self, maps: Tensor) -> Tensor:
        if not self.training or not is_dealt(maps.shape[0]):
            return super().forward(maps)
        layout = torch.channels_last if is_channels_last(maps) else torch.contiguous_format

        def kept(images: int) -> Tensor:
            ones = torch.ones((images, *maps.shape[1:]), dtype=maps.dtype, device=maps.device)
            return F.dropout(ones.contiguous(memory_format=layout), self.p)

        return maps * dealt(kept, maps.shape[0])
