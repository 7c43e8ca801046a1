"""Batch norm whose batch, in a training step, is that of all processes that train together."""

import torch
from torch import Tensor, nn

from cut.processes.dealing import in_shared_step
from cut.processes.group import count, summed


class BatchNorm(nn.BatchNorm2d):
    """(B, C, H, W) → the same shape, normalised over B, H and W, affine; running statistics in evaluation mode.

    Ioffe and Szegedy, ICML 2015. In one process, and outside of training steps, it is PyTorch's own: what only some
    processes translate must not wait for the others.
    """

    def forward(self, maps: Tensor) -> Tensor:
        if not self.training or not in_shared_step():
            return super().forward(maps)
        precise = maps if maps.dtype == torch.float64 else maps.float()
        number = count() * maps.numel() // maps.shape[1]  # of values in each channel's mean
        mean = summed(precise.sum((0, 2, 3))) / number
        centred = precise - mean[:, None, None]
        variance = summed(centred.square().sum((0, 2, 3))) / number
        self._remember(mean.detach(), variance.detach() * number / (number - 1))
        scale = self.weight * (variance + self.eps).rsqrt()
        return (centred * scale[:, None, None] + self.bias[:, None, None]).to(maps.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        assert self.running_mean is not None and self.running_var is not None and self.momentum is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
        self.running_var.lerp_(variance.to(self.running_var.dtype), self.momentum)
