"""PatchNCE against the published form, closed forms and its symmetries."""

import math

import pytest
import torch
import torch.nn.functional as F

from cut.losses.focal import FocalPatchNCE, focal
from cut.losses.patchnce import Contrast, multi_tap_nce, patch_nce


def vectors(images=2, patches=6, channels=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shape = (images, patches, channels)
    query, key = (torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(2))
    return F.normalize(query, dim=-1).requires_grad_(), F.normalize(key, dim=-1)


def published_form(query, key, temperature):
    """The positive as a column of its own, and the diagonal masked with −10 before the division."""
    images, patches, _ = query.shape
    positive = (query * key).sum(-1, keepdim=True)  # (B, P, 1)
    negative = query @ key.transpose(1, 2)  # (B, P, P)
    negative = negative.masked_fill(torch.eye(patches, dtype=torch.bool), -10.0)
    logits = torch.cat([positive, negative], 2).flatten(0, 1) / temperature
    return F.cross_entropy(logits, torch.zeros(images * patches, dtype=torch.long), reduction="none")


@pytest.mark.parametrize("across_batch", [False, True])
def test_values_and_gradients_are_those_of_the_published_form(across_batch):
    query, key = vectors()
    loss = patch_nce(query, key, 0.07, across_batch)
    stacked = (query.flatten(0, 1)[None], key.flatten(0, 1)[None]) if across_batch else (query, key)
    expected = published_form(*stacked, 0.07)
    torch.testing.assert_close(loss, expected)
    gradients = [torch.autograd.grad(values.mean(), query)[0] for values in (loss, expected)]
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize(("across_batch", "keys"), [(False, 5), (True, 15)])
def test_equal_vectors_cost_the_log_of_their_number(across_batch, keys):
    same = torch.ones(3, 5, 4) / 2
    loss = patch_nce(same, same, 0.07, across_batch)
    assert loss.shape == (15,) and torch.allclose(loss, torch.full((15,), math.log(keys)))


def test_own_keys_that_are_orthogonal_to_the_others():
    """−log(e^{1/τ} / (e^{1/τ} + P − 1))."""
    vector = torch.eye(4)[None]
    expected = math.log(1 + 3 * math.exp(-1 / 0.5))
    assert patch_nce(vector, vector, 0.5).tolist() == pytest.approx([expected] * 4)


def test_permuting_the_patches_of_both_permutes_the_losses():
    query, key = vectors()
    order = torch.tensor([3, 0, 5, 1, 2, 4])
    expected = patch_nce(query, key).reshape(2, 6)[:, order].flatten()
    torch.testing.assert_close(patch_nce(query[:, order], key[:, order]), expected)


def test_images_do_not_see_each_other_unless_asked_to():
    query, key = vectors()
    alone = patch_nce(query[:1], key[:1])
    torch.testing.assert_close(patch_nce(query, key)[:6], alone)
    assert (patch_nce(query, key, across_batch=True)[:6] > alone).all(), "more negatives cost more"


def test_keys_get_no_gradient():
    query, key = vectors()
    key.requires_grad_()
    patch_nce(query, key).mean().backward()
    assert key.grad is None and query.grad is not None


def test_taps_weigh_the_same_however_many_patches_they_have():
    few, many = vectors(patches=3), vectors(patches=30, channels=8)
    loss = multi_tap_nce([few[0], many[0]], [few[1], many[1]], Contrast())
    expected = (patch_nce(*few).mean() + patch_nce(*many).mean()) / 2
    torch.testing.assert_close(loss, expected)
    with pytest.raises(ValueError):
        multi_tap_nce([few[0]], [few[1], many[1]], Contrast())


# ------------------------------------------------------------------ focal


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
