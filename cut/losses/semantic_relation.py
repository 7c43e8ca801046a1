"""Semantic relation consistency, SRC: patches of a translation relate to each other as those of its source do.

From Jung, Kwon and Ye, "Exploring Patch-wise Semantic Relation for Contrastive Learning in Image-to-Image Translation
Tasks" (CVPR 2022, section 3.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cut.lazy import torch
from cut.losses.patchnce import compared_together
from cut.networks.vectors import unit_length
from cut.precision import exact

if TYPE_CHECKING:
    from torch import Tensor


def relations(vectors: Tensor) -> Tensor:
    """(G, N, C) vectors → (G, N, N) cosines of the angles between those of a set."""
    unit = unit_length(vectors)
    return unit @ unit.transpose(1, 2)


def semantic_relation(query: Tensor, key: Tensor) -> Tensor:
    """Jensen-Shannon divergence between how queries and how keys relate to each other, summed over the patches.

    Args:
        query: (G, N, C) vectors of the translated images.
        key: (G, N, C) vectors of the source images at the same positions; gets no gradient.

    Returns:
        (G,) divergences of the rows' softmaxes in nats, at most N log 2: a sum over the N rows, which grows with N.
    """
    of_query = relations(query).softmax(dim=2)  # a cosine is at least −1, so no probability is 0
    of_key = relations(key.detach()).softmax(dim=2)
    middle = (of_query + of_key) / 2
    divergence = of_query * (of_query / middle).log() + of_key * (of_key / middle).log()
    return divergence.sum(dim=(1, 2)) / 2


def multi_tap_relation(queries: Sequence[Tensor], keys: Sequence[Tensor], across_batch: bool = False) -> Tensor:
    """Mean over the taps and images of `semantic_relation`: a scalar.

    Args:
        queries, keys: (B, P, C) vectors for each tap.
        across_batch: relate the patches of all images of the batch to each other, not those of each image.
    """
    with exact(queries[0]):
        losses = [
            semantic_relation(compared_together(query, across_batch), compared_together(key, across_batch)).mean()
            for query, key in zip(queries, keys, strict=True)
        ]
        return torch.stack(losses).mean()
