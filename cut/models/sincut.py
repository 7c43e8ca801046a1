"""SinCUT: one picture into the style of one other picture (CUT, section 4.4 and appendix).

CUT on crops of two pictures, with StyleGAN2-style networks, an R1 penalty on D and a pixel identity loss.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from cut.lazy import functional as F
from cut.models.contrastive_options import CONTRASTIVE_RULES, ContrastiveOptions
from cut.models.cut import CUT
from cut.models.draws import Draws
from cut.models.shared_passes import Translated
from cut.options import finite_at_least, option
from cut.registry import MODELS

if TYPE_CHECKING:
    from torch import Tensor

    from cut.data.batch import Batch
    from cut.models.method import Logs


@dataclass(frozen=True)
class SinCUTOptions(ContrastiveOptions):
    """The losses that train the generator."""

    lambda_identity: float = option(
        1.0, "weight of the pixel identity loss, |G(target) − target|", check=finite_at_least(0)
    )


_NETWORKS_AND_LOSSES = {
    "dataset_mode": "singleimage",
    "load_size": 1024,
    "crop_size": 64,
    "netG": "stylegan2",
    "ngf": 10,
    "netD": "stylegan2",
    "ndf": 8,
    "lambda_R1": 1.0,
    "nce_layers": "0,2,4",
    "lambda_NCE": 4.0,
    "num_patches": 1,  # of each crop: the negatives are the other crops of the batch
    "nce_includes_all_negatives_from_minibatch": True,
}
_TRAINING = {
    "preprocess": "zoom_and_patch",
    "batch_size": 16,
    "gan_mode": "nonsaturating",
    "lr": 0.002,
    "beta1": 0.0,
    "beta2": 0.99,
    "n_epochs": 8,
    "n_epochs_decay": 8,
    "save_latest_freq": 20000,
    "save_epoch_freq": 1,
}


@MODELS.register(
    "sincut",
    label="SinCUT",
    options=SinCUTOptions,
    defaults={
        "train": {**_NETWORKS_AND_LOSSES, **_TRAINING},
        "test": {**_NETWORKS_AND_LOSSES, "preprocess": "none"},
    },
    presets={"FastCUT": "fastcut.yaml"},
    rules=CONTRASTIVE_RULES,
)
class SinCUT(CUT):
    """CUT with R1 and a pixel identity loss; everything else is inherited."""

    own: SinCUTOptions
    loss_names: ClassVar[tuple[str, ...]] = (*CUT.loss_names, "idt")
    without_identity: ClassVar[str] = "--nce_idt false and --lambda_identity 0"

    def generator_loss(self, batch: Batch, translated: Translated, draws: Draws) -> tuple[Tensor, Logs]:
        loss, logs = super().generator_loss(batch, translated, draws)
        if not self.has_pixel_identity or translated.identity is None:
            return loss, logs
        target = batch.sides[1].flip(3) if draws.flip else batch.sides[1]  # a flipped step translates flipped images
        identity = self.own.lambda_identity * F.l1_loss(translated.identity, target)
        loss = loss + identity
        return loss, {**logs, "G": loss, "idt": identity}

    @property
    def has_pixel_identity(self) -> bool:
        return self.own.lambda_identity > 0

    @property
    def translates_target(self) -> bool:
        return super().translates_target or self.has_pixel_identity
