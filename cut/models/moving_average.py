"""Moving average of a generator's weights (Polyak averaging; Karras et al., "Progressive Growing of GANs", ICLR 2018).

An adversarial step moves the generator back and forth around what it has learned; the average of many steps stays in
the middle. It is not trained and does not change training.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from cut.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor, nn


def average_of(network: nn.Module) -> nn.Module:
    """A copy of the network to average into, which needs no gradients."""
    return copy.deepcopy(network).requires_grad_(False)


def move_average(average: nn.Module, network: nn.Module, decay: float, updates: int) -> None:
    """average ← decay · average + (1 − decay) · network, for all floating-point weights and statistics, in place.

    Args:
        average: as from `average_of`.
        network: as trained.
        decay: of the average per update; 0.999 remembers about a thousand.
        updates: how many there were before. The decay of update number n is at most (1 + n) / (10 + n), so that the
            random initial weights are soon forgotten.
    """
    decay = min(decay, (1 + updates) / (10 + updates))
    pairs = zip(average.state_dict().values(), network.state_dict().values(), strict=True)
    floating: list[tuple[Tensor, Tensor]] = []
    counts: list[tuple[Tensor, Tensor]] = []
    for mine, theirs in pairs:
        (floating if mine.is_floating_point() else counts).append((mine, theirs))
    with torch.no_grad():
        torch._foreach_lerp_([mine for mine, _ in floating], [theirs for _, theirs in floating], 1 - decay)
        for mine, theirs in counts:
            mine.copy_(theirs)
