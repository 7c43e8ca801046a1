"""Losses and weights that are no longer finite: they must not replace a good save."""

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from cut.models.method import Method


def broken_losses(losses: Mapping[str, float]) -> str:
    """ "G is nan, D_real is inf": those that are not finite; "" where all are."""
    return ", ".join(f"{name} is {value}" for name, value in losses.items() if not math.isfinite(value))


def broken_part(model: Method) -> str | None:
    """ "the weights of D": a part of a method that is not finite, or None.

    A gradient can overflow while the losses are still finite.
    """
    parts: dict[str, Iterable[Tensor]] = {
        f"the weights of {name}": network.state_dict().values() for name, network in model.networks.items()
    }
    for name, optimizer in model.optimizers.items():
        moments = (value for state in optimizer.state.values() for value in state.values())
        parts[f"the moments of Adam for {name}"] = list(moments)
    broken = (part for part, values in parts.items() if not all(torch.isfinite(value).all() for value in values))
    return next(broken, None)
