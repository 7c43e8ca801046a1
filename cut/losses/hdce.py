"""The decoupled form of PatchNCE with hard negatives, `--nce_loss hdce` (Hneg_SRC).

From Jung, Kwon and Ye, "Exploring Patch-wise Semantic Relation for Contrastive Learning in Image-to-Image Translation
Tasks" (CVPR 2022, section 3.2); its other loss, SRC, is `cut/losses/semantic_relation.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from cut.lazy import functional as F
from cut.lazy import torch
from cut.losses.patchnce import Contrast, PatchNCE, compared_together, without_own
from cut.losses.semantic_relation import relations
from cut.options import at_least, option, positive
from cut.registry import NCE_LOSSES

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class HardNegativeOptions:
    """Options of the decoupled form with hard negatives."""

    HDCE_gamma: float = option(
        1.0,
        "temperature of the weights of negatives in hdce, exp((r - max r)/gamma) for the similarity r of two keys of "
        "an image: small favours hard negatives, large is nearly uniform. Negatives from other images have weight 1, "
        "so with --num_patches 1 (SinCUT's) it does nothing",
        phase="train",
        check=positive(),
    )
    HDCE_gamma_min: float = option(
        1.0, "the gamma that use_curriculum reaches in the last epoch", phase="train", check=positive()
    )
    use_curriculum: bool = option(
        False,
        "change gamma from HDCE_gamma to HDCE_gamma_min, by the same amount in every epoch",
        phase="train",
        flag=True,
    )
    step_gamma: bool = option(
        False, "with use_curriculum: gamma is 1 after epoch step_gamma_epoch", phase="train", flag=True
    )
    step_gamma_epoch: int = option(200, "the epoch after which step_gamma acts", phase="train", check=at_least(0))
    no_Hneg: bool = option(False, "hdce without weights: decoupled only", phase="train", flag=True)


@NCE_LOSSES.register(
    "hdce",
    options=HardNegativeOptions,
    defaults={"train": {"lambda_SRC": 1.0, "nce_idt": False}},
    aliases={"lambda_HDCE": ("lambda_NCE",), "dce_idt": ("nce_idt",)},
)
@dataclass(frozen=True)
class HardNegativePatchNCE(PatchNCE):
    """Decoupled contrast with negatives weighed by their similarity to the query's own key."""

    HDCE_gamma: float = 1.0
    HDCE_gamma_min: float = 1.0
    use_curriculum: bool = False
    step_gamma: bool = False
    step_gamma_epoch: int = 200
    no_Hneg: bool = False

    label: ClassVar[str] = "HDCE"
    shares_positions: ClassVar[bool] = True
    takes_memory: ClassVar[bool] = False
    follows_epoch: ClassVar[bool] = True

    def __call__(self, query: Tensor, key: Tensor, contrast: Contrast) -> Tensor:
        weights = None
        if not self.no_Hneg:
            weights = hard_negative_weights(key.detach(), self.gamma(contrast.epoch, contrast.last_epoch))
            if contrast.across_batch:
                weights = _among_all_images(compared_together(weights, True), key.shape[1])
        query, key = (compared_together(vectors, contrast.across_batch) for vectors in (query, key))
        return decoupled_nce(query, key, weights, contrast.temperature)

    def gamma(self, epoch: int, last_epoch: int) -> float:
        """γ in an epoch; the first is 1."""
        if not self.use_curriculum:
            return self.HDCE_gamma
        if self.step_gamma and epoch > self.step_gamma_epoch:
            return 1.0
        return self.HDCE_gamma + (self.HDCE_gamma_min - self.HDCE_gamma) * epoch / last_epoch


def hard_negative_weights(key: Tensor, gamma: float) -> Tensor:
    """exp((r_ij − max_j r_ij) / γ) for the similarity r of two keys, i ≠ j: 1 for a query's hardest negative.

    Args:
        key: (G, N, C) vectors, which get no gradient.
        gamma: γ > 0.

    Returns:
        (G, N, N) weights in [0, 1] of the keys (columns) for the queries (rows); 1 where there is one key.
    """
    similar = without_own(relations(key))
    return ((similar - similar.amax(dim=2, keepdim=True)) / gamma).exp()


def decoupled_nce(query: Tensor, key: Tensor, weights: Tensor | None, temperature: float) -> Tensor:
    """Contrast of each query with the weighed keys of the others.

    The value is the cross-entropy, log(1 + Σ_j exp((w_ij s_ij − s_ii) / τ)). The gradient is that of
    log Σ_j exp((w_ij s_ij − s_ii) / τ): the query's own key is not in the sum, so that queries which are already told
    apart are pulled no less ("decoupled").

    Args:
        query: (G, N, C) unit vectors.
        key: (G, N, C) unit vectors; they get no gradient.
        weights: (G, N, N) of the similarities, without a graph; None for 1.
        temperature: τ.

    Returns:
        (G·N,) losses, one per query.
    """
    similar = query @ key.detach().transpose(1, 2)  # (G, N, N), the query's own key on the diagonal
    own = similar.diagonal(dim1=1, dim2=2).unsqueeze(2)  # (G, N, 1)
    others = without_own(similar if weights is None else weights * similar)
    decoupled = ((others - own) / temperature).logsumexp(dim=2).flatten()  # (G·N,)
    return F.softplus(decoupled.detach()) + (decoupled - decoupled.detach())


def _among_all_images(weights: Tensor, patches: int) -> Tensor:
    """Weights (1, B·P, P) of each image's keys → (1, B·P, B·P), 1 for keys of other images."""
    queries = weights.shape[1]
    images = torch.arange(queries, device=weights.device) // patches
    repeated = weights.repeat(1, 1, queries // patches)  # (1, B·P, B·P): of every image the weights of the own image
    return repeated.masked_fill(images[:, None] != images, 1.0)
