"""CycleGAN (Zhu, Park, Isola, Efros, "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks",
ICCV 2017): two generators that invert each other, and a discriminator for each domain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cut.lazy import torch
from cut.losses.pixels import l1
from cut.models.shared_passes import saves_time, share_a_pass, translate_all
from cut.models.two_way import TwoWay, TwoWayDraws
from cut.networks.mode import mode
from cut.options import Options, Rule, at_least, finite_at_least, option
from cut.precision import full
from cut.registry import MODELS

if TYPE_CHECKING:
    from torch import Tensor

    from cut.data.batch import Batch
    from cut.models.method import Logs


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


_NETWORKS = {"no_antialias": True, "no_antialias_up": True, "init_type": "normal"}


@MODELS.register(
    "cycle_gan",
    label="CycleGAN",
    options=CycleGANOptions,
    defaults={
        "train": {
            **_NETWORKS,
            "hinge_generator": "margin",
            "n_epochs": 100,
            "n_epochs_decay": 100,
            "jitter_while_decaying": True,
        },
        "test": _NETWORKS,
    },
    aliases={"norm": ("normG", "normD")},
    rules=(Rule(("lambda_identity", "input_nc", "output_nc"), identity_channels, "train"),),
)
class CycleGAN(TwoWay):
    """G_A: A → B, G_B: B → A; D_A judges images of B, D_B images of A (the published names)."""

    loss_names = ("D_A", "G_A", "cycle_A", "idt_A", "D_B", "G_B", "cycle_B", "idt_B", "G", *TwoWay.penalty_names)
    parts = {
        "translate_there_and_back": "forward (G_A and G_B)",
        "generator_loss": "G: losses",
        "discriminator_loss": "D: loss",
    }
    schedule_ahead = 1  # the published loop lowers the rate before each epoch, so the last one trains at 0

    def __init__(self, options: Options, device: torch.device | str = "cpu", dtype: torch.dtype | None = None) -> None:
        self.own: CycleGANOptions = options.method
        super().__init__(options, device, dtype)

    def step(self, batch: Batch, draws: TwoWayDraws) -> Logs:
        """First both generators, then both discriminators, on the translations made before the generators' update."""
        draws = self.begin(draws)
        pictures = self.translate_there_and_back(batch)

        loss_g, logs_g = self.generator_loss(batch, pictures)
        self.update(loss_g, "G")

        loss_d, logs_d = self.discriminator_loss(batch, pictures["fake_B"], pictures["fake_A"], draws)
        self.update(loss_d, "D")

        return self.in_logging_order({**logs_g, **logs_d})

    def translate_there_and_back(self, batch: Batch) -> dict[str, Tensor]:
        """Both translations and both reconstructions, with a graph; and identity outputs that share a pass."""
        real_A, real_B = batch.sides
        if self.identity and saves_time(self.device) and share_a_pass((self.G_A, self.G_B), batch.sides):
            fake_B, idt_A = translate_all(self.G_A, (real_A, real_B))
            fake_A, idt_B = translate_all(self.G_B, (real_B, real_A))
            back = {"rec_A": full(self.G_B(fake_B)), "rec_B": full(self.G_A(fake_A))}
            return {"fake_B": fake_B, "fake_A": fake_A, **back, "idt_A": idt_A, "idt_B": idt_B}
        fake_B = full(self.G_A(real_A))
        rec_A = full(self.G_B(fake_B))
        fake_A = full(self.G_B(real_B))
        rec_B = full(self.G_A(fake_A))
        return {"fake_B": fake_B, "rec_A": rec_A, "fake_A": fake_A, "rec_B": rec_B}

    def generator_loss(self, batch: Batch, pictures: Mapping[str, Tensor]) -> tuple[Tensor, Logs]:
        """GAN, cycle consistency (eq. 2) and identity (section 5.2) of both generators."""
        own, (real_A, real_B), (valid_A, valid_B) = self.own, batch.sides, batch.valid
        logs = {
            "G_A": self.adversary.generator_loss(self.D_A, pictures["fake_B"]),
            "G_B": self.adversary.generator_loss(self.D_B, pictures["fake_A"]),
        }
        logs["cycle_A"] = own.lambda_A * l1(pictures["rec_A"], real_A, valid_A)
        logs["cycle_B"] = own.lambda_B * l1(pictures["rec_B"], real_B, valid_B)
        logs["idt_A"] = logs["idt_B"] = real_A.new_zeros(())
        if self.identity:
            idt_A, idt_B = self.identity_outputs(batch, pictures)
            logs["idt_A"] = own.lambda_B * own.lambda_identity * l1(idt_A, real_B, valid_B)
            logs["idt_B"] = own.lambda_A * own.lambda_identity * l1(idt_B, real_A, valid_A)
        loss = torch.stack(list(logs.values())).sum()
        return loss, {**logs, "G": loss}

    def identity_outputs(self, batch: Batch, pictures: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """G_A(b) and G_B(a), unless they are among the pictures already."""
        if "idt_A" in pictures:
            return pictures["idt_A"], pictures["idt_B"]
        real_A, real_B = batch.sides
        return full(self.G_A(real_B)), full(self.G_B(real_A))

    @property
    def identity(self) -> bool:
        """Whether there is an identity loss."""
        return self.own.lambda_identity > 0

    def preview(self, batch: Batch) -> dict[str, Tensor]:
        """For each domain an image, its translation, its reconstruction and, with an identity loss, the identity
        output.

        idt_B = G_B(real_A) belongs to A's row.
        """
        real_A, real_B = batch.sides
        with mode(self.G_A, training=False), mode(self.G_B, training=False), torch.inference_mode():
            made = self.translate_there_and_back(batch)
            if self.identity:
                made["idt_A"], made["idt_B"] = self.identity_outputs(batch, made)
        made |= {"real_A": real_A, "real_B": real_B}
        shown = ("real_A", "fake_B", "rec_A", "idt_B", "real_B", "fake_A", "rec_B", "idt_A")
        return {name: made[name] for name in shown if name in made}
