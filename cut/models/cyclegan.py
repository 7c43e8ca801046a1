"""CycleGAN (Zhu, Park, Isola, Efros, "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks",
ICCV 2017): two generators that invert each other, and a discriminator for each domain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, cast

from cut.lazy import functional as F
from cut.lazy import torch
from cut.models.adversary import Adversary, halved
from cut.models.build import build_discriminator, build_generator
from cut.models.draws import StepDraws, draw_seed
from cut.models.image_pool import ImagePool
from cut.models.method import PENALTY_NEEDS_ONE_SHAPE, Method
from cut.networks.mode import mode
from cut.options import Options, Rule, at_least, finite_at_least, option
from cut.precision import full
from cut.registry import MODELS

if TYPE_CHECKING:
    from torch import Tensor, nn

    from cut.data.batch import Batch
    from cut.models.method import Logs
    from cut.networks.interface import Discriminator


@dataclass(frozen=True)
class CycleGANOptions:
    """The losses that train the generators."""

    lambda_A: float = option(10.0, "weight of the cycle loss A → B → A, and of idt_B", check=finite_at_least(0))
    lambda_B: float = option(10.0, "weight of the cycle loss B → A → B, and of idt_A", check=finite_at_least(0))
    lambda_identity: float = option(
        0.5, "weight of the identity losses, relative to lambda_A and lambda_B; 0: none", check=finite_at_least(0)
    )
    pool_size: int = option(
        50, "earlier translations that are kept for each discriminator", phase="train", check=at_least(0), fixed=True
    )


def identity_channels(values: Mapping[str, Any]) -> str | None:
    if not values["lambda_identity"] or values["input_nc"] == values["output_nc"]:
        return None
    return (
        "The identity loss passes images through a generator that takes those of the other domain, so "
        f"--input_nc {values['input_nc']} and --output_nc {values['output_nc']} must be equal; use --lambda_identity 0 "
        "or equal channel counts."
    )


@dataclass(frozen=True)
class CycleGANDraws(StepDraws):
    """The random numbers of a step: for each image, what `ImagePool.draw` returns for its translation.

    Attributes:
        pool_B: of the translations into B, which D_A judges.
        pool_A: of the translations into A, which D_B judges.
        mix_B, mix_A: (B, 1, 1, 1) in [0, 1], the real images' shares in the points of the WGAN penalty of D_A and of
            D_B; None for other losses.
    """

    pool_B: tuple[int | None, ...]
    pool_A: tuple[int | None, ...]
    mix_B: Tensor | None = None
    mix_A: Tensor | None = None

    def to(self, device: torch.device | str, dtype: torch.dtype) -> CycleGANDraws:
        if self.mix_B is None or self.mix_A is None:
            return self
        return replace(self, mix_B=self.mix_B.to(device, dtype), mix_A=self.mix_A.to(device, dtype))


_NETWORKS = {"no_antialias": True, "no_antialias_up": True, "init_type": "normal"}


@MODELS.register(
    "cycle_gan",
    label="CycleGAN",
    options=CycleGANOptions,
    defaults={
        "train": {**_NETWORKS, "n_epochs": 100, "n_epochs_decay": 100, "jitter_while_decaying": True},
        "test": _NETWORKS,
    },
    aliases={"norm": ("normG", "normD")},
    rules=(Rule(("lambda_identity", "input_nc", "output_nc"), identity_channels, "train"),),
)
class CycleGAN(Method):
    """G_A: A → B, G_B: B → A; D_A judges images of B, D_B images of A (the published names)."""

    loss_names = (
        "D_A",
        "G_A",
        "cycle_A",
        "idt_A",
        "D_B",
        "G_B",
        "cycle_B",
        "idt_B",
        "G",
        "D_A_GP",
        "D_B_GP",
        "D_A_R1",
        "D_B_R1",
    )
    translators = {"AtoB": "G_A", "BtoA": "G_B"}
    parts = {
        "translate_there_and_back": "forward (G_A and G_B)",
        "generator_loss": "G: losses",
        "discriminator_loss": "D: loss",
    }
    zero_biases: ClassVar[bool] = True
    """How the biases of new networks start, see `cut.networks.init.initialise`."""
    schedule_ahead = 1  # the published loop lowers the rate before each epoch, so the last one trains at 0

    def __init__(self, options: Options, device: torch.device | str = "cpu", dtype: torch.dtype | None = None) -> None:
        self.own: CycleGANOptions = options.method
        self.adversary = Adversary(options)
        self.pool_B, self.pool_A = (ImagePool(self.own.pool_size) for _ in "BA")
        super().__init__(options, device, dtype)
        self.G_A, self.G_B = (self.networks[name] for name in ("G_A", "G_B"))
        self.D_A, self.D_B = (cast("Discriminator", self.networks[name]) for name in ("D_A", "D_B"))

    def build_networks(self) -> dict[str, nn.Module]:
        return {
            "G_A": build_generator(self.options, zero_biases=self.zero_biases),
            "G_B": build_generator(self.options, backward=True, zero_biases=self.zero_biases),
            "D_A": build_discriminator(self.options, zero_biases=self.zero_biases),
            "D_B": build_discriminator(self.options, of_source=True, zero_biases=self.zero_biases),
        }

    def build_optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"G": self.adam("G_A", "G_B"), "D": self.adam("D_A", "D_B")}

    # ------------------------------------------------------------------ one step

    def draw(
        self, batch: Batch, generator: torch.Generator | None = None, epoch: int = 1, last_epoch: int = 1, step: int = 0
    ) -> CycleGANDraws:
        pool_B, pool_A = (pool.draw(len(batch), generator) for pool in (self.pool_B, self.pool_A))
        mix_B, mix_A = (self.adversary.draw_mix(len(batch), generator) for _ in "BA")
        seed = draw_seed(generator)
        return CycleGANDraws(pool_B, pool_A, mix_B, mix_A, seed=seed, epoch=epoch, last_epoch=last_epoch, step=step)

    def step(self, batch: Batch, draws: CycleGANDraws) -> Logs:
        """First both generators, then both discriminators, on the translations made before the generators' update."""
        draws = self.begin(draws)
        pictures = self.translate_there_and_back(batch)

        loss_g, logs_g = self.generator_loss(batch, pictures)
        self.update(loss_g, "G")

        loss_d, logs_d = self.discriminator_loss(batch, pictures, draws)
        self.update(loss_d, "D")

        return self.in_logging_order({**logs_g, **logs_d})

    def translate_there_and_back(self, batch: Batch) -> dict[str, Tensor]:
        """Both translations and both reconstructions, with a graph."""
        real_A, real_B = batch.sides
        fake_B = full(self.G_A(real_A))
        rec_A = full(self.G_B(fake_B))
        fake_A = full(self.G_B(real_B))
        rec_B = full(self.G_A(fake_A))
        return {"fake_B": fake_B, "rec_A": rec_A, "fake_A": fake_A, "rec_B": rec_B}

    def generator_loss(self, batch: Batch, pictures: Mapping[str, Tensor]) -> tuple[Tensor, Logs]:
        """GAN, cycle consistency (eq. 2) and identity (section 5.2) of both generators."""
        own, (real_A, real_B) = self.own, batch.sides
        logs = {
            "G_A": self.adversary.generator_loss(self.D_A, pictures["fake_B"]),
            "G_B": self.adversary.generator_loss(self.D_B, pictures["fake_A"]),
        }
        logs["cycle_A"] = own.lambda_A * F.l1_loss(pictures["rec_A"], real_A)
        logs["cycle_B"] = own.lambda_B * F.l1_loss(pictures["rec_B"], real_B)
        logs["idt_A"] = logs["idt_B"] = real_A.new_zeros(())
        if own.lambda_identity > 0:
            logs["idt_A"] = own.lambda_B * own.lambda_identity * F.l1_loss(full(self.G_A(real_B)), real_B)
            logs["idt_B"] = own.lambda_A * own.lambda_identity * F.l1_loss(full(self.G_B(real_A)), real_A)
        loss = torch.stack(list(logs.values())).sum()
        return loss, {**logs, "G": loss}

    def discriminator_loss(
        self, batch: Batch, pictures: Mapping[str, Tensor], draws: CycleGANDraws
    ) -> tuple[Tensor, Logs]:
        """½ (real + fake) of each domain and penalties; the translations go through the pools."""
        loss_A, logs_A = self.loss_of_D_A(batch, pictures, draws)
        loss_B, logs_B = self.loss_of_D_B(batch, pictures, draws)
        return loss_A + loss_B, {**logs_A, **logs_B}

    def loss_of_D_A(self, batch: Batch, pictures: Mapping[str, Tensor], draws: CycleGANDraws) -> tuple[Tensor, Logs]:
        shown = self.pool_B.exchange(pictures["fake_B"], draws.pool_B)
        loss, parts = self.adversary.discriminator_loss(self.D_A, shown, batch.sides[1], draws, draws.mix_B)
        return loss, halved("D_A", parts)

    def loss_of_D_B(self, batch: Batch, pictures: Mapping[str, Tensor], draws: CycleGANDraws) -> tuple[Tensor, Logs]:
        shown = self.pool_A.exchange(pictures["fake_A"], draws.pool_A)
        loss, parts = self.adversary.discriminator_loss(self.D_B, shown, batch.sides[0], draws, draws.mix_A)
        return loss, halved("D_B", parts)

    # ------------------------------------------------------------------ around the step

    @property
    def one_shape(self) -> str | None:
        return PENALTY_NEEDS_ONE_SHAPE if self.adversary.needs_mix else None

    def extra_state(self) -> dict[str, Any]:
        return {"pool_B": self.pool_B.state(), "pool_A": self.pool_A.state()}

    def load_extra_state(self, state: Mapping[str, Any]) -> None:
        self.pool_B.load(state["pool_B"], self.device, self.options.data.output_nc)
        self.pool_A.load(state["pool_A"], self.device, self.options.data.input_nc)

    def preview(self, batch: Batch) -> dict[str, Tensor]:
        """For each domain an image, its translation, its reconstruction and, with an identity loss, the identity
        output.

        idt_B = G_B(real_A) belongs to A's row.
        """
        (real_A, real_B), identity = batch.sides, self.own.lambda_identity > 0
        with mode(self.G_A, training=False), mode(self.G_B, training=False), torch.inference_mode():
            made = self.translate_there_and_back(batch)
            idt_B, idt_A = ({"idt_B": self.G_B(real_A)}, {"idt_A": self.G_A(real_B)}) if identity else ({}, {})
        row_A = {"real_A": real_A, "fake_B": made["fake_B"], "rec_A": made["rec_A"], **idt_B}
        row_B = {"real_B": real_B, "fake_A": made["fake_A"], "rec_B": made["rec_B"], **idt_A}
        return {**row_A, **row_B}
