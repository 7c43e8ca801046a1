"""Adversarial losses on a discriminator's logits; scalars, each a mean over all logits.

The discriminator's loss is ½ (`fake` + `real`), the generator's is `generator`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cut.lazy import functional as F
from cut.options import finite_at_least, option
from cut.registry import GAN_LOSSES

if TYPE_CHECKING:
    from torch import Tensor


class AdversarialLoss:
    """Base of the GAN losses."""

    @property
    def gradient_penalty(self) -> float:
        """Weight of the WGAN gradient penalty that belongs to the loss; 0 for none."""
        return 0.0

    def real(self, logits: Tensor) -> Tensor:
        """The discriminator's loss on these logits of real images."""
        raise NotImplementedError

    def fake(self, logits: Tensor) -> Tensor:
        """The discriminator's loss on these logits of translated images."""
        raise NotImplementedError

    def generator(self, logits: Tensor) -> Tensor:
        """The generator's loss on these logits of its images, which should look real."""
        return self.real(logits)


@GAN_LOSSES.register("lsgan")
class LeastSquares(AdversarialLoss):
    """Squared distance to 1 for real and 0 for fake (Mao et al., ICCV 2017)."""

    def real(self, logits: Tensor) -> Tensor:
        return (logits - 1).square().mean()

    def fake(self, logits: Tensor) -> Tensor:
        return logits.square().mean()


@GAN_LOSSES.register("vanilla")
@GAN_LOSSES.register("nonsaturating")
class NonSaturating(AdversarialLoss):
    """Binary cross-entropy on logits (Goodfellow et al., 2014); `softplus` is its numerically safe form."""

    def real(self, logits: Tensor) -> Tensor:
        return F.softplus(-logits).mean()

    def fake(self, logits: Tensor) -> Tensor:
        return F.softplus(logits).mean()


@dataclass(frozen=True)
class HingeOptions:
    """Options of `--gan_mode hinge`."""

    hinge_generator: str = option(
        "linear",
        "the generator's loss of --gan_mode hinge for a logit d: linear is -d; margin, published with DCLGAN and its "
        "baselines, is max(0, 1 - d), whose gradient stops where d is 1 or more",
        phase="train",
        choices=("linear", "margin"),
        fixed=True,
    )


@GAN_LOSSES.register("hinge", options=HingeOptions)
@dataclass(frozen=True)
class Hinge(AdversarialLoss):
    """Margins of 1 for the discriminator (Miyato et al., ICLR 2018).

    Attributes:
        hinge_generator: `linear`, the paper's: the generator's loss is the plain logit; `margin`: it has the margin of
            real images (DCLGAN's published code).
    """

    hinge_generator: str = "linear"

    def real(self, logits: Tensor) -> Tensor:
        return F.relu(1 - logits).mean()

    def fake(self, logits: Tensor) -> Tensor:
        return F.relu(1 + logits).mean()

    def generator(self, logits: Tensor) -> Tensor:
        return self.real(logits) if self.hinge_generator == "margin" else -logits.mean()


@dataclass(frozen=True)
class WassersteinOptions:
    """Options of `--gan_mode wgangp`."""

    lambda_GP: float = option(
        10.0, "weight of the gradient penalty of --gan_mode wgangp", phase="train", check=finite_at_least(0)
    )


@GAN_LOSSES.register("wgangp", options=WassersteinOptions)
@dataclass(frozen=True)
class Wasserstein(AdversarialLoss):
    """Difference of mean scores with a gradient penalty (Gulrajani et al., NeurIPS 2017, eq. 3).

    Attributes:
        lambda_GP: weight of the penalty; the paper's is 10.
    """

    lambda_GP: float = 10.0

    def real(self, logits: Tensor) -> Tensor:
        return -logits.mean()

    def fake(self, logits: Tensor) -> Tensor:
        return logits.mean()

    @property
    def gradient_penalty(self) -> float:
        return self.lambda_GP
