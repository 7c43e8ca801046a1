"""The focal form of PatchNCE, `--nce_loss focal`: patches that are already told apart count less."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cut.lazy import torch
from cut.losses.patchnce import Contrast, PatchNCE, contrasted
from cut.options import finite_at_least, option, positive
from cut.registry import NCE_LOSSES

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class FocalOptions:
    """Options of the focal form of PatchNCE."""

    focal_gamma: float = option(
        2.0,
        "focusing exponent of focal: the loss is -alpha (1 - p)^gamma log p",
        phase="train",
        check=finite_at_least(0),
    )
    focal_alpha: float = option(0.25, "weight of every patch in focal", phase="train", check=positive())
    focal_gradient: str = option(
        "constant",
        "gradient of focal: constant: (1 - p)^gamma is a constant, as in its authors' code; full: it is differentiated",
        phase="train",
        choices=("constant", "full"),
        fixed=True,
    )


def focal_title(options: Mapping[str, Any]) -> str:
    full = " full gradient" if options["focal_gradient"] == "full" else ""
    return f"focal γ{options['focal_gamma']:g} α{options['focal_alpha']:g}{full}"


@NCE_LOSSES.register(
    "focal", options=FocalOptions, title=focal_title, titled=("focal_gamma", "focal_alpha", "focal_gradient")
)
@dataclass(frozen=True)
class FocalPatchNCE(PatchNCE):
    """`focal` of each query's cross-entropy."""

    focal_gamma: float = 2.0
    focal_alpha: float = 0.25
    focal_gradient: str = "constant"

    def __call__(self, query: Tensor, key: Tensor, contrast: Contrast) -> Tensor:
        cross_entropy = contrasted(query, key, contrast)
        return focal(cross_entropy, self.focal_gamma, self.focal_alpha, self.focal_gradient == "full")


def focal(cross_entropy: Tensor, gamma: float = 2.0, alpha: float = 0.25, full_gradient: bool = False) -> Tensor:
    """Focal form of cross-entropies: −α (1 − p)^γ log p, which gives less weight to queries already told apart.

    From Lin et al., "Focal Loss for Dense Object Detection" (ICCV 2017, eq. 5), with one α for every query.

    Args:
        cross_entropy: −log p of any shape, p the softmax probability of the query's own key.
        gamma: γ ≥ 0, the focusing exponent; γ = 0 and α = 1 is the cross-entropy itself, bit for bit.
        alpha: α, weight of every query.
        full_gradient: differentiate (1 − p)^γ too. Else it is a constant that weighs the cross-entropy's gradient.

    Returns:
        losses of the same shape, at most α times as large.
    """
    # 1 − p without cancellation near p = 1. Where p rounds to 1 the loss is 0, but the slope of (1 − p)^γ is infinite
    # for γ < 1; there the clamp lets no gradient through, which is its limit: γ (1 − p)^(γ − 1) p · −log p → 0.
    remaining = -torch.expm1(-cross_entropy)
    remaining = remaining.clamp_min(torch.finfo(remaining.dtype).tiny)
    if not full_gradient:
        remaining = remaining.detach()
    return alpha * remaining**gamma * cross_entropy
