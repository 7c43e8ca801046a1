"""The learning rate against closed forms and against PyTorch's schedulers."""

import math
from itertools import pairwise

import pytest
import torch

from cut.options import train_options
from cut.options.groups import TrainingOptions
from cut.training.schedule import LR_POLICIES, learning_rate

BASE = 0.0002


@pytest.mark.parametrize(("n_epochs", "n_epochs_decay"), [(200, 200), (150, 50), (1, 0), (0, 3), (0, 0)])
def test_linear_is_constant_and_then_falls_in_equal_steps_to_zero_after_the_last_epoch(n_epochs, n_epochs_decay):
    options = TrainingOptions(n_epochs=n_epochs, n_epochs_decay=n_epochs_decay)
    rates = [learning_rate(options, epoch) for epoch in range(1, n_epochs + n_epochs_decay + 2)]
    assert rates[:n_epochs] == [BASE] * n_epochs and rates[-1] == 0  # what the loop announces after the last epoch
    falling = [BASE, *rates[n_epochs:]]
    steps = [before - after for before, after in pairwise(falling)]
    assert steps == pytest.approx([BASE / len(steps)] * len(steps))


def test_step_falls_to_a_tenth_every_decay_iters():
    options = TrainingOptions(lr_policy="step", lr_decay_iters=3)
    rates = [learning_rate(options, epoch) for epoch in range(1, 8)]
    assert rates == pytest.approx([BASE] * 3 + [BASE / 10] * 3 + [BASE / 100])


def test_cosine_is_half_a_period_over_n_epochs():
    options = TrainingOptions(lr_policy="cosine", n_epochs=4)
    rates = [learning_rate(options, epoch) for epoch in range(1, 6)]
    assert rates == pytest.approx([BASE * (1 + math.cos(math.pi * done / 4)) / 2 for done in range(5)])
    assert rates[2] == pytest.approx(BASE / 2) and rates[4] == pytest.approx(0)


@pytest.mark.parametrize(
    ("policy", "make"),
    [
        ("step", lambda opt: torch.optim.lr_scheduler.StepLR(opt, step_size=5, gamma=0.1)),
        ("cosine", lambda opt: torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=7)),
    ],
)
def test_as_pytorch_does(policy, make):
    options = TrainingOptions(lr_policy=policy, lr_decay_iters=5, n_epochs=7)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=BASE)
    schedule = make(optimizer)
    for epoch in range(1, 12):
        assert learning_rate(options, epoch) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-6, abs=1e-12)
        optimizer.step()
        schedule.step()


def test_plateau_as_pytorch_does():
    losses = [3.0, 2.0, *[1.99] * 8, 1.5, *[1.49] * 14, math.nan, 0.1]
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=BASE)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, "min", factor=0.2, threshold=0.01, patience=5)
    options, rates = TrainingOptions(lr_policy="plateau"), []
    for epoch in range(1, len(losses) + 1):
        rates.append(learning_rate(options, epoch, losses[: epoch - 1]))
        assert rates[-1] == pytest.approx(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step(losses[epoch - 1])
    assert rates[7] == BASE and rates[8] == pytest.approx(BASE / 5), "after the sixth epoch without progress"


@pytest.mark.parametrize("policy", LR_POLICIES)
def test_a_function_of_progress_alone(policy):
    options = TrainingOptions(lr_policy=policy, n_epochs=3, n_epochs_decay=9, lr_decay_iters=2)
    losses, epochs = [1.0] * 12, [12, 1, 7, 3, 7, 12]
    rates = [learning_rate(options, epoch, losses[: epoch - 1]) for epoch in epochs]
    assert rates[0] == rates[5] and rates[2] == rates[4] and rates[1] == BASE
    assert losses == [1.0] * 12


@pytest.mark.parametrize("policy", LR_POLICIES)
def test_the_command_line_offers_it(policy):
    assert train_options(["--lr_policy", policy]).training.lr_policy == policy
