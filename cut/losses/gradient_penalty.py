"""Penalties on the gradient of the discriminator with respect to its input."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cut.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor


def r1_penalty(logits: Tensor, real: Tensor) -> Tensor:
    """Half the mean over the batch of ‖∇ₓ D(x)‖² on real images (Mescheder et al., ICML 2018, eq. 9).

    Args:
        logits: D(real), any shape, computed with a graph.
        real: (B, C, H, W) the images, which require a gradient.
    """
    (gradient,) = torch.autograd.grad(logits.sum(), real, create_graph=True)
    return 0.5 * gradient.square().flatten(1).sum(1).mean()


def wgan_penalty(discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mix: Tensor) -> Tensor:
    """Mean over the batch of (‖∇ D(x̂)‖ − 1)² on points x̂ between real and fake (Gulrajani et al., 2017, eq. 3).

    Args:
        discriminator: images to logits.
        real, fake: (B, C, H, W).
        mix: (B, 1, 1, 1) in [0, 1], the share of `real` in each x̂.
    """
    between = (mix * real + (1 - mix) * fake).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(between).sum(), between, create_graph=True)
    # The small constant keeps the norm differentiable where the gradient vanishes.
    return (gradient.flatten(1).square().sum(1) + 1e-16).sqrt().sub(1).square().mean()
