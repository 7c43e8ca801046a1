"""Options of CUT, FastCUT and SinCUT: what PatchNCE compares, and the weights of the losses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cut.options import Rule, at_least, finite_at_least, no_image_pool, option, parse_taps, positive, tap_list
from cut.registry import HEADS, NCE_LOSSES, NCE_SAMPLERS


@dataclass(frozen=True)
class ContrastiveOptions:
    """The losses that train the generator."""

    CUT_mode: str = option(
        "CUT",
        "preset of the method's options: FastCUT has no identity loss and a larger weight of PatchNCE",
        choices=("CUT", "FastCUT"),
        ignore_case=True,
        fixed=True,
        from_training=True,
    )
    lambda_GAN: float = option(1.0, "weight of the GAN loss", check=finite_at_least(0))
    lambda_NCE: float = option(1.0, "weight of PatchNCE", check=finite_at_least(0))
    lambda_SRC: float = option(
        0.0,
        "weight of SRC, the consistency of how the patches of an image relate to each other; a sum over num_patches, "
        "so that it grows with them",
        phase="train",
        check=finite_at_least(0),
    )
    nce_idt: bool = option(True, "also PatchNCE between target images and their own translations (identity loss)")
    lambda_identity: float = option(
        0.0,
        "weight of the pixel identity loss, |G(target) − target|: an image of the target domain stays what it is",
        check=finite_at_least(0),
    )
    nce_layers: str = option(
        "0,4,8,12,16",
        "layers of the generator that PatchNCE compares (taps)",
        check=tap_list,
        fixed=True,
        from_training=True,
    )
    nce_includes_all_negatives_from_minibatch: bool = option(
        False, "negatives from the whole batch instead of the same image (single-image training)"
    )
    nce_memory: int = option(
        0,
        "so many earlier images whose patches are negatives too (external negatives), as F saw them then",
        phase="train",
        check=at_least(0),
    )
    nce_internal: bool = option(
        True,
        "negatives from the same image; without, those of other images alone: of the batch, or of nce_memory",
        phase="train",
    )
    nce_T: float = option(0.07, "temperature of PatchNCE", check=positive(), from_training=True)
    nce_loss: str = option(
        "ce",
        "PatchNCE loss of each patch: ce is cross-entropy; focal gives less weight to patches already told apart; hdce "
        "is decoupled with hard negatives (Hneg_SRC; its defaults are no nce_idt and lambda_SRC 1); monce weighs "
        "negatives by optimal transport",
        phase="train",
        choices=NCE_LOSSES.names,
        fixed=True,
    )
    nce_sampler: str = option(
        "random",
        "patches of each tap: random; or, at the fourth and later of nce_layers, those whose attention has the lowest "
        "entropy, features mixed by it (QS-Attn): it is among all positions (qs_global), in 7×7 windows (qs_local), "
        "or in windows to choose and among all to mix (qs_local_global)",
        phase="train",
        choices=NCE_SAMPLERS.names,
        fixed=True,
    )
    num_patches: int = option(256, "patches sampled from each tap", check=at_least(1))
    flip_equivariance: bool = option(False, "flip the generator's input at random, and its features back (FastCUT)")
    netF: str = option(
        "mlp_sample",
        "head that turns sampled patches into the vectors PatchNCE compares",
        choices=HEADS.names,
        unusable=("reshape",),
        fixed=True,
        from_training=True,
    )
    netF_nc: int = option(256, "dimension of those vectors", check=at_least(1), fixed=True, from_training=True)
    pool_size: int = option(0, "must be 0: CUT has no image pool", phase="train", check=no_image_pool)

    @property
    def taps(self) -> tuple[int, ...]:
        """`nce_layers` as numbers, in the order given."""
        return parse_taps(self.nce_layers)


def identity_channels(values: Mapping[str, Any]) -> str | None:
    off = ["--nce_idt false"] if values["nce_idt"] else []
    if values["lambda_identity"] > 0:
        off.append("--lambda_identity 0")
    if not off or values["input_nc"] == values["output_nc"]:
        return None
    return (
        "The identity loss passes target images through the generator, which takes source images, so "
        f"--input_nc {values['input_nc']} and --output_nc {values['output_nc']} must be equal; "
        f"use {' and '.join(off)}, or equal channel counts."
    )


def something_to_learn(values: Mapping[str, Any]) -> str | None:
    weights = ("lambda_GAN", "lambda_NCE", "lambda_SRC", "lambda_identity")
    if any(values[name] > 0 for name in weights):
        return None
    offered = " or ".join(f"--{name}" for name in weights)
    return f"All loss weights are 0, so nothing would be trained; set {offered} above 0."


def known_to_the_form(values: Mapping[str, Any]) -> str | None:
    changed = [name for name, default in (("nce_memory", 0), ("nce_internal", True)) if values[name] != default]
    if not changed:
        return None
    takers = [entry.name for entry in NCE_LOSSES.entries() if getattr(entry.factory, "takes_memory", False)]
    if values["nce_loss"] in takers:
        return None
    return (
        f"--{changed[0]} is for --nce_loss {' or '.join(takers)}, not {values['nce_loss']}: leave it out, or use one "
        "of these."
    )


def some_negatives(values: Mapping[str, Any]) -> str | None:
    across_batch = values["nce_includes_all_negatives_from_minibatch"] and values["batch_size"] > 1
    if values["nce_internal"] or values["nce_memory"] > 0 or across_batch:
        return None
    return (
        "--nce_internal false leaves no negatives: take those of other images with --nce_memory 16, or with "
        "--nce_includes_all_negatives_from_minibatch and a --batch_size above 1."
    )


CONTRASTIVE_RULES = (
    Rule(("nce_memory", "nce_internal", "nce_loss"), known_to_the_form, "train"),
    Rule(
        ("nce_internal", "nce_memory", "nce_includes_all_negatives_from_minibatch", "batch_size"),
        some_negatives,
        "train",
    ),
    Rule(("nce_idt", "lambda_identity", "input_nc", "output_nc"), identity_channels, "train"),
    Rule(("lambda_GAN", "lambda_NCE", "lambda_SRC", "lambda_identity"), something_to_learn, "train"),
)
