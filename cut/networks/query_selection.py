"""Query selection by attention, QS-Attn: `--nce_sampler qs_global`, `qs_local` and `qs_local_global`.

From Hu et al., "QS-Attn: Query-Selected Attention for Contrastive Learning in I2I Translation" (CVPR 2022, section 3).
Attention among the positions of the source's features says which of them are special: those whose attention is
concentrated, of low entropy. Their features, mixed by that attention, enter F in place of plain ones.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cut.lazy import functional as F
from cut.lazy import torch
from cut.networks.samplers import PatchSampler
from cut.options import option
from cut.precision import exact, full
from cut.registry import NCE_SAMPLERS

if TYPE_CHECKING:
    from torch import Tensor

FIRST_TAP = 3  # of the list of taps, from 0: earlier ones have random positions
SIDE = 7  # of a window
NUMBERS_AT_ONCE = 2**22  # of attention or of windows while entropies are computed: 16 MiB in float32


@dataclass(frozen=True)
class QuerySelectionOptions:
    """Options of query selection."""

    qs_windows: str = option(
        "intended",
        "7×7 windows of qs_local and qs_local_global: intended: attention among the cells of a window; published: as "
        "the authors' code, which reads windows in another order than it writes them, so that the score of a cell is "
        "made of many cells, and the values that qs_local mixes come from all selected positions",
        phase="train",
        choices=("intended", "published"),
        fixed=True,
    )


@dataclass(frozen=True)
class QuerySelection(PatchSampler):
    """The positions of lowest entropy at the fourth and later taps, their features mixed by the attention."""

    num_patches: int = 256
    qs_windows: str = "intended"

    def chooses(self, tap: int) -> bool:
        return tap >= FIRST_TAP

    def of_tap(self, tap: int, query: Tensor, key: Tensor, positions: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """(B, C, N, 1) mixed features, and 0 to N − 1."""
        if not self.chooses(tap):
            return super().of_tap(tap, query, key, positions)
        query, key = full(query), full(key)
        with exact(key):
            if positions is None:
                positions = lowest(self.entropies(key.detach()), self.num_patches)
            mixed = self.mixed(query, key, positions.expand(len(key), -1))
        of_query, of_key = (vectors.transpose(1, 2).unsqueeze(3) for vectors in mixed)
        return of_query, of_key, torch.arange(of_query.shape[2], device=key.device)

    @abstractmethod
    def entropies(self, key: Tensor) -> Tensor:
        """(B, C, H, W) → (B, H·W), the entropy of each position's attention, in nats."""

    @abstractmethod
    def mixed(self, query: Tensor, key: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """(B, N, C) vectors of query and key at (B, N) positions, mixed by the attention of the key.

        The attention is part of the graph, so that the query's loss trains the encoder of the key too.
        """


@NCE_SAMPLERS.register("qs_global", options=QuerySelectionOptions)
@dataclass(frozen=True)
class GlobalSelection(QuerySelection):
    """Attention of each position among all positions of the map."""

    def bytes_kept(self, shape: Sequence[int], patches: int) -> int:
        return 4 * patches * shape[1] * shape[2]  # attention

    def entropies(self, key: Tensor) -> Tensor:
        every = key.flatten(2).transpose(1, 2)  # (B, H·W, C)
        at_once = max(1, NUMBERS_AT_ONCE // (every.shape[0] * every.shape[1]))
        return torch.cat([entropy(attention(rows, every)) for rows in every.split(at_once, dim=1)], dim=1)

    def mixed(self, query: Tensor, key: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        of_query, of_key = (feature.flatten(2).transpose(1, 2) for feature in (query, key))  # (B, H·W, C)
        mixing = attention(
            at(of_key, positions), of_key
        )  # (B, N, H·W), the rows of the whole attention that are needed
        return mixing @ of_query, mixing.detach() @ of_key.detach()


@NCE_SAMPLERS.register("qs_local", options=QuerySelectionOptions)
@dataclass(frozen=True)
class LocalSelection(QuerySelection):
    """Attention of each position among the cells of the window around it; those beyond the border are zero."""

    def bytes_kept(self, shape: Sequence[int], patches: int) -> int:
        return 4 * 2 * patches * SIDE**2 * shape[0]  # windows of query and key

    def entropies(self, key: Tensor) -> Tensor:
        return local_entropies(key, self.qs_windows == "published")

    def mixed(self, query: Tensor, key: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        published = self.qs_windows == "published"
        windows = windows_at(key, positions)  # (B, N, C, 49)
        center = at(key.flatten(2).transpose(1, 2), positions).unsqueeze(2)  # (B, N, 1, C)
        mixing = (center @ _rows(windows, published).transpose(2, 3)).softmax(dim=3)  # (B, N, 1, 49)
        values = _values if published else _rows
        of_query = mixing @ values(windows_at(query, positions))  # (B, N, 1, C)
        return of_query.squeeze(2), (mixing.detach() @ values(windows.detach())).squeeze(2)


@NCE_SAMPLERS.register("qs_local_global", options=QuerySelectionOptions)
@dataclass(frozen=True)
class LocalGlobalSelection(GlobalSelection):
    """Positions selected by their attention in windows, features mixed by the attention among all positions."""

    def entropies(self, key: Tensor) -> Tensor:
        return local_entropies(key, self.qs_windows == "published")


def attention(rows: Tensor, every: Tensor) -> Tensor:
    """(B, N, C), (B, M, C) → (B, N, M): softmax of their products, without scale or temperature."""
    return (rows @ every.transpose(1, 2)).softmax(dim=2)


def entropy(probabilities: Tensor) -> Tensor:
    """(…, M) → (…), in nats."""
    return torch.special.entr(probabilities).sum(dim=-1)


def lowest(entropies: Tensor, count: int) -> Tensor:
    """(B, M) → (B, N) positions of the lowest values, ascending; equal ones in the order of their positions.

    Many are equal in practice: attention that is saturated in float32 has entropy 0.
    """
    return entropies.argsort(dim=1, stable=True)[:, :count]


def at(vectors: Tensor, positions: Tensor) -> Tensor:
    """(B, M, C), (B, N) → (B, N, C)."""
    return vectors.gather(1, positions.unsqueeze(2).expand(-1, -1, vectors.shape[2]))


def local_entropies(key: Tensor, published: bool) -> Tensor:
    """(B, C, H, W) → (B, H·W), the entropy of each position's attention in its window."""
    images, channels, height, width = key.shape
    padded = F.pad(key, (SIDE // 2,) * 4)
    rows = max(1, NUMBERS_AT_ONCE // (images * channels * width * SIDE**2))  # of the map at once
    found = []
    for first in range(0, height, rows):
        last = min(first + rows, height)
        center = key[:, :, first:last].flatten(2)  # (B, C, M)
        windows = F.unfold(padded[:, :, first : last + SIDE - 1], SIDE)  # (B, C·49, M)
        if published:  # read as (49, C)
            scores = (windows.unflatten(1, (SIDE**2, channels)) * center.unsqueeze(1)).sum(dim=2)
        else:
            scores = (windows.unflatten(1, (channels, SIDE**2)) * center.unsqueeze(2)).sum(dim=1)
        found.append(entropy(scores.transpose(1, 2).softmax(dim=2)))
    return torch.cat(found, dim=1)


def windows_at(feature: Tensor, positions: Tensor) -> Tensor:
    """The windows around some positions: (B, C, H, W), (B, N) → (B, N, C, 49), zero beyond the border."""
    width, reach = feature.shape[3], SIDE // 2
    padded = F.pad(feature, (reach,) * 4)
    wide = width + 2 * reach
    cells = torch.arange(SIDE, device=feature.device)
    cells = (cells[:, None] * wide + cells).flatten()  # (49,) from the window's corner
    corners = positions // width * wide + positions % width  # (B, N)
    places = (corners.unsqueeze(2) + cells).flatten(1)  # (B, N·49)
    return at(padded.flatten(2).transpose(1, 2), places).unflatten(1, (-1, SIDE**2)).transpose(2, 3)


def _rows(windows: Tensor, published: bool = False) -> Tensor:
    """(B, N, C, 49) → (B, N, 49, C), the features of each cell; published: the same numbers read as 49 rows of C."""
    if not published:
        return windows.transpose(2, 3)
    channels, cells = windows.shape[2:]
    return windows.flatten(2).unflatten(2, (cells, channels))


def _values(windows: Tensor) -> Tensor:
    """(B, N, C, 49) → (B, N, 49, C) as published: an image's windows are transposed as (N, C·49), then read anew."""
    patches, channels, cells = windows.shape[1:]
    return windows.flatten(2).transpose(1, 2).reshape(-1, patches, cells, channels)
