"""Counts of pixels by true and predicted class, from which the segmentation scores follow."""

from collections.abc import Sequence

import numpy as np

from cut.evaluation.comparison.palette import VOID
from cut.measures import MEASURES, Needs


class Confusion:
    """Counts of pixels by true and predicted class, over a whole set of images.

    Scores follow from the summed counts, as for Cityscapes and Pascal VOC. They are not averages over images, in which
    images that hold few pixels of a rare class would dominate its score.

    Attributes:
        matrix: int64 (classes, classes + 1): row by truth, column by prediction, the last one for predicted void.
        void: pixels whose truth is void; they are not in the matrix.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self.classes = tuple(classes)
        self.matrix = np.zeros((len(self.classes), len(self.classes) + 1), dtype=np.int64)
        self.void = 0

    def add(self, true: np.ndarray, predicted: np.ndarray) -> None:
        """Count one image, or several.

        Args:
            true: number of the class of each pixel; those below 0 (void) only add to `void`.
            predicted: likewise, of the same shape; void where the truth has a class is wrong.
        """
        count = len(self.classes)
        if true.shape != predicted.shape:
            raise ValueError(f"true classes of shape {true.shape} and predicted ones of shape {predicted.shape}")
        if max(true.max(initial=VOID), predicted.max(initial=VOID)) >= count:
            raise ValueError(f"there is a class number above {count - 1}")
        counted = true >= 0
        self.void += int(counted.size - np.count_nonzero(counted))
        columns = np.where(predicted < 0, count, predicted)[counted].astype(np.int64)
        cells = true[counted].astype(np.int64) * (count + 1) + columns
        self.matrix += np.bincount(cells, minlength=self.matrix.size).reshape(self.matrix.shape)

    @property
    def pixels(self) -> int:
        """Number of pixels counted so far, without void."""
        return int(self.matrix.sum())

    @property
    def right(self) -> np.ndarray:
        """Correctly predicted pixels of each class, int64 (classes,)."""
        return self.matrix.diagonal()

    @property
    def accuracies(self) -> np.ndarray:
        """Share of each class's pixels predicted correctly, float64 (classes,); NaN for a class that is not in
        the truth."""
        with np.errstate(invalid="ignore"):  # 0 / 0
            return self.right / self.matrix.sum(axis=1)

    @property
    def ious(self) -> np.ndarray:
        """Intersection over union, float64 (classes,); NaN for a class that is neither true nor predicted anywhere."""
        true, predicted = self.matrix.sum(axis=1), self.matrix.sum(axis=0)[:-1]
        with np.errstate(invalid="ignore"):
            return self.right / (true + predicted - self.right)

    def scores(self, needs: Needs = "palette") -> dict[str, float]:
        """The measures with this need ("palette" or "segmenter"), by name; empty when no pixel was counted."""
        if not self.pixels:
            return {}
        return {measure.name: measure.compute(self) for measure in MEASURES.needing(needs)}

    def by_class(self) -> dict[str, dict[str, float | int | None]]:
        """`{"pixels": true ones, "accuracy": …, "IoU": …}` of each class by name; None for a missing score."""
        accuracies, ious = (
            [None if np.isnan(score) else float(score) for score in scores] for scores in (self.accuracies, self.ious)
        )
        pixels = map(int, self.matrix.sum(axis=1))
        rows = zip(self.classes, pixels, accuracies, ious, strict=True)
        return {name: {"pixels": count, "accuracy": accuracy, "IoU": iou} for name, count, accuracy, iou in rows}


def resize_nearest(labels: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """(h, w) → (H, W) = `shape`: each pixel takes the value under its centre."""
    rows, columns = ((2 * np.arange(new) + 1) * old // (2 * new) for old, new in zip(labels.shape, shape, strict=True))
    return labels[rows][:, columns]
