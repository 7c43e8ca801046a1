"""The learning rate as a pure function of progress."""

import math
from collections.abc import Callable, Sequence

import torch

from cut.options.groups import TrainingOptions


def learning_rate(
    options: TrainingOptions, epoch: int, epoch_losses: Sequence[float] = (), decay: tuple[int, int] = (0, 1)
) -> float:
    """The rate that an epoch trains with.

    Args:
        options: `lr`, `lr_policy`, `n_epochs`, `n_epochs_decay`, `lr_decay_iters`.
        epoch: the first is 1.
        epoch_losses: mean generator loss of each finished epoch, which `plateau` watches.
        decay: see `Method.linear_decay`.

    Policies:
        linear: constant for `n_epochs`, then falling in equal steps that would reach zero one epoch after the last,
            unless `decay` says otherwise.
        step: × 0.1 every `lr_decay_iters` epochs.
        plateau: × 0.2 whenever the generator loss has not fallen by 1 % for more than 5 epochs.
        cosine: half a cosine over `n_epochs` epochs; as published it rises again after them.
    """
    return options.lr * LR_POLICIES[options.lr_policy](options, epoch, epoch_losses, decay)


def _linear(options: TrainingOptions, epoch: int, _: Sequence[float], decay: tuple[int, int]) -> float:
    ahead, rest = decay
    return 1 - max(0, epoch + ahead - options.n_epochs) / max(1, options.n_epochs_decay + rest)


def _step(options: TrainingOptions, epoch: int, *_: object) -> float:
    return 0.1 ** (max(0, epoch - 1) // options.lr_decay_iters)


def _cosine(options: TrainingOptions, epoch: int, *_: object) -> float:
    return (1 + math.cos(math.pi * (epoch - 1) / max(1, options.n_epochs))) / 2


def _plateau(options: TrainingOptions, _: int, epoch_losses: Sequence[float], *__: object) -> float:
    # Replaying PyTorch's scheduler over the whole history keeps this a function of progress, with no state of its own.
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.2, patience=5, threshold=0.01)
    for loss in epoch_losses:
        schedule.step(loss)
    return optimizer.param_groups[0]["lr"]


Policy = Callable[[TrainingOptions, int, Sequence[float], tuple[int, int]], float]
LR_POLICIES: dict[str, Policy] = {"linear": _linear, "step": _step, "plateau": _plateau, "cosine": _cosine}


def is_due(epoch: int, every_epochs: int) -> bool:
    """Whether something with this frequency in epochs is due after this one; 0 is never."""
    return every_epochs > 0 and epoch % every_epochs == 0


def evaluation_is_due(epoch: int, every_epochs: int, last_epoch: int) -> bool:
    """Whether the generator is measured after this epoch: at a frequency in epochs, and after the last; 0 is never."""
    return is_due(epoch, every_epochs) or (every_epochs > 0 and epoch == last_epoch)
