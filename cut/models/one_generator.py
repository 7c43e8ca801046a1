"""`--model test`: one generator from its weight file, as in the tutorials of CycleGAN."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cut.models.build import build_generator
from cut.models.method import Method
from cut.options import Options, option
from cut.registry import MODELS

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class OneGeneratorOptions:
    """Which generator translates."""

    model_suffix: str = option("", "translate with {epoch}_net_G{model_suffix}.pth: _A or _B for a CycleGAN")


@MODELS.register(
    "test",
    label="one generator",
    options=OneGeneratorOptions,
    defaults={"test": {"dataset_mode": "single", "no_antialias": True, "no_antialias_up": True}},
    aliases={"norm": ("normG",)},
    # A U-Net's dropout has no weights by which it could be missed, and acts when pix2pix translates.
    with_components={"unet_128": {"no_dropout": False}, "unet_256": {"no_dropout": False}},
    without=("discriminator",),
    phases=("test",),
)
class OneGenerator(Method):
    """A generator that was trained by any method; it translates and does not train."""

    loss_names = ()

    @classmethod
    def translator_names(cls, options: Options) -> tuple[str, ...]:
        return (f"G{options.method.model_suffix}",)

    def build_networks(self) -> dict[str, nn.Module]:
        (name,) = self.translator_names(self.options)
        return {name: build_generator(self.options)}
