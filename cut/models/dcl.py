"""DCLGAN (Han, Shoeiby, Petersson, Armin, "Dual Contrastive Learning for Unsupervised Image-to-Image Translation",
CVPR Workshops 2021): CUT in both directions at once, where each domain has an encoder and a head of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self, cast

from cut.lazy import torch
from cut.losses.cosine_nce import cosine_nce
from cut.losses.pixels import l1
from cut.models.build import build_head
from cut.models.draws import draw_positions
from cut.models.image_sizes import TapShapes
from cut.models.shared_passes import Features, Translated, translate_sides
from cut.models.two_way import TwoWay, TwoWayDraws
from cut.networks.mode import mode
from cut.options import Options, Rule, at_least, finite_at_least, option, parse_taps, positive, tap_list
from cut.registry import MODELS

if TYPE_CHECKING:
    from torch import Tensor, nn

    from cut.data.batch import Batch
    from cut.models.method import Logs
    from cut.networks.interface import ContrastiveGenerator


@dataclass(frozen=True)
class DualOptions:
    """The losses that train the generators."""

    lambda_GAN: float = option(1.0, "weight of the GAN losses of the generators", check=finite_at_least(0))
    nce_idt: bool = option(
        True, "also the identity loss, which is an L1 distance here: |G_A(b) − b| and |G_B(a) − a|, no PatchNCE"
    )
    nce_layers: str = option(
        "4,8,12,16", "layers of the generators that PatchNCE compares (taps)", check=tap_list, fixed=True
    )
    nce_T: float = option(0.07, "temperature of PatchNCE", check=positive())
    nce_includes_all_negatives_from_minibatch: bool = option(
        False, "has no effect, as published: negatives always come from the whole batch"
    )
    flip_equivariance: bool = option(False, "has no effect, as published")
    pool_size: int = option(
        0,
        "earlier translations that are kept for each discriminator (the paper says 50)",
        phase="train",
        check=at_least(0),
        fixed=True,
    )

    @property
    def taps(self) -> tuple[int, ...]:
        """`nce_layers` as numbers, in the order given."""
        return parse_taps(self.nce_layers)


@dataclass(frozen=True)
class DCLOptions(DualOptions):
    """The losses that train the generators."""

    DCL_mode: str = option(
        "DCL", "always DCL: SimDCL is --model simdcl", choices=("DCL",), ignore_case=True, fixed=True
    )
    lambda_NCE: float = option(
        2.0, "weight of PatchNCE; 0 drops the identity loss too, as published", check=finite_at_least(0)
    )
    lambda_IDT: float = option(1.0, "weight of the identity loss", check=finite_at_least(0))
    num_patches: int = option(256, "patches sampled from each tap", check=at_least(1))
    netF: str = option(
        "mlp_sample",
        "heads F1 and F2, which turn sampled patches into the vectors PatchNCE compares; as published their Adam has "
        "the rate 1e-3 and betas 0.9 and 0.999 whatever --lr and --beta1 say, and the schedule lowers it like --lr",
        choices=("mlp_sample", "sample"),
        unusable=("reshape",),
        fixed=True,
    )
    netF_nc: int = option(256, "dimension of those vectors", check=at_least(1), fixed=True)


def identity_channels(values: Mapping[str, Any]) -> str | None:
    if not values["nce_idt"] or values["input_nc"] == values["output_nc"]:
        return None
    return (
        "The identity loss passes images of each domain through the generator of the other one, so "
        f"--input_nc {values['input_nc']} and --output_nc {values['output_nc']} must be equal; use --nce_idt false or "
        "equal channel counts."
    )


def one_width(values: Mapping[str, Any]) -> str | None:
    if values["netF"] != "sample" or 0 not in parse_taps(values["nce_layers"]):
        return None
    if values["input_nc"] == values["output_nc"]:
        return None
    return (
        f"Tap 0 has the {values['input_nc']} channels of one domain and the {values['output_nc']} of the other, which "
        "--netF sample cannot compare: leave tap 0 out of --nce_layers, or use --netF mlp_sample."
    )


def something_to_learn(values: Mapping[str, Any]) -> str | None:
    if values["lambda_GAN"] > 0 or values["lambda_NCE"] > 0:
        return None
    return "All loss weights are 0, so nothing would be trained; set --lambda_GAN or --lambda_NCE above 0."


IDENTITY_CHANNELS = Rule(("nce_idt", "input_nc", "output_nc"), identity_channels, "train")


@dataclass(frozen=True)
class DCLDraws(TwoWayDraws):
    """All randomness of one step of DCLGAN.

    Attributes:
        patches_A: for each tap, the (P,) positions (row-major in H·W, int64) compared between a and G_A(a).
        patches_B: the same for b and G_B(b).
    """

    patches_A: tuple[Tensor, ...] = ()
    patches_B: tuple[Tensor, ...] = ()

    def to(self, device: torch.device | str, dtype: torch.dtype) -> Self:
        return replace(
            super().to(device, dtype),
            patches_A=tuple(at.to(device, non_blocking=True) for at in self.patches_A),
            patches_B=tuple(at.to(device, non_blocking=True) for at in self.patches_B),
        )


@MODELS.register(
    "dcl",
    label="DCLGAN",
    options=DCLOptions,
    defaults={"train": {"gan_mode": "hinge", "hinge_generator": "margin", "save_epoch_freq": 50}},
    rules=(
        IDENTITY_CHANNELS,
        Rule(("netF", "nce_layers", "input_nc", "output_nc"), one_width, "train"),
        Rule(("lambda_GAN", "lambda_NCE"), something_to_learn, "train"),
    ),
)
class DCLGAN(TwoWay):
    """The networks of `TwoWay`, and a head for each domain: F1 for A, whose encoder is that of G_A, and F2 for B, whose
    encoder is that of G_B."""

    loss_names = ("D_A", "G_A", "NCE1", "D_B", "G_B", "NCE2", "G", "idt_B", "idt_A", *TwoWay.penalty_names)
    parts = {
        "translate_both": "forward (G_A and G_B)",
        "discriminator_loss": "D: loss",
        "generator_loss": "G and F: loss",
    }

    def __init__(self, options: Options, device: torch.device | str = "cpu", dtype: torch.dtype | None = None) -> None:
        self.own = options.method
        self.probes = tuple(TapShapes(options, self.own.taps, backward=backward) for backward in (False, True))
        super().__init__(options, device, dtype)
        self.encoder_A, self.encoder_B = (cast("ContrastiveGenerator", network) for network in (self.G_A, self.G_B))
        self.F1, self.F2 = (self.networks[name] for name in ("F1", "F2"))

    def build_networks(self) -> dict[str, nn.Module]:
        networks, crop = super().build_networks(), self.options.data.crop_size
        for name, probe in zip(("F1", "F2"), self.probes, strict=True):
            networks[name] = build_head(self.options, [channels for channels, _, _ in probe.tap_shapes(crop, crop)])
        return networks

    def build_optimizers(self) -> dict[str, torch.optim.Optimizer]:
        optimizers = super().build_optimizers()
        if list(self.networks["F1"].parameters()):
            optimizers["F"] = self.adam("F1", "F2", lr=1e-3, betas=(0.9, 0.999))  # made without arguments, as published
        return optimizers

    # ------------------------------------------------------------------ one step

    def draw(
        self, batch: Batch, generator: torch.Generator | None = None, epoch: int = 1, last_epoch: int = 1, step: int = 0
    ) -> DCLDraws:
        patches_A, patches_B = self.draw_patches(batch, generator)
        drawn = super().draw(batch, generator, epoch, last_epoch, step)
        return DCLDraws(**vars(drawn), patches_A=patches_A, patches_B=patches_B)

    def step(self, batch: Batch, draws: DCLDraws) -> Logs:
        """First both discriminators, then both generators and the heads together."""
        draws = self.begin(draws)
        to_B, to_A = self.translate_both(batch, self.own.taps)

        loss_d, logs_d = self.discriminator_loss(batch, to_B.fake, to_A.fake, draws)
        self.update(loss_d, "D")

        loss_g, logs_g = self.generator_loss(batch, to_B, to_A, draws)
        self.update(loss_g, "G", "F")

        return self.in_logging_order({**logs_d, **logs_g})

    def translate_both(self, batch: Batch, taps: tuple[int, ...] = ()) -> tuple[Translated, Translated]:
        """G_A of a and, for the identity loss, of b; G_B of b and of a. With a graph."""
        real_A, real_B = batch.sides
        to_B = translate_sides(self.encoder_A, real_A, real_B if self.identity else None, taps)
        to_A = translate_sides(self.encoder_B, real_B, real_A if self.identity else None, taps)
        return to_B, to_A

    def discriminator_loss(
        self, batch: Batch, fake_B: Tensor, fake_A: Tensor, draws: TwoWayDraws
    ) -> tuple[Tensor, Logs]:
        """As `TwoWay`'s; D_A and D_B are logged times λ_GAN, which does not weigh their gradient, as published."""
        loss, logs = super().discriminator_loss(batch, fake_B, fake_A, draws)
        return loss, {**logs, "D_A": self.own.lambda_GAN * logs["D_A"], "D_B": self.own.lambda_GAN * logs["D_B"]}

    def generator_loss(self, batch: Batch, to_B: Translated, to_A: Translated, draws: Any) -> tuple[Tensor, Logs]:
        """The mean of both directions: GAN, PatchNCE and identity, times their weights."""
        own, logs = self.own, self.gan_losses(to_B, to_A)
        if own.lambda_NCE > 0:
            logs |= {name: own.lambda_NCE * loss for name, loss in self.nce_losses(batch, to_B, to_A, draws).items()}
        logs |= {name: own.lambda_IDT * loss for name, loss in self.identity_losses(batch, to_B, to_A).items()}
        loss = torch.stack(list(logs.values())).sum() / 2
        return loss, {**logs, "G": loss}

    def gan_losses(self, to_B: Translated, to_A: Translated) -> Logs:
        """λ_GAN · GAN of both generators."""
        if self.own.lambda_GAN == 0:
            return {"G_A": to_B.fake.new_zeros(()), "G_B": to_A.fake.new_zeros(())}
        return {
            "G_A": self.own.lambda_GAN * self.adversary.generator_loss(self.D_A, to_B.fake),
            "G_B": self.own.lambda_GAN * self.adversary.generator_loss(self.D_B, to_A.fake),
        }

    def nce_losses(self, batch: Batch, to_B: Translated, to_A: Translated, draws: DCLDraws) -> Logs:
        """PatchNCE of (a, G_A(a)) and of (b, G_B(b)), where each image goes through the encoder of its own domain."""
        # In bf16 the weights are cast at their first use, so what needs a gradient comes first.
        query_B = self.F2(self.encode(self.encoder_B, to_B.fake), draws.patches_A)
        query_A = self.F1(self.encode(self.encoder_A, to_A.fake), draws.patches_B)
        with torch.no_grad():
            key_A, key_B = self.keys(batch, to_B, to_A, draws)
        return {
            "NCE1": cosine_nce(query_B, key_A, self.own.nce_T),
            "NCE2": cosine_nce(query_A, key_B, self.own.nce_T),
        }

    def keys(
        self, batch: Batch, to_B: Translated, to_A: Translated, draws: DCLDraws
    ) -> tuple[list[Tensor], list[Tensor]]:
        """The heads' vectors of a and of b at each tap."""
        real_A, real_B = batch.sides
        features_A = self.encode(self.encoder_A, real_A) if to_B.keys is None else to_B.keys
        features_B = self.encode(self.encoder_B, real_B) if to_A.keys is None else to_A.keys
        return self.F1(features_A, draws.patches_A), self.F2(features_B, draws.patches_B)

    def identity_losses(self, batch: Batch, to_B: Translated, to_A: Translated) -> Logs:
        """|G_B(a) − a| and |G_A(b) − b|, or nothing without an identity loss."""
        if to_B.identity is None or to_A.identity is None:
            return {}
        (real_A, real_B), (valid_A, valid_B) = batch.sides, batch.valid
        return {"idt_B": l1(to_A.identity, real_A, valid_A), "idt_A": l1(to_B.identity, real_B, valid_B)}

    # ------------------------------------------------------------------ around the step

    def encode(self, encoder: ContrastiveGenerator, image: Tensor) -> Features:
        """Features of an image at the taps."""
        return encoder.encode(image, self.own.taps)

    @property
    def identity(self) -> bool:
        """Whether there is an identity loss."""
        return self.own.nce_idt and self.own.lambda_NCE > 0

    def draw_patches(self, batch: Batch, generator: torch.Generator | None) -> tuple[tuple[Tensor, ...], ...]:
        """Positions at each tap of the source, and of the target; none where nothing is compared."""
        if self.own.lambda_NCE == 0:
            return (), ()
        sizes = (probe.tap_shapes(*side.shape[-2:]) for probe, side in zip(self.probes, batch.sides, strict=True))
        return tuple(
            tuple(draw_positions((height, width), self.own.num_patches, generator) for _, height, width in shapes)
            for shapes in sizes
        )

    def check_size(self, width: int, height: int) -> None:
        super().check_size(width, height)
        for probe in self.probes:
            probe.tap_shapes(height, width)

    def preview(self, batch: Batch) -> dict[str, Tensor]:
        """For each domain an image, its translation and, with an identity loss, the identity output.

        idt_B = G_B(real_A) belongs to A's row.
        """
        with mode(self.G_A, training=False), mode(self.G_B, training=False), torch.inference_mode():
            to_B, to_A = self.translate_both(batch)
        idt_B = {} if to_A.identity is None else {"idt_B": to_A.identity}
        idt_A = {} if to_B.identity is None else {"idt_A": to_B.identity}
        real_A, real_B = batch.sides
        return {"real_A": real_A, "fake_B": to_B.fake, **idt_B, "real_B": real_B, "fake_A": to_A.fake, **idt_A}
