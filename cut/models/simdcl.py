"""SimDCL (Han et al., CVPR Workshops 2021): DCLGAN with a similarity loss, which draws the features of a domain's real
images and of the translations into it together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from cut.errors import UserError
from cut.lazy import functional as F
from cut.lazy import torch
from cut.losses.cosine_nce import cosine_nce
from cut.models.dcl import DCLGAN, IDENTITY_CHANNELS, DCLDraws, DualOptions
from cut.models.shared_passes import Features, Translated
from cut.models.two_way import TwoWay
from cut.networks.init import initialise
from cut.options import Rule, finite_at_least, option, positive
from cut.registry import MODELS

if TYPE_CHECKING:
    from torch import Tensor, nn

    from cut.data.batch import Batch
    from cut.models.method import Logs
    from cut.networks.interface import ContrastiveGenerator

PATCHES = FEATURES = 256
LIGHT = ("F3", "F4", "F5", "F6")


def published_size(value: int) -> str | None:
    if value == 256:
        return None
    return f"256: SimDCL's networks F3 to F6 take {PATCHES} patches of {FEATURES} features"


@dataclass(frozen=True)
class SimDCLOptions(DualOptions):
    """The losses that train the generators."""

    DCL_mode: str = option("SIM", "always SIM: DCLGAN is --model dcl", choices=("SIM",), ignore_case=True, fixed=True)
    lambda_NCE: float = option(2.0, "has no effect, as published: PatchNCE has weight 1 here", check=positive())
    lambda_SIM: float = option(10.0, "weight of the similarity loss", check=finite_at_least(0))
    num_patches: int = option(
        PATCHES, "patches sampled from each tap: 256 is built into F3 to F6", check=published_size
    )
    netF: str = option(
        "mlp_sample",
        "heads F1 and F2, which turn sampled patches into the vectors PatchNCE compares",
        choices=("mlp_sample",),
        unusable=("sample", "reshape"),
        fixed=True,
    )
    netF_nc: int = option(
        FEATURES, "dimension of those vectors: 256 is built into F3 to F6", check=published_size, fixed=True
    )


def one_image(values: Mapping[str, Any]) -> str | None:
    if values["batch_size"] == 1:
        return None
    return (
        f"SimDCL compares one image of each domain at a time: --batch_size is {values['batch_size']} but must be 1, "
        "and so it trains in one process."
    )


@dataclass(frozen=True)
class SimDCLDraws(DCLDraws):
    """All randomness of one step of SimDCL.

    Attributes:
        similar_A: for each tap, the (256,) positions of G_A(a) that the similarity loss looks at.
        similar_B: the same for G_B(b).
    """

    similar_A: tuple[Tensor, ...] = ()
    similar_B: tuple[Tensor, ...] = ()

    def to(self, device: torch.device | str, dtype: torch.dtype) -> Self:
        return replace(
            super().to(device, dtype),
            similar_A=tuple(at.to(device, non_blocking=True) for at in self.similar_A),
            similar_B=tuple(at.to(device, non_blocking=True) for at in self.similar_B),
        )


@MODELS.register(
    "simdcl",
    label="SimDCL",
    options=SimDCLOptions,
    defaults={"train": {"gan_mode": "hinge", "hinge_generator": "margin", "save_epoch_freq": 50}},
    rules=(IDENTITY_CHANNELS, Rule(("batch_size",), one_image, "train")),
)
class SimDCL(DCLGAN):
    """The networks of `DCLGAN`, and four light networks, which sum up the vectors of an image: F3 those of real A, F6
    those of translations into A, F5 those of real B, F4 those of translations into B."""

    loss_names = ("D_A", "G_A", "NCE1", "D_B", "G_B", "NCE2", "G", "Sim", "idt_B", "idt_A", *TwoWay.penalty_names)
    discriminator_loss = TwoWay.discriminator_loss  # logged as it is, whatever λ_GAN

    def build_networks(self) -> dict[str, nn.Module]:
        from cut.networks.light import LightNetwork  # only now: it needs PyTorch, and --help does not

        networks, chosen = super().build_networks(), self.options.networks
        for name in LIGHT:
            networks[name] = initialise(LightNetwork(len(self.own.taps)), chosen.init_type, chosen.init_gain)
        return networks

    def build_optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {**super().build_optimizers(), "F": self.adam("F1", "F2", *LIGHT)}

    def draw(
        self, batch: Batch, generator: torch.Generator | None = None, epoch: int = 1, last_epoch: int = 1, step: int = 0
    ) -> SimDCLDraws:
        similar_A, similar_B = self.draw_patches(batch, generator)
        drawn = super().draw(batch, generator, epoch, last_epoch, step)
        return SimDCLDraws(**vars(drawn), similar_A=similar_A, similar_B=similar_B)

    def generator_loss(
        self, batch: Batch, to_B: Translated, to_A: Translated, draws: SimDCLDraws
    ) -> tuple[Tensor, Logs]:
        """The mean of both directions of GAN, PatchNCE and identity, the latter two unweighted; and λ_SIM · Sim."""
        features_B, similar_B = self.encode_twice(self.encoder_B, to_B.fake)
        features_A, similar_A = self.encode_twice(self.encoder_A, to_A.fake)
        query_B, query_A = self.F2(features_B, draws.patches_A), self.F1(features_A, draws.patches_B)
        key_A, key_B = self.keys(batch, to_B, to_A, draws)

        logs = self.gan_losses(to_B, to_A)
        logs["NCE1"] = cosine_nce(query_B, key_A, self.own.nce_T)
        logs["NCE2"] = cosine_nce(query_A, key_B, self.own.nce_T)
        logs |= self.identity_losses(batch, to_B, to_A)
        loss = torch.stack(list(logs.values())).sum() / 2

        # Nothing is detached: keys, heads and both generators learn from it.
        apart_A = self.apart("F3", key_A, "F6", self.F1(similar_A, draws.similar_B))
        apart_B = self.apart("F4", self.F2(similar_B, draws.similar_A), "F5", key_B)
        logs["Sim"] = self.own.lambda_SIM * (apart_A + apart_B)
        loss = loss + logs["Sim"]
        return loss, {**logs, "G": loss}

    def encode_twice(self, encoder: ContrastiveGenerator, image: Tensor) -> tuple[Features, Features]:
        """Features of an image for PatchNCE and for the similarity loss: of one pass where that is exact."""
        features = self.encode(encoder, image)
        return features, features if encoder.encoder_is_exact else self.encode(encoder, image)

    def apart(self, first: str, vectors: Sequence[Tensor], second: str, others: Sequence[Tensor]) -> Tensor:
        """The L1 distance of what two light networks make of the vectors (B, P, C) of each tap."""
        one, other = (
            self.networks[first](torch.stack(list(vectors), 1)),
            self.networks[second](torch.stack(list(others), 1)),
        )
        return F.l1_loss(one, other)

    def check_size(self, width: int, height: int) -> None:
        super().check_size(width, height)
        for tap, (_, *size) in zip(self.own.taps, self.probes[0].tap_shapes(height, width), strict=True):
            if size[0] * size[1] < PATCHES:
                raise UserError(
                    f"SimDCL compares {PATCHES} patches at each tap, but tap {tap} of --netG "
                    f"{self.options.networks.netG} has {size[1]}×{size[0]} positions for images of {width}×{height} "
                    "pixels: use a larger --crop_size, or --nce_layers without that tap."
                )
