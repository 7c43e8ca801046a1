"""Sums and gathered tensors of several processes, with gradients.

The loss of a run is the mean of the processes' losses, and gradients are averaged after the backward pass: what comes
back to a value here is the sum of what all processes ask of it.
"""

from typing import Any

import torch
from torch import Tensor

from cut.processes.group import count, own_share, talk


class Sum(torch.autograd.Function):
    """See `cut.processes.group.summed`."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        total = values.clone(memory_format=torch.contiguous_format)
        talk(torch.distributed.all_reduce, total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return Sum.apply(gradient)


class Gather(torch.autograd.Function):
    """See `cut.processes.group.gathered`."""

    @staticmethod
    def forward(ctx: Any, images: Tensor) -> Tensor:
        ctx.own = own_share(len(images))
        parts = [torch.empty_like(images, memory_format=torch.contiguous_format) for _ in range(count())]
        talk(torch.distributed.all_gather, parts, images.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return Sum.apply(gradient)[ctx.own]
