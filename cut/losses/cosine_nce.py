"""PatchNCE of DCLGAN (Han, Shoeiby, Petersson, Armin, "Dual Contrastive Learning for Unsupervised Image-to-Image
Translation", CVPR Workshops 2021): cosine similarities, and negatives from all images of the batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cut.lazy import functional as F
from cut.losses.patchnce import Contrast, multi_tap_nce

if TYPE_CHECKING:
    from torch import Tensor


def cosine_nce(queries: Sequence[Tensor], keys: Sequence[Tensor], temperature: float) -> Tensor:
    """Mean over the taps of the mean cross-entropy of telling each query's own key among all keys of the batch.

    Vectors may have any length: the logits are their cosines. Those of a head are divided by their length + 1e-7, which
    this undoes, as the published code does.

    Args:
        queries: (B, P, C) of each tap, of the translated images.
        keys: (B, P, C) of each tap, of their source images at the same positions; they get no gradient.
        temperature: τ, divides the cosines.
    """
    unit_queries, unit_keys = ([F.normalize(vector, dim=-1) for vector in vectors] for vectors in (queries, keys))
    return multi_tap_nce(unit_queries, unit_keys, Contrast(temperature, across_batch=True))
