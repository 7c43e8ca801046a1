"""Differentiable augmentation (Zhao et al., "Differentiable Augmentation for Data-Efficient GAN Training", NeurIPS
2020).

The discriminator sees translated and real images only after the same kinds of random changes. It cannot learn a small
data set by heart, and because the changes are differentiable, they do not leak into the translations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from cut.lazy import functional as F
from cut.lazy import torch
from cut.processes.dealing import dealt

if TYPE_CHECKING:
    from torch import Tensor

SHIFT = 1 / 8  # of the image's sides, at most
HOLE = 1 / 2  # of the image's sides


def change_color(images: Tensor) -> Tensor:
    """Random brightness (± 0.5), saturation (0 to 2 times) and contrast (0.5 to 1.5 times) of each image."""

    def draw() -> Tensor:
        return dealt(lambda n: torch.rand(n, 1, 1, 1, device=images.device, dtype=images.dtype), len(images))

    images = images + (draw() - 0.5)
    grey = images.mean(1, keepdim=True)
    images = grey + (images - grey) * (2 * draw())
    level = images.mean((1, 2, 3), keepdim=True)
    return level + (images - level) * (draw() + 0.5)


def translate(images: Tensor) -> Tensor:
    """Shift each image by up to an eighth of its sides; what moves in from outside is 0."""
    height, width = images.shape[2:]
    rows = _shifted(images, height, 2)
    return _shifted(rows, width, 3)


def _shifted(images: Tensor, size: int, dimension: int) -> Tensor:
    """Each image shifted along one dimension by its own random number of pixels."""
    most = int(size * SHIFT + 0.5)
    padding = (most, most) if dimension == 3 else (0, 0, most, most)
    start = dealt(lambda n: torch.randint(0, 2 * most + 1, (n, 1), device=images.device), len(images))
    places = start + torch.arange(size, device=images.device)  # (B, size)
    shape = [len(images), 1, 1, 1]
    shape[dimension] = size
    return F.pad(images, padding).gather(dimension, places.view(shape).expand_as(images))


def cut_out(images: Tensor) -> Tensor:
    """Set a rectangle of half the height and half the width of each image to 0, anywhere, also partly outside."""
    inside = [
        _inside(len(images), size, images).view(len(images), 1, *shape)
        for size, shape in ((images.shape[2], (-1, 1)), (images.shape[3], (1, -1)))
    ]
    return images * (~(inside[0] & inside[1])).to(images.dtype)


def _inside(count: int, size: int, like: Tensor) -> Tensor:
    """(count, size), true along one side of each image's rectangle."""
    hole = int(size * HOLE + 0.5)
    centre = dealt(lambda n: torch.randint(0, size + 1 - hole % 2, (n, 1), device=like.device), count)
    places = torch.arange(size, device=like.device)
    return (places >= centre - hole // 2) & (places < centre - hole // 2 + hole)


AUGMENTATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "color": change_color,
    "translation": translate,
    "cutout": cut_out,
}


class DiffAugment:
    """Applies augmentations one after another, drawn from the global generator anew for each image and each call.

    Args:
        names: of `AUGMENTATIONS`, in the order in which they are applied; none leaves images as they are.
    """

    def __init__(self, names: Sequence[str] = ()) -> None:
        self.augmentations = [AUGMENTATIONS[name] for name in names]

    def __call__(self, images: Tensor) -> Tensor:
        """(B, C, H, W) in [−1, 1] → the same shape; values may leave the range."""
        for augment in self.augmentations:
            images = augment(images)
        return images
