"""A buffer of earlier translations for the discriminator (Shrivastava et al., CVPR 2017, section 2.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cut.lazy import torch
from cut.processes.group import gathered, own_share

if TYPE_CHECKING:
    from torch import Tensor


class ImagePool:
    """At most `size` earlier translations; a new one may replace a stored one.

    Args:
        size: images; 0 passes everything through.

    Attributes:
        images: those stored, (C, H, W) each.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.images: list[Tensor] = []

    def draw(self, images: int, generator: torch.Generator | None = None) -> tuple[int | None, ...]:
        """For each image of a batch, the index of the stored image to exchange it with; None with probability ½."""
        if not self.size:
            return (None,) * images
        exchanged = torch.rand(images, generator=generator) > 0.5
        places = torch.randint(self.size, (images,), generator=generator)
        return tuple(int(place) if exchange else None for exchange, place in zip(exchanged, places, strict=True))

    def exchange(self, images: Tensor, places: Sequence[int | None]) -> Tensor:
        """The batch that the discriminator sees instead of this one, without a graph.

        While the pool is not full it stores each image and returns it. Once it is full, an image with an index is
        stored there, and the image it replaces is returned.

        Of several processes that train together each holds the whole pool, and passes the images of all through it.

        Args:
            images: (B, C, H, W), those of this process.
            places: for each image of all processes, as from `draw`.
        """
        shown = []
        for image, place in zip(gathered(images.detach()), places, strict=True):
            if len(self.images) < self.size:
                self.images.append(image)
                shown.append(image)
            elif self.size and place is not None:
                shown.append(self.images[place])
                self.images[place] = image
            else:
                shown.append(image)
        return torch.stack(shown[own_share(len(images))])

    def state(self) -> list[Tensor]:
        """The stored images, which never change in place."""
        return list(self.images)

    def load(self, images: Sequence[Tensor], device: torch.device, channels: int | None = None) -> None:
        """Restore what `state` returned.

        Args:
            channels: C of the images; None for any.

        Raises:
            ValueError: when it is something else.
        """
        if not isinstance(images, list | tuple) or not all(
            isinstance(image, torch.Tensor)
            and image.is_floating_point()
            and image.ndim == 3
            and channels in (None, len(image))
            for image in images
        ):
            raise ValueError("the image pool holds something else than images")
        self.images = [image.to(device) for image in images]
