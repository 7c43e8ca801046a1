"""What a data set returns and what a method trains on."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from cut.errors import UserError


@dataclass(frozen=True)
class Sample:
    """One source image and, where there is a second domain, one target image that is not its pair.

    Attributes:
        source: float32 (C, H, W) in [−1, 1], the domain to translate from.
        target: float32 (C, H, W) in [−1, 1], the domain to translate to; None for one-sided data.
        source_path, target_path: the files they were read from.
    """

    source: Tensor
    target: Tensor | None
    source_path: str
    target_path: str | None = None


@dataclass(frozen=True)
class Batch:
    """Samples stacked along a first axis: `source` and `target` are (B, C, H, W) in [−1, 1]."""

    source: Tensor
    target: Tensor | None = None
    source_paths: tuple[str, ...] = ()
    target_paths: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.source)

    @property
    def sides(self) -> tuple[Tensor, Tensor]:
        """Source and target, of a batch that has both.

        Raises:
            ValueError: for one-sided data.
        """
        if self.target is None:
            raise ValueError("this batch has no images of the target domain")
        return self.source, self.target

    def map(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        """The same batch with changed images."""
        target = None if self.target is None else change(self.target)
        return Batch(change(self.source), target, self.source_paths, self.target_paths)

    def pin_memory(self) -> "Batch":
        """The same batch in page-locked memory."""
        return self.map(lambda images: images.pin_memory())


def collate(samples: list[Sample]) -> Batch:
    """Stack samples into a batch.

    Raises:
        UserError: when the images of one side differ in size, which only batch size 1 allows.
    """
    sources = _stack([(sample.source, sample.source_path) for sample in samples])
    source_paths = tuple(sample.source_path for sample in samples)
    targets = [
        (one.target, one.target_path) for one in samples if one.target is not None and one.target_path is not None
    ]
    if not targets:  # one-sided data: all samples have a target or none has
        return Batch(sources, None, source_paths)
    return Batch(sources, _stack(targets), source_paths, tuple(path for _, path in targets))


def _stack(images: list[tuple[Tensor, str]]) -> Tensor:
    first, first_path = images[0]
    for image, path in images:
        if image.shape != first.shape:
            raise UserError(
                "Images of one batch must be of one size after preprocessing, but "
                f"{first_path} is {first.shape[-1]}×{first.shape[-2]} and "
                f"{path} is {image.shape[-1]}×{image.shape[-2]}; use --batch_size 1, or a --preprocess with crop."
            )
    return torch.stack([image for image, _ in images])
