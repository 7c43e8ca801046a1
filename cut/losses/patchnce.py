"""PatchNCE, the contrastive loss between corresponding patches (CUT, section 3.2, eq. 2–4)."""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def patch_nce(query: Tensor, key: Tensor, temperature: float = 0.07, across_batch: bool = False) -> Tensor:
    """Cross-entropy of telling each query's own key among the keys of the other positions.

    Args:
        query: (B, P, C) vectors of the translated images.
        key: (B, P, C) vectors of the source images at the same positions; gets no gradient.
        temperature: τ, divides the similarities.
        across_batch: whether the patches of the other images of the batch are negatives too.

    Returns:
        (B·P,) losses, one per query; log of the number of keys where nothing has been learned.
    """
    if across_batch:
        query, key = query.flatten(0, 1)[None], key.flatten(0, 1)[None]  # (B, P, C) → (1, B·P, C)
    logits = query @ key.detach().transpose(1, 2) / temperature  # (B, P, P), positives on the diagonal
    images, patches, _ = logits.shape
    own = torch.arange(patches, device=logits.device).repeat(images)  # (B·P,)
    return F.cross_entropy(logits.flatten(0, 1), own, reduction="none")


def focal(cross_entropy: Tensor, gamma: float = 2.0, alpha: float = 0.25, full_gradient: bool = False) -> Tensor:
    """Focal form of cross-entropies: −α (1 − p)^γ log p, which attends less to what is already told apart.

    From Lin et al., "Focal Loss for Dense Object Detection" (ICCV 2017, eq. 5), with one α for every query.

    Args:
        cross_entropy: −log p of any shape, p the softmax probability of the query's own key.
        gamma: γ ≥ 0, how fast the attention falls; γ = 0 and α = 1 is the cross-entropy itself, bit for bit.
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


def multi_tap_nce(
    queries: Sequence[Tensor],
    keys: Sequence[Tensor],
    temperature: float,
    across_batch: bool,
    of_query: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """Mean over the taps of the mean PatchNCE loss of each: a scalar (eq. 3, averaged instead of summed).

    Args:
        queries, keys, temperature, across_batch: of `patch_nce`, vectors for each tap.
        of_query: what becomes of the queries' cross-entropies before they are averaged, such as `focal`.
    """
    losses = [patch_nce(query, key, temperature, across_batch) for query, key in zip(queries, keys, strict=True)]
    if of_query is not None:
        losses = [of_query(loss) for loss in losses]
    return torch.stack([loss.mean() for loss in losses]).mean()
