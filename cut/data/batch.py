"""What a data set returns and what a method trains on."""

from collections.abc import Callable
from dataclasses import dataclass, replace

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
        source_valid, target_valid: bool (1, H, W), False where there is no data; None where all is data.
    """

    source: Tensor
    target: Tensor | None
    source_path: str
    target_path: str | None = None
    source_valid: Tensor | None = None
    target_valid: Tensor | None = None


@dataclass(frozen=True)
class Batch:
    """Samples stacked along a first axis: `source` and `target` are (B, C, H, W) in [−1, 1].

    `source_valid` and `target_valid` are bool (B, 1, H, W), False where there is no data, or None where all is data.
    """

    source: Tensor
    target: Tensor | None = None
    source_paths: tuple[str, ...] = ()
    target_paths: tuple[str, ...] = ()
    source_valid: Tensor | None = None
    target_valid: Tensor | None = None

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

    def map(self, change: Callable[[Tensor], Tensor], masks: Callable[[Tensor], Tensor] | None = None) -> "Batch":
        """The same batch with changed images and, with `masks`, changed masks."""
        target = None if self.target is None else change(self.target)
        changed = replace(self, source=change(self.source), target=target)
        if masks is None or (self.source_valid is None and self.target_valid is None):
            return changed
        source_valid, target_valid = (None if mask is None else masks(mask) for mask in self.valid)
        return replace(changed, source_valid=source_valid, target_valid=target_valid)

    def pin_memory(self) -> "Batch":
        """The same batch in page-locked memory."""
        return self.map(lambda images: images.pin_memory(), lambda masks: masks.pin_memory())

    @property
    def valid(self) -> tuple[Tensor | None, Tensor | None]:
        """Where source and target have data."""
        return self.source_valid, self.target_valid


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
        return Batch(sources, None, source_paths, source_valid=_masks(samples, "source"))
    return Batch(
        sources,
        _stack(targets),
        source_paths,
        tuple(path for _, path in targets),
        _masks(samples, "source"),
        _masks(samples, "target"),
    )


def _masks(samples: list[Sample], side: str) -> Tensor | None:
    """(B, 1, H, W); None where all is data."""
    masks = [getattr(sample, f"{side}_valid") for sample in samples]
    if all(mask is None for mask in masks):
        return None
    images = [getattr(sample, side) for sample in samples]
    whole = [torch.ones(1, *image.shape[-2:], dtype=torch.bool) for image in images]
    return torch.stack([one if mask is None else mask for one, mask in zip(whole, masks, strict=True)])


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
