"""The adversarial part of a step: how a discriminator is trained, and what it tells the generator.

GAN loss, gradient penalties and differentiable augmentation are chosen by options and work alike in every method.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from cut.lazy import torch
from cut.losses.gradient_penalty import r1_penalty, wgan_penalty
from cut.models.build import build_gan_loss
from cut.networks.diffaugment import DiffAugment
from cut.networks.mode import frozen
from cut.options import Options
from cut.precision import exact, full

if TYPE_CHECKING:
    from torch import Tensor

    from cut.models.draws import StepDraws
    from cut.models.method import Logs
    from cut.networks.interface import Discriminator


class Adversary:
    """The losses of any discriminator of a method.

    Args:
        options: `discriminator` is read.

    Attributes:
        gan: the GAN loss.
    """

    def __init__(self, options: Options) -> None:
        chosen = options.discriminator
        self.gan = build_gan_loss(options)
        self.lambda_R1, self.R1_every = chosen.lambda_R1, chosen.R1_every
        self.augment = DiffAugment(chosen.augmentations)

    @property
    def needs_mix(self) -> bool:
        """Whether `discriminator_loss` needs `mix`."""
        return self.gan.gradient_penalty > 0

    def penalises(self, draws: StepDraws) -> bool:
        """Whether this is a step of the R1 penalty."""
        return self.lambda_R1 > 0 and (draws.step + 1) % self.R1_every == 0

    def draw_mix(self, images: int, generator: torch.Generator | None = None) -> Tensor | None:
        """(images, 1, 1, 1) in [0, 1] on the CPU for `discriminator_loss`; None where it needs none."""
        return torch.rand(images, 1, 1, 1, generator=generator) if self.needs_mix else None

    def generator_loss(self, discriminator: Discriminator, fake: Tensor) -> Tensor:
        """The GAN loss of translations (B, C, H, W), with a gradient for the generator alone."""
        from cut.losses.early_gradients import differentiated_at_once

        def judged(fake: Tensor) -> tuple[Tensor, Logs]:
            return self.gan.generator(full(discriminator(self.augment(fake)))), {}

        with frozen(discriminator):
            return differentiated_at_once(judged, [fake])[0]

    def discriminator_loss(
        self, discriminator: Discriminator, fake: Tensor, real: Tensor, draws: StepDraws, mix: Tensor | None = None
    ) -> tuple[Tensor, Logs]:
        """½ (fake + real) and the penalties; the generator gets no gradient.

        Args:
            discriminator: D.
            fake, real: (B, C, H, W) in [−1, 1].
            draws: of the step.
            mix: (B, 1, 1, 1) in [0, 1], the real images' shares in the points of the WGAN penalty.

        Returns:
            The loss, and its parts as `real`, `fake` and, where there are penalties, `GP` and `R1`.
        """
        penalise = self.penalises(draws)
        fake, real = fake.detach(), real.detach().requires_grad_(penalise)
        with exact(real) if penalise else nullcontext():
            logits_fake, logits_real = judge(discriminator, self.augment(fake), self.augment(real))
        logs = {"real": self.gan.real(logits_real), "fake": self.gan.fake(logits_fake)}
        loss = (logs["fake"] + logs["real"]) / 2
        if self.needs_mix:
            if mix is None:
                raise ValueError("mix is missing: the gradient penalty interpolates real and fake images by it")
            with exact(real):
                logs["GP"] = self.gan.gradient_penalty * wgan_penalty(discriminator, real, fake, mix)
            loss = loss + logs["GP"]
        if penalise:  # only every few steps, and stronger by as much (Karras et al., CVPR 2020, appendix B)
            logs["R1"] = self.lambda_R1 * r1_penalty(logits_real, real)
            loss = loss + self.R1_every * logs["R1"]
        return loss, logs


def halved(name: str, parts: Logs) -> Logs:
    """The parts of `Adversary.discriminator_loss` as methods log them that name no halves: ½ (real + fake) as `name`,
    and penalties as name_GP and name_R1."""
    penalties = {f"{name}_{part}": value for part, value in parts.items() if part not in ("real", "fake")}
    return {name: (parts["real"] + parts["fake"]) / 2, **penalties}


def judge(discriminator: Discriminator, fake: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
    """The logits of both, in one pass where that is exact and the real images need no gradient."""
    if discriminator.per_image and fake.shape == real.shape and not real.requires_grad:
        logits = full(discriminator(torch.cat([fake, real])))
        return logits[: len(fake)], logits[len(fake) :]
    return full(discriminator(fake)), full(discriminator(real))
