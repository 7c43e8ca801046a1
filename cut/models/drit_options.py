"""The options of DRIT++."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cut.models.styles import STYLE_RULES, StyleOptions
from cut.options import Rule, at_least, option


@dataclass(frozen=True)
class DRITOptions(StyleOptions):
    """DRIT++: its networks and its schedule."""

    width: int = option(
        64, "channels of the first layer of each network", check=at_least(1), fixed=True, from_training=True
    )
    concat: bool = option(
        True, "append the attribute to the features; false: mix it in after each convolution, for shapes that change",
        fixed=True, from_training=True,
    )  # fmt: skip
    no_ms: bool = option(False, "no mode seeking: the version of ECCV 2018", phase="train", flag=True, fixed=True)
    dis_scale: int = option(
        3, "scales that the image discriminators judge; 1: a deeper one at one scale", phase="train", check=at_least(1),
        fixed=True,
    )  # fmt: skip
    d_iter: int = option(
        3, "train the networks in every N-th step, and in the last two of an epoch; the content discriminator alone in "
        "the others", phase="train", check=at_least(1), fixed=True,
    )  # fmt: skip


def batch_of_two(values: Mapping[str, Any]) -> str | None:
    if values["batch_size"] == 2:
        return None
    return (
        "A step of DRIT translates the first of two images, and its discriminators compare with the second: use "
        f"--batch_size 2, not {values['batch_size']}."
    )


DRIT_RULES = (*STYLE_RULES, Rule(("batch_size",), batch_of_two, "train"))
