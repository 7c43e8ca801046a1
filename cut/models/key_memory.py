"""Negatives from earlier images: the external negatives of CUT's ablation (section 3.2 and 4.3).

The paper computes them by a moving average of the encoder (MoCo). Here they stay what F made of them when their image
was trained on, which costs no pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from cut.lazy import torch
from cut.losses.patchnce import Contrast, PatchNCE, multi_tap_nce
from cut.processes.group import gathered

if TYPE_CHECKING:
    from torch import Tensor

    Keys = list[Tensor]  # (P, C) of an image at each tap


class KeyMemory:
    """The keys of the latest images, for each pair that PatchNCE compares: of sources, and of targets.

    Args:
        size: images; 0 keeps none.

    Attributes:
        images: by the number of the pair, the keys of each image, oldest first.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.images: dict[int, list[Keys]] = {}

    def loss(self, pair: int, queries: Keys, keys: Keys, contrast: Contrast, form: PatchNCE) -> Tensor:
        """`multi_tap_nce` with the negatives of earlier images; then these keys are kept, and the oldest dropped.

        Args:
            pair: its number.
            queries, keys: (B, P, C) of each tap; the keys of all processes are kept.
        """
        earlier = self.images.get(pair, [])
        if not self.size:
            return multi_tap_nce(queries, keys, contrast, form)
        by_tap: list[Tensor | None] = [None] * len(keys)  # (N, C) of each tap
        if earlier:
            by_tap = [torch.cat(tap) for tap in zip(*earlier, strict=True)]
        losses = [
            multi_tap_nce([query], [key], replace(contrast, memory=memory), form)
            for query, key, memory in zip(queries, keys, by_tap, strict=True)
        ]
        of_all = [gathered(key.detach()) for key in keys]
        new = [list(image) for image in zip(*of_all, strict=True)]
        self.images[pair] = [*earlier, *new][-self.size :]
        return torch.stack(losses).mean()

    def state(self) -> list[list[Keys]]:
        """The keys, which never change in place."""
        return [self.images[pair] for pair in sorted(self.images)]

    def load(self, state: Sequence[Sequence[Keys]], device: torch.device) -> None:
        """Restore what `state` returned.

        Raises:
            ValueError: when it is something else.
        """
        if not isinstance(state, list | tuple) or not all(
            isinstance(key, torch.Tensor) and key.ndim == 2 for pair in state for image in pair for key in image
        ):
            raise ValueError("the memory of negatives holds something else than vectors")
        self.images = {
            pair: [[key.to(device) for key in image] for image in images[-self.size :]]
            for pair, images in enumerate(state)
        }
