"""PatchNCE, the contrastive loss between corresponding patches (CUT, section 3.2, eq. 2–4), and what its forms share.

A form turns a query's similarities to the keys into its loss. To add one, write a file beside this one and register a
`PatchNCE` there; `cut/losses/focal.py` is an example.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from cut.lazy import functional as F
from cut.lazy import torch
from cut.precision import exact
from cut.processes.group import gathered, rank
from cut.registry import NCE_LOSSES

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Contrast:
    """What a form of PatchNCE may depend on besides the vectors.

    Attributes:
        temperature: τ, divides the similarities.
        across_batch: whether the patches of the other images of the batch are negatives too.
        epoch: the epoch being trained; the first is 1.
        last_epoch: the epoch in which the run ends.
        memory: (N, C) unit vectors that are negatives of every query of this tap too; None for none.
        internal: whether the other patches of a query's own image are negatives.
    """

    temperature: float = 0.07
    across_batch: bool = False
    epoch: int = 1
    last_epoch: int = 1
    memory: Tensor | None = None
    internal: bool = True


@NCE_LOSSES.register("ce", title=lambda _: "")
@dataclass(frozen=True)
class PatchNCE:
    """The published form: the cross-entropy of telling each query's own key among the keys of the other positions.

    Attributes:
        label: the published name of the loss in logs.
        shares_positions: whether the identity pair is compared at the positions of the other pair.
        takes_memory: whether it uses `Contrast.memory` and `Contrast.internal`.
        follows_epoch: whether it uses `Contrast.epoch`.
    """

    label: ClassVar[str] = "NCE"
    shares_positions: ClassVar[bool] = False
    takes_memory: ClassVar[bool] = True
    follows_epoch: ClassVar[bool] = False

    def __call__(self, query: Tensor, key: Tensor, contrast: Contrast) -> Tensor:
        """The loss of each query of one tap.

        Args:
            query: (B, P, C) unit vectors of the translated images.
            key: (B, P, C) unit vectors of the source images at the same positions; gets no gradient.
            contrast: temperature, negatives, and how far the run is.

        Returns:
            (B·P,) losses, whose mean is the tap's loss.
        """
        return contrasted(query, key, contrast)

    def of_taps(self, queries: Sequence[Tensor], keys: Sequence[Tensor], contrast: Contrast) -> list[Tensor]:
        """The same for several taps; a form that can do them together does."""
        return [self(query, key, contrast) for query, key in zip(queries, keys, strict=True)]


def contrasted(query: Tensor, key: Tensor, contrast: Contrast) -> Tensor:
    """`patch_nce` with everything that `contrast` says; the arguments and the result as in `PatchNCE`."""
    external = (contrast.memory, contrast.internal)
    return patch_nce(query, key, contrast.temperature, contrast.across_batch, *external)


def patch_nce(
    query: Tensor,
    key: Tensor,
    temperature: float = 0.07,
    across_batch: bool = False,
    memory: Tensor | None = None,
    internal: bool = True,
) -> Tensor:
    """Cross-entropy of telling each query's own key among the keys of the other positions.

    Args:
        query, key: as in `PatchNCE`.
        temperature, across_batch, memory, internal: as in `Contrast`.

    Returns:
        (B·P,) losses, one per query; log of the number of keys where all keys are equally similar.
    """
    key, first, of_image = key.detach(), 0, key.shape[1]
    if across_batch:  # that of all processes
        query, key = query.flatten(0, 1)[None], gathered(key.flatten(0, 1))[None]  # (B, P, C) → (1, B·P, C)
        first = rank() * query.shape[1]
    logits = query @ key.transpose(1, 2) / temperature  # (B, P, P), positives on the diagonal
    images, patches, _ = logits.shape
    own = torch.arange(first, first + patches, device=logits.device).repeat(images)  # (B·P,)
    if not internal:
        column = torch.arange(logits.shape[2], device=logits.device)
        row = own[:patches, None]
        # Of its own image a query keeps its own key alone.
        logits = logits.masked_fill((row // of_image == column // of_image) & (row != column), -torch.inf)
    if memory is not None:
        logits = torch.cat([logits, query @ memory.detach().t() / temperature], 2)  # (B, P, P + N)
    return F.cross_entropy(logits.flatten(0, 1), own, reduction="none")


def compared_together(vectors: Tensor, across_batch: bool) -> Tensor:
    """(B, P, C) → (G, N, C), the sets of vectors that are compared with each other, for losses that need all of a set.

    A set is an image's vectors, or those of the whole batch, of all processes: then G is 1.
    """
    return gathered(vectors.flatten(0, 1))[None] if across_batch else vectors


def without_own(values: Tensor) -> Tensor:
    """(G, N, N) with −10 on the diagonal, where each query meets its own key: the published mask, which is not −∞."""
    return values.masked_fill(torch.eye(values.shape[1], dtype=torch.bool, device=values.device), -10.0)


def multi_tap_nce(
    queries: Sequence[Tensor], keys: Sequence[Tensor], contrast: Contrast, form: PatchNCE | None = None
) -> Tensor:
    """Mean over the taps of the mean PatchNCE loss of each: a scalar (eq. 3, averaged instead of summed).

    Args:
        queries, keys: vectors for each tap, as in `PatchNCE`.
        contrast: as in `PatchNCE`.
        form: the loss of a query; the cross-entropy where none is given.
    """
    form = PatchNCE() if form is None else form
    with exact(queries[0]):
        return torch.stack([loss.mean() for loss in form.of_taps(queries, keys, contrast)]).mean()
