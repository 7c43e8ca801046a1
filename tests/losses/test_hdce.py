"""Decoupled PatchNCE with hard negatives: recorded numbers, closed forms and what it does with a batch."""

import math

import pytest
import torch

from cut.losses.hdce import HardNegativePatchNCE, decoupled_nce, hard_negative_weights
from cut.losses.patchnce import Contrast, multi_tap_nce, patch_nce
from tests.losses.recorded import RECORDED, assert_recorded, seeded_vectors
from tests.losses.test_patchnce import vectors


@pytest.mark.parametrize("case", RECORDED["hneg_src"], ids=lambda case: f"seed {case['seed']}, {case['options']}")
def test_recorded_values_and_gradients(case):
    query, key = seeded_vectors(case["seed"])
    options = dict(case["options"])
    contrast = Contrast(epoch=options.pop("epoch"), last_epoch=400)
    form = HardNegativePatchNCE(**options)
    assert_recorded(multi_tap_nce([query], [key], contrast, form), query, case["hdce"], case["hdce_grad"])
    without = HardNegativePatchNCE(no_Hneg=True)
    value, gradient = case["hdce_without_weights"], case["hdce_without_weights_grad"]
    assert_recorded(multi_tap_nce([query], [key], contrast, without), query, value, gradient)
    weights = hard_negative_weights(key, form.gamma(contrast.epoch, contrast.last_epoch))
    assert weights.sum().item() == pytest.approx(case["weight_sum"], rel=1e-5)
    torch.testing.assert_close(weights[0, 0, :8], torch.tensor(case["weight_row0"]), rtol=1e-5, atol=1e-7)


def test_the_value_is_the_cross_entropy_and_the_gradient_leaves_the_positive_out():
    """Orthogonal keys: v = log(P − 1) − 1/τ. The value is log(1 + e^v); the gradient along the own key is −1/τ."""
    temperature, patches = 0.5, 4
    query = torch.eye(patches, dtype=torch.float64)[None].requires_grad_()
    losses = decoupled_nce(query, query.detach(), None, temperature)
    v = math.log(patches - 1) - 1 / temperature
    assert losses.tolist() == pytest.approx([math.log1p(math.exp(v))] * patches)
    (gradient,) = torch.autograd.grad(losses.sum(), query)
    expected = torch.full((patches, patches), 1 / temperature / (patches - 1), dtype=torch.float64)
    torch.testing.assert_close(gradient[0], expected.fill_diagonal_(-1 / temperature))


def test_without_weights_the_value_is_that_of_patchnce():
    query, key = vectors()
    torch.testing.assert_close(decoupled_nce(query, key, None, 0.07), patch_nce(query, key))


def test_weights_by_hand():
    """Keys at 0°, 60° and 90°: of the first, r is cos 60° = ½ and cos 90° = 0."""
    degrees = torch.tensor([0.0, 60, 90], dtype=torch.float64) * math.pi / 180
    key = torch.stack([degrees.cos(), degrees.sin()], dim=1)[None]
    weights = hard_negative_weights(key, 0.5)[0]
    root = math.sqrt(3) / 2
    assert [weights[0, 1], weights[1, 2], weights[2, 1]] == [1, 1, 1], "the hardest negative of each"
    expected = [math.exp(-1), math.exp((0.5 - root) / 0.5), math.exp(-root / 0.5)]
    assert [weights[0, 2].item(), weights[1, 0].item(), weights[2, 0].item()] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("options", "epoch", "gamma"),
    [
        ({}, 7, 50),
        ({"use_curriculum": True}, 1, 50 - 40 / 400),
        ({"use_curriculum": True}, 400, 10),
        ({"use_curriculum": True, "step_gamma": True, "step_gamma_epoch": 150}, 150, 50 - 40 * 150 / 400),
        ({"use_curriculum": True, "step_gamma": True, "step_gamma_epoch": 150}, 151, 1),
        ({"step_gamma": True}, 300, 50),
    ],
)
def test_gamma_of_an_epoch(options, epoch, gamma):
    form = HardNegativePatchNCE(HDCE_gamma=50, HDCE_gamma_min=10, **options)
    assert form.gamma(epoch, 400) == pytest.approx(gamma)


def test_images_are_weighed_on_their_own_and_other_images_count_in_full():
    query, key = vectors(images=2, patches=5)
    form = HardNegativePatchNCE(HDCE_gamma=0.3)
    alone = [form(query[i : i + 1], key[i : i + 1], Contrast()) for i in range(2)]
    torch.testing.assert_close(form(query, key, Contrast()), torch.cat(alone))

    weights = torch.ones(1, 10, 10, dtype=torch.float64)
    for i in range(2):
        block = slice(5 * i, 5 * i + 5)
        weights[0, block, block] = hard_negative_weights(key, 0.3)[i]
    expected = decoupled_nce(query.flatten(0, 1)[None], key.flatten(0, 1)[None], weights, 0.07)
    torch.testing.assert_close(form(query, key, Contrast(across_batch=True)), expected)


def test_with_one_patch_of_each_crop_hard_negatives_do_nothing():
    """As published for single images."""
    query, key = vectors(images=6, patches=1)
    contrast = Contrast(across_batch=True)
    hard, plain = HardNegativePatchNCE(HDCE_gamma=0.01), HardNegativePatchNCE(no_Hneg=True)
    torch.testing.assert_close(hard(query, key, contrast), plain(query, key, contrast), rtol=0, atol=0)


def test_keys_get_no_gradient():
    query, key = vectors()
    key.requires_grad_()
    HardNegativePatchNCE()(query, key, Contrast()).mean().backward()
    assert key.grad is None and query.grad is not None
