"""A feature extractor without weights to download: the mean colours of nine parts of an image."""

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from cut.evaluation.features.extractor import Extractor
from cut.registry import Entry

NAME = "colours"


class Colours(Extractor):
    """27 features: red, green and blue, from 0 to 1, of the parts of a 3×3 grid."""

    def __init__(self) -> None:
        super().__init__("Colours", 27, "colours 1", nn.Identity())

    def prepare(self, images: Tensor) -> Tensor:
        return adaptive_avg_pool2d(images, 3)

    def describe(self, prepared: Tensor) -> Tensor:
        return prepared.flatten(1).to(torch.float32)


ENTRY = Entry(NAME, Colours)
