"""Fixed filters on every channel, the part that all anti-aliased resampling shares."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.grad import conv2d_input


def depthwise_filter(x: Tensor, kernel: Tensor, stride: int = 1, padding: int = 0) -> Tensor:
    """Convolve each channel with one constant kernel.

    Args:
        x: (B, C, H, W).
        kernel: (k, k); it gets no gradient.
        stride: of the convolution.
        padding: zeros on every side.

    Returns:
        (B, C, H', W'), H' = (H + 2 padding − k) // stride + 1. It can be differentiated any number of times, and keeps
        no feature map for that: a linear map's derivative needs only the kernel.
    """
    return _DepthwiseFilter.apply(x, kernel, stride, padding, None)


class _DepthwiseFilter(torch.autograd.Function):
    """Depthwise convolution with a constant kernel; with `size`, its adjoint, which makes a map of that shape.

    The derivative of each is the other. PyTorch's double derivative of a depthwise convolution also computes that of
    the kernel, channel by channel, needed or not: a fifth of a discriminator's step with R1, measured on a CPU.
    """

    @staticmethod
    def forward(x: Tensor, kernel: Tensor, stride: int, padding: int, size: torch.Size | None = None) -> Tensor:
        channels = x.shape[1]
        weight = kernel.to(x.dtype).expand(channels, 1, *kernel.shape)
        if size is None:
            return F.conv2d(x, weight, stride=stride, padding=padding, groups=channels)
        return conv2d_input(size, weight, x, stride=stride, padding=padding, groups=channels)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        x, kernel, ctx.stride, ctx.padding, size = inputs
        ctx.save_for_backward(kernel)
        ctx.size = x.shape if size is None else None

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple:
        (kernel,) = ctx.saved_tensors
        return _DepthwiseFilter.apply(gradient, kernel, ctx.stride, ctx.padding, ctx.size), None, None, None, None
