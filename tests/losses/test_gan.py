"""GAN losses against their closed forms."""

import math

import pytest
import torch
import torch.nn.functional as F

from cut.losses.gan import Hinge, LeastSquares, NonSaturating, Wasserstein
from cut.registry import GAN_LOSSES

LOGITS = torch.tensor([[[[-2.0, 0.5]]], [[[1.0, 3.0]]]], dtype=torch.float64)


def mean(values) -> float:
    values = list(values)
    return sum(values) / len(values)


@pytest.mark.parametrize(
    ("loss", "real", "fake", "generator"),
    [
        (LeastSquares(), lambda d: (d - 1) ** 2, lambda d: d**2, lambda d: (d - 1) ** 2),
        (
            NonSaturating(),
            lambda d: -math.log(1 / (1 + math.exp(-d))),
            lambda d: -math.log(1 - 1 / (1 + math.exp(-d))),
            lambda d: math.log(1 + math.exp(-d)),
        ),
        (Hinge(), lambda d: max(0, 1 - d), lambda d: max(0, 1 + d), lambda d: -d),
        (Hinge("margin"), lambda d: max(0, 1 - d), lambda d: max(0, 1 + d), lambda d: max(0, 1 - d)),
        (Wasserstein(), lambda d: -d, lambda d: d, lambda d: -d),
    ],
)
def test_closed_forms(loss, real, fake, generator):
    values = LOGITS.flatten().tolist()
    for method, closed in ((loss.real, real), (loss.fake, fake), (loss.generator, generator)):
        assert method(LOGITS).item() == pytest.approx(mean(map(closed, values)))


def test_vanilla_is_binary_cross_entropy_on_logits():
    loss = GAN_LOSSES.build("vanilla")
    for method, target in ((loss.real, 1.0), (loss.fake, 0.0), (loss.generator, 1.0)):
        expected = F.binary_cross_entropy_with_logits(LOGITS, torch.full_like(LOGITS, target))
        torch.testing.assert_close(method(LOGITS), expected)


@pytest.mark.parametrize("name", GAN_LOSSES.names())
def test_the_generator_gains_by_larger_logits_and_extremes_stay_finite(name):
    loss = GAN_LOSSES.build(name)
    logits = torch.tensor([-0.5, 0.2], requires_grad=True)
    loss.generator(logits).backward()
    assert (logits.grad < 0).all()
    for value in (-1e4, 1e4):
        for method in (loss.real, loss.fake, loss.generator):
            assert math.isfinite(method(torch.tensor([value])).item())


def test_only_wgangp_has_a_penalty_of_the_weight_it_is_given():
    weights = {name: GAN_LOSSES.build(name, lambda_GP=3.0).gradient_penalty for name in GAN_LOSSES.names()}
    assert {name: weight for name, weight in weights.items() if weight} == {"wgangp": 3.0}
