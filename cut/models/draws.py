"""The random numbers of one training step, drawn in one place so that a step can be replayed with them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from cut.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor

    Patches = tuple[Tensor | None, ...]


@dataclass(frozen=True, kw_only=True)
class StepDraws:
    """What every step receives; a method adds its own random numbers.

    Attributes:
        seed: of the global generators, set just before the step; dropout and StyleGAN2's noise draw from them. None
            leaves them as they are.
        epoch: the epoch being trained; the first is 1.
        last_epoch: the epoch in which the run ends.
        step: steps of the run before this one.
    """

    seed: int | None = None
    epoch: int = 1
    last_epoch: int = 1
    step: int = 0

    def to(self, device: torch.device | str, dtype: torch.dtype) -> StepDraws:
        """The same draws on a device; `dtype` is that of the images."""
        return self

    def of_images(self, images: slice) -> Self:
        """What a process draws that has these images of the batch: its own of all that is drawn for single images.

        All processes have the same seed (`cut.processes.dealing`). Methods extend this where they draw more.
        """
        return self


@dataclass(frozen=True, kw_only=True)
class MixDraws(StepDraws):
    """What a step with one discriminator receives.

    Attributes:
        mix: (B, 1, 1, 1) in [0, 1], the real images' shares in the points of the WGAN penalty; None for other losses.
    """

    mix: Tensor | None = None

    def to(self, device: torch.device | str, dtype: torch.dtype) -> Self:
        return self if self.mix is None else replace(self, mix=self.mix.to(device, dtype))

    def of_images(self, images: slice) -> Self:
        return replace(super().of_images(images), mix=None if self.mix is None else self.mix[images])


@dataclass(frozen=True)
class Draws(MixDraws):
    """All randomness of one step of CUT.

    Attributes:
        patches: for each tap, the (P,) positions (row-major in H·W, int64) compared between source and translation;
            None where they are chosen from the features, or (B, P) to repeat such a choice.
        identity_patches: the same for target and G(target); empty when there is no identity part.
        flip: whether the images go through the generator mirrored (flip equivariance).
    """

    patches: Patches
    identity_patches: Patches = ()
    flip: bool = False

    def to(self, device: torch.device | str, dtype: torch.dtype) -> Self:
        return replace(
            super().to(device, dtype),
            patches=_moved(self.patches, device),
            identity_patches=_moved(self.identity_patches, device),
        )


def _moved(patches: Patches, device: torch.device | str) -> Patches:
    return tuple(None if at is None else at.to(device, non_blocking=True) for at in patches)


def draw_positions(size: tuple[int, int], count: int, generator: torch.Generator | None = None) -> Tensor:
    """Draw min(count, H·W) positions of an (H, W) map without replacement: (P,) int64 on the CPU."""
    height, width = size
    return torch.randperm(height * width, generator=generator)[:count]


def draw_seed(generator: torch.Generator | None = None) -> int:
    """A seed for the global generators, see `StepDraws`."""
    return int(torch.randint(2**62, (), generator=generator))
