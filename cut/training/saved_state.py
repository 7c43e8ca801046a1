"""Where a run stands, as its training state has it, and whether what was read is whole."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import torch
from torch import Tensor

from cut.reading import is_count, is_number
from cut.training.evaluation import Evaluation, by_name


@dataclass
class TrainingState:
    """Where a run stands; with the weights and the optimizers, all that a continued run needs.

    Attributes:
        epoch: the epoch being trained; the first is 1.
        epoch_steps, epoch_images: steps done and images seen in it.
        step, images: the same since the run began.
        epoch_losses: mean generator loss of each finished epoch.
        loss_sum: sum of the generator loss over the steps of this epoch that have one.
        loss_steps: how many of them have one.
        data: fingerprint of the data set.
        threads: that `--tune_threads` chose; 0 before it did.
        evaluations: what was measured so far, as dictionaries of `Evaluation`'s fields, oldest first.
    """

    epoch: int = 1
    epoch_steps: int = 0
    epoch_images: int = 0
    step: int = 0
    images: int = 0
    epoch_losses: list[float] = field(default_factory=list)
    loss_sum: float = 0.0
    loss_steps: int = 0
    data: str = ""
    threads: int = 0
    evaluations: list[dict[str, Any]] = field(default_factory=list)

    def count_step(self, images: int) -> None:
        """After a step on so many images."""
        self.step, self.epoch_steps = self.step + 1, self.epoch_steps + 1
        self.images, self.epoch_images = self.images + images, self.epoch_images + images

    def count_loss(self, loss: float | None) -> None:
        """
        Args:
            loss: of the generators; None after a step that has not trained them.
        """
        if loss is not None:
            self.loss_sum, self.loss_steps = self.loss_sum + loss, self.loss_steps + 1

    def finish_epoch(self) -> None:
        if self.loss_steps:
            self.epoch_losses.append(self.loss_sum / self.loss_steps)
        self.epoch, self.epoch_steps, self.epoch_images = self.epoch + 1, 0, 0
        self.loss_sum, self.loss_steps = 0.0, 0

    @classmethod
    def from_saved(cls, content: Any) -> "TrainingState":
        """The state with these fields, every one of the right type; those that are missing have their defaults.

        Raises:
            ValueError: naming what is wrong.
        """
        content = as_mapping(content, "state")
        content.setdefault("loss_steps", content.get("epoch_steps", 0))  # as all steps had one before this was counted
        state = cls(**content)
        for item in fields(cls):
            value = getattr(state, item.name)
            if item.type in (int, "int") and not is_count(value):
                raise ValueError(f"{item.name} is not a number of at least 0")
        if not is_number(state.loss_sum) or not isinstance(state.data, str):
            raise ValueError("loss_sum or data is of another type")
        if not isinstance(state.epoch_losses, list) or not all(map(is_number, state.epoch_losses)):
            raise ValueError("epoch_losses is not a list of numbers")
        if not isinstance(state.evaluations, list):
            raise ValueError("evaluations is not a list")
        state.evaluations = [by_name(as_mapping(row, "evaluations")) for row in state.evaluations]
        for row in state.evaluations:
            Evaluation.from_json(row)
        return state


def as_mapping(value: Any, name: str) -> dict[str, Any]:
    """
    Raises:
        ValueError: when it is not a dictionary by name.
    """
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise ValueError(f"{name} is not a dictionary by name")
    return dict(value)


def check_moments(optimizer: torch.optim.Optimizer, saved: Any) -> None:
    """Whether an optimizer can be set to a saved state: the same groups, and moments of the shapes of the weights.

    `load_state_dict` would take moments of any shape, and the next step would fail or change them.

    Raises:
        ValueError: naming what is wrong.
    """
    saved = as_mapping(saved, "its state")
    groups, own_groups = saved["param_groups"], optimizer.state_dict()["param_groups"]
    if not isinstance(groups, list) or len(groups) != len(own_groups):
        raise ValueError("it has other groups of weights")
    for group, own in zip(groups, own_groups, strict=True):
        group = as_mapping(group, "a group of weights")
        if group["params"] != own["params"]:
            raise ValueError("it has other groups of weights")
        wrong = [name for name, value in group.items() if name in own and not _alike(value, own[name])]
        if wrong:
            raise ValueError(f"{wrong[0]} is of another type")
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    state = saved["state"]
    if not isinstance(state, Mapping) or not all(is_count(place) and place < len(weights) for place in state):
        raise ValueError("it has moments of other weights")
    for place, moments in state.items():
        for name in ("step", "exp_avg", "exp_avg_sq") if isinstance(optimizer, torch.optim.Adam) else ():
            if name not in as_mapping(moments, "moments"):
                raise ValueError(f"{name} of weight {place} is missing")
        for name, value in as_mapping(moments, "moments").items():
            if not _fits(name, value, weights[place]):
                raise ValueError(f"{name} of weight {place} is of another type or shape")


def _fits(name: str, value: Any, weight: Tensor) -> bool:
    if not isinstance(value, Tensor):
        return is_number(value) and math.isfinite(value)
    if not value.is_floating_point():
        return False
    return value.numel() == 1 if name == "step" else value.shape == weight.shape


def _alike(value: Any, own: Any) -> bool:
    """Whether two settings of an optimizer are of one kind."""
    if isinstance(own, (tuple, list)):
        return isinstance(value, (tuple, list)) and len(value) == len(own) and all(map(_alike, value, own))
    if own is None or isinstance(own, bool):
        return value is None or isinstance(value, bool)
    if is_number(own):
        return is_number(value) and math.isfinite(value)
    return type(value) is type(own)
