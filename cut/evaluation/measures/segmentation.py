"""How well classes of pixels agree: accuracies and intersection over union from one confusion matrix of all images."""

from collections.abc import Sequence

import numpy as np

from cut.evaluation.measures.palette import VOID
from cut.measures import MEASURES


class Confusion:
    """Counts of pixels by true and predicted class, over a whole set of images.

    Scores of the sums, not averages of scores by image: that is how Cityscapes and Pascal VOC are evaluated, and a rare
    class is then not decided by the images in which it is tiny.

    Args:
        classes: their names.

    Attributes:
        matrix: int64 (classes, classes + 1): row by truth, column by prediction, the last one for predicted void.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self.classes = tuple(classes)
        self.matrix = np.zeros((len(self.classes), len(self.classes) + 1), dtype=np.int64)

    def add(self, true: np.ndarray, predicted: np.ndarray) -> None:
        """Count one image, or several.

        Args:
            true: number of the class of each pixel; pixels below 0 (void) are not counted.
            predicted: likewise, of the same shape; void where the truth has a class is wrong.
        """
        count = len(self.classes)
        if true.shape != predicted.shape:
            raise ValueError(f"true classes of shape {true.shape} and predicted ones of shape {predicted.shape}")
        if max(true.max(initial=VOID), predicted.max(initial=VOID)) >= count:
            raise ValueError(f"there is a class number above {count - 1}")
        counted = true >= 0
        columns = np.where(predicted < 0, count, predicted)[counted].astype(np.int64)
        cells = true[counted].astype(np.int64) * (count + 1) + columns
        self.matrix += np.bincount(cells, minlength=self.matrix.size).reshape(self.matrix.shape)

    @property
    def pixels(self) -> int:
        """How many have been counted."""
        return int(self.matrix.sum())

    def scores(self) -> dict[str, float]:
        """Pixel accuracy, class accuracy and mean IoU in 0 … 1, by their labels in `cut.measures`.

        A class that is not in the truth has no accuracy, one that is neither there nor predicted no IoU; the means
        leave it out. Empty when no pixel was counted.
        """
        if not self.pixels:
            return {}
        accuracies, ious = self._class_scores()
        scores = {
            "pixel_accuracy": self._right().sum() / self.pixels,
            "class_accuracy": np.nanmean(accuracies),
            "mean_iou": np.nanmean(ious),
        }
        return {MEASURES[name].label: float(score) for name, score in scores.items()}

    def by_class(self) -> dict[str, dict[str, float | int | None]]:
        """`{"pixels": true ones, "accuracy": …, "IoU": …}` of each class by name; None for what it does not have."""
        accuracies, ious = (
            [None if np.isnan(score) else float(score) for score in scores] for scores in self._class_scores()
        )
        pixels = map(int, self.matrix.sum(axis=1))
        return {
            name: {"pixels": count, "accuracy": accuracy, "IoU": iou}
            for name, count, accuracy, iou in zip(self.classes, pixels, accuracies, ious, strict=True)
        }

    def _right(self) -> np.ndarray:
        return self.matrix.diagonal()

    def _class_scores(self) -> tuple[np.ndarray, np.ndarray]:
        """Accuracy and IoU of each class; NaN for what it does not have."""
        true, predicted = self.matrix.sum(axis=1), self.matrix.sum(axis=0)[:-1]
        with np.errstate(invalid="ignore"):  # 0 / 0
            return self._right() / true, self._right() / (true + predicted - self._right())
