"""How well the classes of pixels agree: the scores of Cityscapes and Pascal VOC, over the pixels of all images.

Means leave out a class that has no score: no accuracy without true pixels, no IoU with neither true nor predicted ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cut.measures import MEASURES

if TYPE_CHECKING:
    from cut.evaluation.comparison.confusion import Confusion


@MEASURES.register("pixel_accuracy", label="pixel accuracy", needs="palette", higher_is_better=True)
def pixel_accuracy(confusion: Confusion) -> float:
    """Share of pixels whose class is predicted correctly, 0 … 1."""
    return float(confusion.right.sum() / confusion.pixels)


@MEASURES.register("class_accuracy", label="class accuracy", needs="palette", higher_is_better=True)
def class_accuracy(confusion: Confusion) -> float:
    """Share of the pixels of a class that are predicted correctly, averaged over the classes, 0 … 1."""
    import numpy as np

    return float(np.nanmean(confusion.accuracies))


@MEASURES.register("mean_iou", label="mean IoU", needs="palette", higher_is_better=True)
def mean_iou(confusion: Confusion) -> float:
    """Intersection over union of the true and the predicted pixels of a class, averaged over the classes, 0 … 1."""
    import numpy as np

    return float(np.nanmean(confusion.ious))
