"""Differences of pixels where both images show the same place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cut.lazy import functional as F

if TYPE_CHECKING:
    from torch import Tensor


def l1(made: Tensor, real: Tensor, valid: Tensor | None = None) -> Tensor:
    """Mean absolute difference of (B, C, H, W), a scalar; with a mask the mean over images of that where there is data.

    Args:
        valid: bool (B, 1, H, W), False for pixels that do not count; None: all do. An image without data adds 0.
    """
    if valid is None:
        return F.l1_loss(made, real)
    weights = valid.to(made.dtype)
    sums = ((made - real).abs() * weights).sum((1, 2, 3))
    counts = made.shape[1] * weights.sum((1, 2, 3))
    return (sums / counts.clamp(min=1)).mean()
