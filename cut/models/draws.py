"""The random numbers of one training step, drawn in one place so that a step can be handed them and replayed."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class Draws:
    """All randomness of one step.

    Attributes:
        patches: for each tap, the (P,) positions (row-major in H·W, int64) compared between source and translation.
        identity_patches: the same for target and G(target); empty when there is no identity part.
        flip: whether the images go through the generator mirrored (flip equivariance).
        mix: (B, 1, 1, 1) in [0, 1], where the WGAN penalty looks between real and fake; None for other losses.
        seed: for the global generators just before the step, which dropout and StyleGAN2's noise read; None leaves
            them alone.
    """

    patches: tuple[Tensor, ...]
    identity_patches: tuple[Tensor, ...] = ()
    flip: bool = False
    mix: Tensor | None = None
    seed: int | None = None

    def to(self, device: torch.device | str, dtype: torch.dtype) -> "Draws":
        """The same draws on a device; `dtype` is that of the images."""
        return replace(
            self,
            patches=tuple(at.to(device, non_blocking=True) for at in self.patches),
            identity_patches=tuple(at.to(device, non_blocking=True) for at in self.identity_patches),
            mix=None if self.mix is None else self.mix.to(device, dtype),
        )
