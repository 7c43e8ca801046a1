"""Improved precision and recall of sets of images (Kynkäänniemi et al., NeurIPS 2019)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cut.errors import UserError
from cut.evaluation.measures.frechet import check_comparable
from cut.measures import MEASURES

if TYPE_CHECKING:
    import numpy as np

    from cut.evaluation.features.feature_set import FeatureSet

NEIGHBOURS = 3  # as published
_BLOCK = 1024  # rows of the distance matrix that are in memory together


@MEASURES.register("precision", label="precision", needs="neighbours", higher_is_better=True)
def precision(real: FeatureSet, fake: FeatureSet, seed: int = 0) -> float | None:
    """Share of the translations that lie among the real images, 0 … 1: nearer to one than its third neighbour is.

    Returns:
        None where a side has only statistics.

    Raises:
        UserError: when the features are of different networks, or a side has too few images.
    """
    check_comparable(real, fake)
    if real.features is None or fake.features is None:
        return None
    return _covered(real.features, fake.features)


@MEASURES.register("recall", label="recall", needs="neighbours", higher_is_better=True)
def recall(real: FeatureSet, fake: FeatureSet, seed: int = 0) -> float | None:
    """Share of the real images that lie among the translations, 0 … 1; otherwise as `precision`."""
    return precision(fake, real, seed)


def _covered(centres: np.ndarray, points: np.ndarray) -> float:
    """Share of the points (M, D) within the distance of a centre (N, D) to its third neighbour among the centres."""
    import numpy as np

    if len(centres) <= NEIGHBOURS:
        raise UserError(f"Precision and recall need more than {NEIGHBOURS} images on each side, not {len(centres)}.")
    radii = np.concatenate([np.partition(rows, NEIGHBOURS, axis=1)[:, NEIGHBOURS] for rows in _rows(centres, centres)])
    inside = [(rows <= radii).any(axis=1) for rows in _rows(points, centres)]
    return float(np.concatenate(inside).mean())


def _rows(a: np.ndarray, b: np.ndarray):
    """Squared distances of all a (M, D) to all b (N, D), some rows (m, N) at a time."""
    import numpy as np

    b = b.astype(np.float64)
    for start in range(0, len(a), _BLOCK):
        part = a[start : start + _BLOCK].astype(np.float64)
        squares = np.square(part).sum(1)[:, None] + np.square(b).sum(1) - 2 * part @ b.T
        yield np.maximum(squares, 0)
