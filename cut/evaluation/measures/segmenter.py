"""How well a segmentation network recognises the label maps in photographs that were made from them (Cityscapes).

The CUT paper's table 1 calls these mAP, pixAcc and classAcc. They are shares, 0 … 1; the papers print percent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cut.evaluation.measures.segmentation import class_accuracy, mean_iou, pixel_accuracy
from cut.measures import MEASURES

if TYPE_CHECKING:
    from cut.evaluation.comparison.confusion import Confusion


@MEASURES.register("drn_mean_iou", label="DRN mean IoU", needs="segmenter", higher_is_better=True)
def drn_mean_iou(confusion: Confusion) -> float:
    """The papers' "mAP": as `mean_iou`."""
    return mean_iou(confusion)


@MEASURES.register("drn_pixel_accuracy_all", label="DRN pixel accuracy, all", needs="segmenter", higher_is_better=True)
def drn_pixel_accuracy_all(confusion: Confusion) -> float:
    """Share of all pixels whose class is recognised; those that are void in the label map count as wrong.

    The papers' "pixAcc" is very probably this one: the public scripts divide by all pixels.
    """
    return float(confusion.right.sum() / (confusion.pixels + confusion.void))


@MEASURES.register(
    "drn_pixel_accuracy_valid", label="DRN pixel accuracy, valid", needs="segmenter", higher_is_better=True
)
def drn_pixel_accuracy_valid(confusion: Confusion) -> float:
    """Share of the pixels that are not void whose class is recognised."""
    return pixel_accuracy(confusion)


@MEASURES.register("drn_class_accuracy", label="DRN class accuracy", needs="segmenter", higher_is_better=True)
def drn_class_accuracy(confusion: Confusion) -> float:
    """The papers' "classAcc": as `class_accuracy`."""
    return class_accuracy(confusion)
