"""Distances between images, and the loss that keeps them through a translation.

Benaim and Wolf, "One-Sided Unsupervised Domain Mapping", NIPS 2017. The distance of two images, or of two batches of
one shape, is the mean |x − y| over all their values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from cut.lazy import functional as F
from cut.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor

PIECE = 4096  # values of every batch that are compared at a time: sums in float32 stay short


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation of the distances in a domain, by which they are normalised; 0 and 1 leave them."""

    mean: float = 0.0
    deviation: float = 1.0

    @classmethod
    def of(cls, distances: Tensor) -> Spread:
        """That of measured distances, (n,); the deviation is the population's (÷ n)."""
        distances = distances.double()
        return cls(distances.mean().item(), distances.std(correction=0).item())

    def normalise(self, distances: Tensor) -> Tensor:
        return (distances - self.mean) / self.deviation


def pair_distances(images: Tensor) -> Tensor:
    """The distance of every two images of a batch (B, C, H, W): (B (B − 1) / 2,)."""
    return torch.stack([F.l1_loss(one, other) for one, other in combinations(images.split(1), 2)])


def half_distance(images: Tensor) -> Tensor:
    """The distance between the top and the bottom halves of a batch (B, C, H, W), taken over all of it: (1,).

    The row in the middle of an odd number of rows belongs to neither half.
    """
    half = images.shape[2] // 2
    top, _, bottom = images.split([half, images.shape[2] - 2 * half, half], 2)
    return F.l1_loss(top, bottom).view(1)


def batch_distances(batches: Sequence[Tensor], device: torch.device | str | None = None) -> Tensor:
    """The distance of every two of n batches of one shape: (n (n − 1) / 2,) in float64.

    Args:
        batches: (B, C, H, W) each.
        device: where to compute; None for that of the batches.
    """
    rows = [batch.flatten() for batch in batches]
    total = torch.zeros((), dtype=torch.float64, device=rows[0].device if device is None else device)
    for start in range(0, len(rows[0]), PIECE):
        piece = torch.stack([row[start : start + PIECE] for row in rows]).to(total.device)
        total = total + torch.pdist(piece, p=1).double()
    return total / len(rows[0])


def distance_loss(source: Tensor, translation: Tensor, of_source: Spread, of_target: Spread) -> Tensor:
    """How much a translation changes normalised distances: mean |z(source) − z(translation)|.

    Args:
        source, translation: (n,) distances in the images of a domain and in their translations.
        of_source, of_target: of the domains that they belong to.
    """
    return (of_source.normalise(source) - of_target.normalise(translation)).abs().mean()
