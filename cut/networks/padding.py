"""Reflected edges, in the type that an image has."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cut.precision import exact


class ReflectionPad(nn.Module):
    """(B, C, H, W) → (B, C, H + 2 n, W + 2 n), mirrored at the edge pixels, which are not repeated.

    Args:
        n: pixels on every side, fewer than H and W.
    """

    def __init__(self, n: int) -> None:
        super().__init__()
        self.n = n

    def forward(self, x: Tensor) -> Tensor:
        return reflect(x, self.n)


def reflect(x: Tensor, n: int) -> Tensor:
    """See `ReflectionPad`. For the backward pass it keeps no map: only the size matters there.

    Raises:
        RuntimeError: when an image is not larger than n.
    """
    if n and x.requires_grad and torch.is_grad_enabled() and not torch.compiler.is_compiling():
        return _Reflect.apply(x, n, False)
    return _reflect(x, n)


def _reflect(x: Tensor, n: int) -> Tensor:
    with exact(x):  # autocast would make float32 of it, to copy it
        return F.pad(x, (n, n, n, n), mode="reflect")


class _Reflect(torch.autograd.Function):
    """Reflected edges; with `adjoint` their adjoint. The derivative of each is the other.

    PyTorch's own derivative keeps x, of which it needs the size, and takes longer on large maps.
    """

    @staticmethod
    def forward(x: Tensor, n: int, adjoint: bool) -> Tensor:
        return _fold(x, n) if adjoint else _reflect(x, n)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        _, ctx.n, ctx.adjoint = inputs

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple:
        return _Reflect.apply(gradient, ctx.n, not ctx.adjoint), None, None


def _fold(padded: Tensor, n: int) -> Tensor:
    """Cut the edges off, and add each pixel of them to the one that it mirrors."""
    x = _fold_columns(padded[:, :, n:-n], n)
    x[:, :, 1 : n + 1] += _fold_columns(padded[:, :, :n], n).flip(2)
    x[:, :, -n - 1 : -1] += _fold_columns(padded[:, :, -n:], n).flip(2)
    return x


def _fold_columns(padded: Tensor, n: int) -> Tensor:
    x = padded[..., n:-n].clone()
    x[..., 1 : n + 1] += padded[..., :n].flip(3)
    x[..., -n - 1 : -1] += padded[..., -n:].flip(3)
    return x
