"""The options of MUNIT: names and defaults of the published configurations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cut.losses.gan import LeastSquares, NonSaturating
from cut.models.styles import STYLE_RULES, StyleOptions
from cut.options import Rule, at_least, finite_at_least, option

GAN_TYPES = {"lsgan": LeastSquares, "nsgan": NonSaturating}


@dataclass(frozen=True)
class MUNITOptions(StyleOptions):
    """MUNIT: its networks, losses and rate; names as in the published configurations."""

    dim: int = option(
        64, "channels of the first layers of the generators", check=at_least(1), fixed=True, from_training=True
    )
    style_dim: int = option(8, "numbers in a style code", check=at_least(1), fixed=True, from_training=True)
    mlp_dim: int = option(
        256,
        "units of the MLP between a style code and the norms of a decoder",
        check=at_least(1),
        fixed=True,
        from_training=True,
    )
    n_downsample: int = option(2, "how often the content is halved", check=at_least(1), fixed=True, from_training=True)
    n_res: int = option(
        4,
        "residual blocks of each content encoder and of each decoder",
        check=at_least(1),
        fixed=True,
        from_training=True,
    )
    dis_dim: int = option(64, "channels of the first layers of the discriminators", check=at_least(1), fixed=True)
    n_layer: int = option(4, "layers of the discriminators that halve the resolution", check=at_least(1), fixed=True)
    num_scales: int = option(
        3, "scales that the discriminators judge: the image, a half of it, a quarter", check=at_least(1), fixed=True
    )
    gan_type: str = option(
        "lsgan", "GAN loss: least squares, or nsgan, binary cross-entropy", phase="train", choices=GAN_TYPES, fixed=True
    )  # fmt: skip
    gan_w: float = option(1.0, "weight of the GAN losses", phase="train", check=finite_at_least(0))
    recon_x_w: float = option(
        10.0, "weight of the reconstruction of an image from its content and style", phase="train",
        check=finite_at_least(0),
    )  # fmt: skip
    recon_s_w: float = option(
        1.0, "weight of the reconstruction of a style that was drawn", phase="train", check=finite_at_least(0)
    )
    recon_c_w: float = option(
        1.0, "weight of the reconstruction of a translated content", phase="train", check=finite_at_least(0)
    )
    recon_x_cyc_w: float = option(
        0.0, "weight of the cycle loss; the published one is 10 for photographs and 0 for edges", phase="train",
        check=finite_at_least(0),
    )  # fmt: skip
    vgg_w: float = option(
        0.0, "weight of the perceptual loss, the published one for synthia2cityscape is 1; it needs --vgg_file",
        phase="train", check=finite_at_least(0),
    )  # fmt: skip
    vgg_file: str | None = option(
        None, "file with the weights of VGG-16 for --vgg_w: a state dict with layers named conv1_1 to conv5_3, which "
        "take BGR in 0 to 255", phase="train",
    )  # fmt: skip
    weight_decay: float = option(0.0001, "weight decay of Adam", phase="train", check=finite_at_least(0), fixed=True)
    step_size: int = option(
        100_000, "steps after which the learning rate is multiplied by --gamma, again and again", phase="train",
        check=at_least(1),
    )  # fmt: skip
    gamma: float = option(0.5, "see --step_size", phase="train", check=finite_at_least(0))


def vgg_given(values: Mapping[str, Any]) -> str | None:
    if not values["vgg_w"] or (values["vgg_file"] is not None and values["input_nc"] == values["output_nc"] == 3):
        return None
    if values["vgg_file"] is None:
        return f"--vgg_w {values['vgg_w']} needs the weights of VGG-16: give --vgg_file, or leave --vgg_w out."
    return "The perceptual loss compares colour images: leave --vgg_w out, or use --input_nc 3 --output_nc 3."


MUNIT_RULES = (*STYLE_RULES, Rule(("vgg_w", "vgg_file", "input_nc", "output_nc"), vgg_given, "train"))
