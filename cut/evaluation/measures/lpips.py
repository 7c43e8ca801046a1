"""Learned perceptual distance of a translation to the real image it is paired with (Zhang et al., CVPR 2018)."""

from __future__ import annotations

from collections.abc import Sequence

from cut.measures import MEASURES


@MEASURES.register("lpips", label="LPIPS", needs="perceptual", higher_is_better=False)
def lpips(distances: Sequence[float]) -> float:
    """The mean over the pairs, ≥ 0; 0 for equal images."""
    return float(sum(distances) / len(distances))
