"""Reflected edges, in one copy and in whatever layout and type an image has."""

from typing import Any

import torch
from torch import Tensor, nn

from cut.networks.layout import is_channels_last


class ReflectionPad(nn.Module):
    """(B, C, H, W) → (B, C, H + 2 n, W + 2 n), mirrored at the edge pixels, which are not repeated.

    What `nn.ReflectionPad2d` gives. PyTorch's makes float32 of bfloat16 images under autocast, and its derivative fills
    an image with zeros before it adds.

    Args:
        n: pixels on every side, fewer than H and W.
    """

    def __init__(self, n: int) -> None:
        super().__init__()
        self.n = n

    def forward(self, x: Tensor) -> Tensor:
        return reflect(x, self.n)


def reflect(x: Tensor, n: int) -> Tensor:
    """See `ReflectionPad`. Differentiable any number of times, without keeping the image.

    Raises:
        RuntimeError: when an image is not larger than n.
    """
    if min(x.shape[2:]) <= n:
        raise RuntimeError(f"images of {x.shape[3]}×{x.shape[2]} pixels have no {n} pixels beside the edge to mirror")
    return _Reflect.apply(x, n, False)


class _Reflect(torch.autograd.Function):
    """The padding or, with `back`, its adjoint: each is the derivative of the other."""

    @staticmethod
    def forward(x: Tensor, n: int, back: bool) -> Tensor:
        return _adjoint(x, n) if back else _reflected(x, n)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        _, ctx.n, ctx.back = inputs

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return _Reflect.apply(gradient, ctx.n, not ctx.back), None, None


def _reflected(x: Tensor, n: int) -> Tensor:
    images, channels, height, width = x.shape
    layout = torch.channels_last if is_channels_last(x) else torch.contiguous_format
    size = (images, channels, height + 2 * n, width + 2 * n)
    y = torch.empty(size, dtype=x.dtype, device=x.device, memory_format=layout)
    y[:, :, n:-n, n:-n] = x
    for i in range(1, n + 1):
        y[:, :, n - i, n:-n] = x[:, :, i]
        y[:, :, n + height - 1 + i, n:-n] = x[:, :, height - 1 - i]
    for i in range(1, n + 1):
        y[:, :, :, n - i] = y[:, :, :, n + i]
        y[:, :, :, n + width - 1 + i] = y[:, :, :, n + width - 1 - i]
    return y


def _adjoint(y: Tensor, n: int) -> Tensor:
    """Every pixel's sum over the places that it was copied to."""
    height, width = y.shape[2] - 2 * n, y.shape[3] - 2 * n
    layout = torch.channels_last if is_channels_last(y) else torch.contiguous_format
    x = y[:, :, n:-n, n:-n].clone(memory_format=layout)
    for i in range(1, n + 1):
        x[:, :, i] += _folded(y[:, :, n - i], n)
        x[:, :, height - 1 - i] += _folded(y[:, :, n + height - 1 + i], n)
        x[:, :, :, i] += y[:, :, n:-n, n - i]
        x[:, :, :, width - 1 - i] += y[:, :, n:-n, n + width - 1 + i]
    return x


def _folded(row: Tensor, n: int) -> Tensor:
    """The adjoint within one row (B, C, W + 2 n) → (B, C, W)."""
    width = row.shape[2] - 2 * n
    inner = row[:, :, n:-n].clone()
    for i in range(1, n + 1):
        inner[:, :, i] += row[:, :, n - i]
        inner[:, :, width - 1 - i] += row[:, :, n + width - 1 + i]
    return inner
