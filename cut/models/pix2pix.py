"""pix2pix (Isola, Zhu, Zhou, Efros, "Image-to-Image Translation with Conditional Adversarial Networks", CVPR 2017): one
generator that learns from pairs, and a discriminator that judges a translation beside its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from cut.lazy import torch
from cut.losses.pixels import l1
from cut.models.adversary import Adversary
from cut.models.build import build_discriminator, build_generator
from cut.models.draws import MixDraws, draw_seed
from cut.models.method import Method
from cut.networks.mode import as_in_training
from cut.options import Options, Rule, at_least, finite_at_least, option
from cut.precision import full
from cut.registry import MODELS

if TYPE_CHECKING:
    from torch import Tensor, nn

    from cut.data.batch import Batch
    from cut.models.method import Logs
    from cut.networks.interface import Discriminator


@dataclass(frozen=True)
class Pix2PixOptions:
    """The losses that train the generator."""

    lambda_L1: float = option(
        100.0, "weight of the L1 distance from a translation to the real image of its pair", check=finite_at_least(0)
    )
    pool_size: int = option(
        0, "has no effect, as in the published program since 2019: for its command lines", phase="train",
        check=at_least(0),
    )  # fmt: skip


def learns_from_pairs(values: Mapping[str, Any]) -> str | None:
    if values["dataset_mode"] == "aligned":
        return None
    return (
        f"--model {values['model']} learns from pairs, and --dataset_mode {values['dataset_mode']} has none: use "
        "--dataset_mode aligned, or another --model for images that are not pairs."
    )


_SHARED = {
    "dataset_mode": "aligned",
    "netG": "unet_256",
    "normG": "batch",
    "normD": "batch",
    "no_dropout": False,
    "no_antialias": True,
    "no_antialias_up": True,
    "init_type": "normal",
}


@MODELS.register(
    "pix2pix",
    label="pix2pix",
    options=Pix2PixOptions,
    defaults={
        "train": {
            **_SHARED,
            "gan_mode": "vanilla",
            "hinge_generator": "margin",
            "n_epochs": 100,
            "n_epochs_decay": 100,
            "jitter_while_decaying": True,
        },
        "test": _SHARED,
    },
    aliases={"norm": ("normG", "normD")},
    rules=(Rule(("model", "dataset_mode"), learns_from_pairs, "train"),),
)
class Pix2Pix(Method):
    """Generator G, and D, which judges (source, image) joined along their channels.

    The generator has no other source of chance than dropout, and batch norm takes its statistics from the images at
    hand; both act when it translates too, unless `--eval` is given (section 3.4).
    """

    loss_names = ("G_GAN", "G_L1", "D_real", "D_fake", "D_GP", "D_R1", "G")
    parts = {
        "translate_batch": "forward (G)",
        "discriminator_loss": "D: loss",
        "generator_loss": "G: loss",
    }
    schedule_ahead = 1  # the published loop lowers the rate before each epoch, so the last one trains at 0
    translates_as_in_training = True

    def __init__(self, options: Options, device: torch.device | str = "cpu", dtype: torch.dtype | None = None) -> None:
        self.own: Pix2PixOptions = options.method
        self.adversary = Adversary(options)
        super().__init__(options, device, dtype)
        self.G, self.D = self.networks["G"], cast("Discriminator", self.networks["D"])

    def build_networks(self) -> dict[str, nn.Module]:
        return {"G": build_generator(self.options), "D": build_discriminator(self.options, of_pairs=True)}

    # ------------------------------------------------------------------ one step (section 3.3)

    def draw(
        self, batch: Batch, generator: torch.Generator | None = None, epoch: int = 1, last_epoch: int = 1, step: int = 0
    ) -> MixDraws:
        mix = self.adversary.draw_mix(len(batch), generator)
        return MixDraws(mix=mix, seed=draw_seed(generator), epoch=epoch, last_epoch=last_epoch, step=step)

    def step(self, batch: Batch, draws: MixDraws) -> Logs:
        """First D, then G against the new D, on the same translations."""
        draws = self.begin(draws)
        fake = self.translate_batch(batch)

        loss_d, logs_d = self.discriminator_loss(batch, fake, draws)
        self.update(loss_d, "D")

        loss_g, logs_g = self.generator_loss(batch, fake)
        self.update(loss_g, "G")

        return self.in_logging_order({**logs_g, **logs_d})

    def translate_batch(self, batch: Batch) -> Tensor:
        """G(source), with a graph."""
        return full(self.G(batch.source))

    def discriminator_loss(self, batch: Batch, fake: Tensor, draws: MixDraws) -> tuple[Tensor, Logs]:
        """½ (fake + real) and penalties on pairs; with batch norm each kind is a batch of its own."""
        source, target = batch.sides
        fake_pair, real_pair = (torch.cat([source, image], 1) for image in (fake, target))
        loss, logs = self.adversary.discriminator_loss(self.D, fake_pair, real_pair, draws, draws.mix)
        return loss, {f"D_{name}": value for name, value in logs.items()}

    def generator_loss(self, batch: Batch, fake: Tensor) -> tuple[Tensor, Logs]:
        """GAN + λ_L1 · L1 (eq. 4)."""
        source, target = batch.sides
        logs = {
            "G_GAN": self.adversary.generator_loss(self.D, torch.cat([source, fake], 1)),
            "G_L1": self.own.lambda_L1 * l1(fake, target, batch.valid[1]),
        }
        loss = logs["G_GAN"] + logs["G_L1"]
        return loss, {**logs, "G": loss}

    # ------------------------------------------------------------------ around the step

    @property
    def one_shape(self) -> str | None:
        return "a translation is compared with the other image of its pair; use --preprocess resize"

    def preview(self, batch: Batch) -> dict[str, Tensor]:
        """real_A, fake_B, real_B; dropout and batch statistics act as in a step."""
        with as_in_training(self.G), torch.inference_mode():
            fake = self.G(batch.source)
        return {"real_A": batch.source, "fake_B": fake, "real_B": batch.sides[1]}
