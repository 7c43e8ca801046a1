"""PatchNCE, the contrastive loss between corresponding patches (CUT, section 3.2, eq. 2–4)."""

from collections.abc import Sequence

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


def multi_tap_nce(queries: Sequence[Tensor], keys: Sequence[Tensor], temperature: float, across_batch: bool) -> Tensor:
    """Mean over the taps of the mean PatchNCE loss of each: a scalar (eq. 3, averaged instead of summed)."""
    losses = [patch_nce(query, key, temperature, across_batch) for query, key in zip(queries, keys, strict=True)]
    return torch.stack([loss.mean() for loss in losses]).mean()
