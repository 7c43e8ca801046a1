"""Focal PatchNCE against the cross-entropy, closed forms and derivatives found by hand."""

import math

import pytest
import torch
import torch.nn.functional as F

from cut.losses.focal import FocalPatchNCE, focal
from cut.losses.patchnce import Contrast, multi_tap_nce, patch_nce
from tests.losses.test_patchnce import vectors


def value_and_gradient(logits, loss_of):
    """Losses of rows of logits whose positive comes first, and the gradient of their mean."""
    logits = logits.clone().requires_grad_()
    losses = loss_of(F.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.long), reduction="none"))
    return losses.detach(), torch.autograd.grad(losses.mean(), logits)[0]


def some_logits(dtype=torch.float64):
    return torch.randn(50, 7, generator=torch.Generator().manual_seed(1), dtype=dtype) * 5


FORMS = pytest.mark.parametrize("full", [False, True], ids=["constant", "full"])


@FORMS
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_focal_without_focus_is_the_cross_entropy_bit_for_bit(full, dtype):
    logits = some_logits(dtype)
    logits[0, 0], logits[1, 0] = 1000, -1000  # p = 1 and p = 0
    expected = value_and_gradient(logits, lambda ce: ce)
    found = value_and_gradient(logits, lambda ce: focal(ce, gamma=0, alpha=1, full_gradient=full))
    assert torch.equal(found[0], expected[0]) and torch.equal(found[1], expected[1])


@FORMS
@pytest.mark.parametrize(("p", "expected"), [(0.5, 0.25 * 0.25 * math.log(2)), (0.9, 0.25 * 0.01 * -math.log(0.9))])
def test_focal_at_a_known_probability(p, expected, full):
    """γ = 2, α = ¼: −¼ (1 − p)² log p."""
    loss = focal(torch.tensor(-math.log(p), dtype=torch.float64), full_gradient=full)
    assert loss.item() == pytest.approx(expected, rel=1e-12)


@FORMS
@pytest.mark.parametrize(("gamma", "alpha"), [(2, 0.25), (3, 0.5), (0.5, 1), (1, 2)])
def test_focal_has_the_derivative_found_by_hand(gamma, alpha, full):
    """By x = −log p: α (1 − p)^γ, and in the full form γ α (1 − p)^(γ − 1) p x more."""
    x = torch.linspace(0.01, 12, 40, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(focal(x, gamma, alpha, full).sum(), x)
    x = x.detach()
    p = (-x).exp()
    expected = alpha * (1 - p) ** gamma + full * gamma * alpha * (1 - p) ** (gamma - 1) * p * x
    torch.testing.assert_close(slope, expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("gamma", [0.5, 2, 3])
def test_the_full_gradient_is_that_of_the_values(gamma):
    x = torch.linspace(0.05, 8, 9, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda ce: focal(ce, gamma, 0.25, full_gradient=True), x)


@pytest.mark.parametrize(("gamma", "alpha"), [(2, 0.25), (3, 0.5)])
def test_the_constant_form_weighs_the_gradient_of_the_cross_entropy(gamma, alpha):
    logits = some_logits()
    _, plain = value_and_gradient(logits, lambda ce: ce)
    losses, weighed = value_and_gradient(logits, lambda ce: focal(ce, gamma, alpha))
    weight = alpha * (1 - logits.softmax(1)[:, :1]) ** gamma
    torch.testing.assert_close(weighed, weight * plain)
    full_losses, full_gradient = value_and_gradient(logits, lambda ce: focal(ce, gamma, alpha, full_gradient=True))
    assert torch.equal(losses, full_losses) and not torch.allclose(weighed, full_gradient)


@FORMS
@pytest.mark.parametrize("gamma", [0, 0.001, 0.5, 1, 2, 100])
def test_focal_stays_finite_and_exact_at_both_ends(gamma, full):
    """p = 1 to the last bit costs nothing; p = e^−80, below float32's reach of 1 − p, costs α · 80."""
    x = torch.tensor([0.0, 1e-45, 1e-38, 1e-7, 80.0], requires_grad=True)
    losses = focal(x, gamma, 0.5, full)
    (slope,) = torch.autograd.grad(losses.sum(), x)
    assert losses[0] == 0 and losses[-1] == 40 and torch.isfinite(slope).all()
    assert slope[-1].item() == pytest.approx(0.5)
    assert 0 <= slope[0].item() <= 0.5 * (1e-37**gamma if gamma else 1)


def test_one_minus_p_is_exact_near_one():
    """At 1 − p = 1e-5, float32's 1 − exp(log p) would be off by a percent; here (1 − p)² is right to six digits."""
    x = torch.tensor(-math.log1p(-1e-5))
    assert focal(x, 2, 1).item() == pytest.approx(1e-10 * 1.000005e-5, rel=1e-5)


def test_taps_are_averaged_after_focus():
    few, many = vectors(patches=3), vectors(patches=30, channels=8)
    loss = multi_tap_nce([few[0], many[0]], [few[1], many[1]], Contrast(), FocalPatchNCE())
    expected = (focal(patch_nce(*few)).mean() + focal(patch_nce(*many)).mean()) / 2
    assert torch.equal(loss, expected)
