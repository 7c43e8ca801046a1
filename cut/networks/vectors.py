"""Vectors of unit length."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def unit_length(vectors: Tensor) -> Tensor:
    """Divide vectors (…, C) by their L2 norm + 1e-7."""
    return vectors / (vectors.norm(dim=-1, keepdim=True) + 1e-7)
