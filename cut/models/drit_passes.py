"""What DRIT++'s step draws, and the passes that all of its losses share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from cut.lazy import torch
from cut.models.draws import StepDraws

if TYPE_CHECKING:
    from torch import Tensor, nn

    from cut.data.batch import Batch

Pair = tuple["Tensor", "Tensor"]  # of domain A and of domain B


@dataclass(frozen=True)
class DRITDraws(StepDraws):
    """The random numbers of a step, N(0, 1), in the order in which they are drawn.

    Attributes:
        content_only: whether only the content discriminator learns; then `noise` is all that is drawn.
        noise: of the contents of the images, (1, 4 · width, H / 4, W / 4) each.
        attribute: of the attributes of the images, (1, 8) each; () without --concat.
        random: one or, with mode seeking, two attributes (1, 8) of random translations.
        fake_noise, fake_attribute: of contents and attributes of the translations into A and into B.
    """

    content_only: bool
    noise: Pair
    attribute: Pair | tuple[()] = ()
    random: tuple[Tensor, ...] = ()
    fake_noise: Pair | tuple[()] = ()
    fake_attribute: Pair | tuple[()] = ()

    def to(self, device: torch.device | str, dtype: torch.dtype) -> DRITDraws:
        names = ("noise", "attribute", "random", "fake_noise", "fake_attribute")
        moved = {name: tuple(draw.to(device, dtype) for draw in getattr(self, name)) for name in names}
        return replace(self, **cast("dict[str, Any]", moved))


@dataclass(frozen=True)
class Made:
    """The images of a domain, and what the networks made of them and for it.

    Attributes:
        real: (1, C, H, W), the image that is taken apart.
        valid: (1, 1, H, W), where it has data; None where all is data.
        other: (1, C, H, W), the second image, with which random translations are compared.
        content: of `real`, (1, 4 · width, H / 4, W / 4).
        mean, log_variance: of its attribute, (1, 8); `log_variance` is None without --concat.
        fake: (1, C, H, W), the other domain's image with the attribute of `real`.
        own: (1, C, H, W), from its own content and attribute.
        random: (N, C, H, W), the other domain's image with random attributes.
        cycle: (1, C, H, W), from the content and the attribute of both translations.
        random_mean: (1, 8), the attribute that is found in the first of `random`.
    """

    real: Tensor
    valid: Tensor | None
    other: Tensor
    content: Tensor
    mean: Tensor
    log_variance: Tensor | None
    fake: Tensor
    own: Tensor
    random: Tensor
    cycle: Tensor
    random_mean: Tensor


def take_apart_and_make(
    enc_c: nn.Module, enc_a: nn.Module, gen: nn.Module, batch: Batch, draws: DRITDraws
) -> dict[str, Made]:
    """By domain, what the networks make of the first images of a batch. Norms are per image, so that one pass makes the
    translation, the reconstruction and the random translations, and gives what separate passes give."""
    images = dict(zip("AB", batch.sides, strict=True))
    others = {"A": "B", "B": "A"}
    real = {side: images[side].split(1)[0] for side in images}
    content = {side: enc_c(real[side], side, noise) for side, noise in zip("AB", draws.noise, strict=True)}
    attribute = {side: enc_a(real[side], side) for side in images}
    code = {side: sampled(attribute[side], draws.attribute[place : place + 1]) for place, side in enumerate("AB")}

    pictures, random_mean, fake_content, fake_code = {}, {}, {}, {}
    for place, (side, other) in enumerate(others.items()):
        contents = torch.cat([content[other], content[side], *[content[other]] * len(draws.random)])
        codes = torch.cat([code[side], code[side], *draws.random])
        fake, _, random = pictures[side] = gen(contents, codes, side).split([1, 1, len(draws.random)])
        fake_content[other] = enc_c(fake, side, draws.fake_noise[place])  # it is that of the other domain's image
        mean, log_variance = enc_a(torch.cat([fake, random.split(1)[0]]), side)
        fake_mean, random_mean[side] = mean.split(1)
        of_fake = fake_mean, None if log_variance is None else log_variance.split(1)[0]
        fake_code[side] = sampled(of_fake, draws.fake_attribute[place : place + 1])
    made = {}
    for side, mask in zip(images, batch.valid, strict=True):
        (mean, log_variance), (fake, own, random) = attribute[side], pictures[side]
        cycle = gen(fake_content[side], fake_code[side], side)
        other_image = images[side].split(1)[1]
        made[side] = Made(
            real[side], None if mask is None else mask.split(1)[0], other_image, content[side], mean, log_variance,
            fake, own, random, cycle, random_mean[side],
        )  # fmt: skip
    return made


def sampled(attribute: tuple[Tensor, Tensor | None], noise: Sequence[Tensor]) -> Tensor:
    """An attribute of a distribution, given its mean and the logarithm of its variance; the mean without one."""
    mean, log_variance = attribute
    return mean if log_variance is None else mean + noise[0] * (log_variance / 2).exp()
