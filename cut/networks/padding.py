"""Reflected edges, in the type that an image has."""

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
    """See `ReflectionPad`.

    Raises:
        RuntimeError: when an image is not larger than n.
    """
    with exact(x):  # autocast would make float32 of it, to copy it
        return F.pad(x, (n, n, n, n), mode="reflect")
