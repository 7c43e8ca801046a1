"""The kernel distance between two sets of images (Bińkowski et al., ICLR 2018; with Inception's features, the KID)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cut.errors import UserError
from cut.evaluation.measures.frechet import check_comparable
from cut.measures import MEASURES

if TYPE_CHECKING:
    import numpy as np

    from cut.evaluation.features.feature_set import FeatureSet

_MOST_IMAGES = 10_000  # of a side; more would take time, and 100 subsets of 1,000 use no more
_BLOCK = 1024  # rows of the kernel matrix that are in memory together


@MEASURES.register("kernel", label="KD", inception_label="KID", needs="features", higher_is_better=False)
def kernel_distance(
    a: FeatureSet, b: FeatureSet, seed: int = 0, subsets: int = 100, subset_size: int = 1000
) -> tuple[float, float] | None:
    """Squared maximum mean discrepancy under the kernel (x·y/D + 1)³, unbiased, over random subsets.

    Unlike the Fréchet distance it is unbiased: its expectation does not depend on the number of images, and it is
    around 0, on either side, for two sets of the same distribution.

    Args:
        seed: decides the subsets.
        subset_size: images of each side in a subset, at most half of the smaller set: larger subsets of few images are
            all nearly the same, and their spread would understate the uncertainty.

    Returns:
        Mean and standard deviation over the subsets; None where a set has only statistics, as pytorch-fid's files.

    Raises:
        UserError: when a set has fewer than two images, or the sets have features of different networks.
    """
    import numpy as np

    check_comparable(a, b)
    if a.features is None or b.features is None:
        return None
    sides = (a.features, b.features)
    for features in sides:
        if len(features) < 2:
            raise UserError(f"A kernel distance needs at least two images on each side, not {len(features)}.")
    rng = np.random.default_rng(seed)
    x, y = (_at_most(features, rng).astype(np.float64) for features in sides)
    smaller = min(len(x), len(y))
    size = min(subset_size, max(2, smaller // 2))
    in_x, in_y = (_memberships(len(features), size, subsets, rng) for features in (x, y))
    within = (_subset_sums(x, x, in_x, in_x, True) + _subset_sums(y, y, in_y, in_y, True)) / (size * (size - 1))
    values = within - 2 * _subset_sums(x, y, in_x, in_y, False) / size**2  # (subsets,)
    return float(values.mean()), float(values.std())


def _at_most(features: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if len(features) <= _MOST_IMAGES:
        return features
    return features[rng.choice(len(features), _MOST_IMAGES, replace=False)]


def _memberships(count: int, size: int, subsets: int, rng: np.random.Generator) -> np.ndarray:
    """(subsets, count): 1 where the image is in the subset, else 0."""
    import numpy as np

    members = np.zeros((subsets, count))
    for row in members:
        row[rng.choice(count, size, replace=False)] = 1
    return members


def _subset_sums(x: np.ndarray, y: np.ndarray, in_x: np.ndarray, in_y: np.ndarray, same: bool) -> np.ndarray:
    """Sum of the kernel over the pairs of each subset, (subsets,); within one set without the diagonal.

    Every pair of images is computed once for all subsets.
    """
    import numpy as np

    sums = np.zeros(len(in_x))
    for start in range(0, len(x), _BLOCK):
        rows = slice(start, start + _BLOCK)
        kernel = (x[rows] @ y.T / x.shape[1] + 1) ** 3  # (block, N_y)
        if same:
            kernel[np.arange(len(kernel)), np.arange(start, start + len(kernel))] = 0
        sums += ((in_x[:, rows] @ kernel) * in_y).sum(axis=1)
    return sums
