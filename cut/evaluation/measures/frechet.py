"""The Fréchet distance between two sets of images (Heusel et al., NeurIPS 2017; with Inception's features, the FID)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from cut.errors import UserError
from cut.measures import MEASURES

if TYPE_CHECKING:
    from cut.evaluation.features.feature_set import FeatureSet


@MEASURES.register("frechet", label="FD", inception_label="FID", needs="features", higher_is_better=False)
def frechet_distance(a: FeatureSet, b: FeatureSet, seed: int = 0) -> float:
    """|μ_a − μ_b|² + tr(Σ_a + Σ_b − 2 (Σ_a Σ_b)^½): the squared 2-Wasserstein distance of the fitted Gaussians.

    The published code takes the matrix square root of Σ_a Σ_b, which is singular when there are fewer images than
    features: the result is then complex, infinite, or depends on SciPy's version. With Σ = RᵀR the trace of that root
    is the sum of the singular values of R_a R_bᵀ, which are real and accurate whatever the rank, and as many as there
    are images.

    It is deterministic, whatever the seed.

    Returns:
        ≥ 0; NaN when a feature is not finite.

    Raises:
        UserError: when a set has fewer than two images, or the sets have features of different networks.
    """
    import numpy as np

    check_comparable(a, b)
    offset = a.mean - b.mean
    overlap = a.root @ b.root.T  # (R_a, R_b)
    if not np.isfinite(overlap).all():
        return math.nan
    shared = np.linalg.svd(overlap, compute_uv=False).sum()
    return max(0.0, float(offset @ offset + a.variance + b.variance - 2 * shared))


def check_comparable(a: FeatureSet, b: FeatureSet) -> None:
    """
    Raises:
        UserError: when the features are of different networks; it names both.
    """
    if a.title != b.title or a.mean.shape != b.mean.shape:
        raise UserError(
            f"Features of {a.title} ({a.mean.size}) and of {b.title} ({b.mean.size}) cannot be compared: measure both "
            "sets with the same --feature_extractor."
        )
