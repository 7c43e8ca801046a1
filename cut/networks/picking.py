"""Vectors of a feature map at some positions, taken while the map passes by."""

from typing import Any

import torch
from torch import Tensor

from cut.networks.layout import is_channels_last


def pick(x: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
    """A map for what follows, and its vectors at positions.

    The gradient of the vectors is added to that of the map where they are from. Indexing the map afterwards instead
    makes a gradient of its size that is almost everywhere zero.

    Args:
        x: (B, C, H, W).
        positions: (B, P) integers in [0, H·W), row-major, none of them twice for an image.

    Returns:
        x and (B, P, C).
    """
    return _Pick.apply(x, positions)


def vectors_at(x: Tensor, positions: Tensor) -> Tensor:
    """The vectors alone, see `pick`."""
    return _vectors(x)[_images(positions), positions]


class _Pick(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(positions)
        ctx.shape, ctx.layout = x.shape, torch.channels_last if is_channels_last(x) else torch.contiguous_format
        same = x.permute(0, 1, 2, 3)  # unlike other views it keeps the strides where there is one image
        return same, vectors_at(x, positions)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor | None, of_vectors: Tensor | None) -> tuple[Tensor | None, None]:
        if of_vectors is None:
            return gradient, None
        (positions,) = ctx.saved_tensors
        # A copy, as another function may have been given the same gradient. Its layout is named, because that of one
        # image cannot be told from every stride, and then PyTorch's kernels take ten times as long.
        if gradient is None:
            own = torch.zeros_like(of_vectors.new_empty(ctx.shape), memory_format=ctx.layout)
        else:
            own = gradient.clone(memory_format=ctx.layout)
        _vectors(own).index_put_((_images(positions), positions), of_vectors.to(own.dtype), accumulate=True)
        return own, None


def _vectors(x: Tensor) -> Tensor:
    """(B, C, H, W) → (B, H·W, C), without a copy."""
    return x.permute(0, 2, 3, 1).flatten(1, 2) if is_channels_last(x) else x.flatten(2).transpose(1, 2)


def _images(positions: Tensor) -> Tensor:
    return torch.arange(len(positions), device=positions.device)[:, None]
