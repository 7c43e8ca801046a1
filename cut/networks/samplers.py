"""Which vectors of the feature maps enter the head F: patches at random positions, as in CUT.

To add a choice, write a file beside this one and register a `PatchSampler` there, as `cut/networks/query_selection.py`
does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cut.registry import NCE_SAMPLERS

if TYPE_CHECKING:
    from torch import Tensor


@NCE_SAMPLERS.register("random", title=lambda _: "")
class PatchSampler:
    """The published choice: random positions, drawn with all other random numbers of a step."""

    def chooses(self, tap: int) -> bool:
        """Whether positions at a tap are chosen from the features, and not drawn.

        Then vectors of the translation depend on the features of the source image too, which need a graph.

        Args:
            tap: its place in the list of taps, from 0.
        """
        return False

    def bytes_kept(self, shape: Sequence[int], patches: int) -> int:
        """What choosing in one image's map (C, H, W) keeps in memory until the backward pass, if that may be much."""
        return 0

    def select(
        self, queries: Sequence[Tensor], keys: Sequence[Tensor], positions: Sequence[Tensor | None]
    ) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """What F reads: for each tap a map of the translations, one of their sources, and the positions in both.

        Args:
            queries, keys: (B, C_l, H_l, W_l) features for each tap l of translations and of their source images.
            positions: (P_l,) drawn for each tap; None where the sampler chooses them, or (B, P_l) to repeat a choice.
        """
        taps = range(len(queries))
        chosen = [self.of_tap(tap, queries[tap], keys[tap], positions[tap]) for tap in taps]
        of_queries, of_keys, places = zip(*chosen, strict=True)
        return list(of_queries), list(of_keys), list(places)

    def of_tap(self, tap: int, query: Tensor, key: Tensor, positions: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """`select` for one tap."""
        if positions is None:
            raise ValueError("positions are missing: they are drawn with the other random numbers of a step")
        return query, key, positions
