"""Modulated PatchNCE: recorded numbers, the plan's properties, and the gradient through it."""

import math

import pytest
import torch

from cut.losses.monce import ModulatedPatchNCE, transport_plan
from cut.losses.patchnce import Contrast, multi_tap_nce, patch_nce, without_own
from tests.losses.recorded import RECORDED, assert_recorded, seeded_vectors
from tests.losses.test_patchnce import vectors


def form_of(options, patches):
    return ModulatedPatchNCE(options["cost_type"], options["eps"], options["neg_term_weight"], patches)


@pytest.mark.parametrize("case", RECORDED["monce"], ids=lambda case: str(case["options"]))
def test_recorded_values_gradients_and_plans(case):
    options, images = case["options"], case["options"]["batch_size"]
    query, key = seeded_vectors(case["seed"], case["rows"], images)
    form = form_of(options, case["rows"] // images)
    assert_recorded(multi_tap_nce([query], [key], Contrast(), form), query, case["loss"], case["grad"])
    similar = query @ key.transpose(1, 2)
    cost = similar if options["cost_type"] == "hard" else 1 - similar
    plan = transport_plan(without_own(cost), options["eps"])
    torch.testing.assert_close(plan[0, 0, :8], torch.tensor(case["plan_row0"]), rtol=2e-5, atol=1e-9)


@pytest.mark.parametrize("eps", [0.01, 0.1, 1.0])
def test_a_plan_is_doubly_stochastic(eps):
    query, key = vectors(patches=20, channels=3)
    plan = transport_plan(without_own((query @ key.transpose(1, 2)).float()), eps)
    assert plan.dtype == torch.float32 and torch.isfinite(plan).all()
    torch.testing.assert_close(plan.sum(1), torch.ones(2, 20))
    if eps > 0.01:  # there fifty rounds are not enough for the rows
        torch.testing.assert_close(plan.sum(2), torch.ones(2, 20), rtol=1e-3, atol=0)


def test_equal_similarities_give_equal_weights():
    """f = (P − 1)·Q/P′ with P′ from the mask: Q for every negative, so −log(1/(1 + Q (P − 1)))."""
    same = torch.ones(1, 5, 4, dtype=torch.float64) / 2
    losses = ModulatedPatchNCE(monce_eps=0.1, monce_weight=0.5, num_patches=5)(same, same, Contrast())
    assert losses.tolist() == pytest.approx([math.log(1 + 0.5 * 4)] * 5)


def test_the_mask_takes_part_at_eps_one():
    """Two patches: the plan is a on the diagonal and 1 − a beside it, a/(1 − a) = e^((−10 − s)/ε); −∞ would give 0."""
    plan = transport_plan(without_own(torch.full((1, 2, 2), 0.5, dtype=torch.float64)), 1.0)
    ratio = math.exp(-10.5)
    assert plan[0, 0, 0].item() == pytest.approx(ratio / (1 + ratio), rel=1e-9)


@pytest.mark.parametrize("cost", ["hard", "easy"])
def test_the_gradient_is_that_of_the_values_through_the_plan(cost):
    query, key = vectors(images=2, patches=4)
    form = ModulatedPatchNCE(cost, 0.5, 1.0, 4)
    assert torch.autograd.gradcheck(lambda q: form(q, key, Contrast()), query)


def test_hard_weighs_similar_negatives_up_and_easy_down():
    query, key = vectors(images=1, patches=12)
    plain = patch_nce(query, key).mean()
    hard, easy = (ModulatedPatchNCE(cost, 0.1, 1.0, 12)(query, key, Contrast()).mean() for cost in ("hard", "easy"))
    assert easy < plain < hard


def test_taps_together_are_taps_one_by_one():
    taps = [vectors(patches=4), vectors(patches=6, seed=1), vectors(patches=4, channels=8, seed=2)]
    queries, keys = ([tap[side] for tap in taps] for side in range(2))
    form = ModulatedPatchNCE(num_patches=6)
    together = form.of_taps(queries, keys, Contrast())
    for losses, query, key in zip(together, queries, keys, strict=True):
        torch.testing.assert_close(losses, form(query, key, Contrast()))


def test_the_whole_batch_has_one_plan():
    query, key = vectors(images=3, patches=4)
    form = ModulatedPatchNCE(num_patches=4)
    joint = form(query.flatten(0, 1)[None], key.flatten(0, 1)[None], Contrast())
    torch.testing.assert_close(form(query, key, Contrast(across_batch=True)), joint)


def test_keys_get_no_gradient():
    query, key = vectors()
    key.requires_grad_()
    ModulatedPatchNCE(num_patches=6)(query, key, Contrast()).mean().backward()
    assert key.grad is None and query.grad is not None
