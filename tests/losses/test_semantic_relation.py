"""Semantic relation consistency: recorded numbers, closed forms and symmetries."""

import math

import pytest
import torch

from cut.losses.semantic_relation import multi_tap_relation, relations, semantic_relation
from tests.losses.recorded import RECORDED, assert_recorded, seeded_vectors
from tests.losses.test_patchnce import vectors


@pytest.mark.parametrize("case", RECORDED["hneg_src"][1:3], ids=lambda case: f"seed {case['seed']}")
def test_recorded_values_and_gradients(case):
    query, key = seeded_vectors(case["seed"])
    assert_recorded(multi_tap_relation([query], [key]), query, case["src"], case["src_grad"])


def test_two_patches_by_hand():
    """Parallel queries: P = ½ everywhere. Opposite keys: R = (p, 1 − p), p = 1/(1 + e^−2)."""
    query = torch.tensor([[[1.0, 0], [1, 0]]], dtype=torch.float64)
    key = torch.tensor([[[1.0, 0], [-1, 0]]], dtype=torch.float64)
    p = 1 / (1 + math.exp(-2))

    def entropy(*values):
        return -sum(value * math.log(value) for value in values)

    row = entropy((0.5 + p) / 2, (1.5 - p) / 2) - (entropy(0.5, 0.5) + entropy(p, 1 - p)) / 2
    assert semantic_relation(query, key).item() == pytest.approx(2 * row, rel=1e-5)


def test_what_only_turns_relates_alike():
    query, _ = vectors(channels=4)
    turned = query @ torch.linalg.qr(torch.randn(4, 4, dtype=torch.float64))[0]
    assert semantic_relation(query, 3 * turned).abs().max() < 1e-9


def test_images_relate_on_their_own_unless_asked_to():
    query, key = vectors(images=3)
    alone = torch.cat([semantic_relation(query[i : i + 1], key[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(semantic_relation(query, key), alone)
    torch.testing.assert_close(multi_tap_relation([query], [key]), alone.mean())
    joint = semantic_relation(query.flatten(0, 1)[None], key.flatten(0, 1)[None])
    torch.testing.assert_close(multi_tap_relation([query], [key], across_batch=True), joint.mean())
    one_each = [vectors.flatten(0, 1)[:, None] for vectors in (query, key)]
    assert multi_tap_relation(*[[one] for one in one_each]).item() == 0, "one patch relates to nothing"


def test_it_has_the_gradient_of_its_values_and_keys_get_none():
    query, key = vectors(images=1, patches=4)
    key.requires_grad_()
    assert torch.autograd.gradcheck(lambda q: semantic_relation(q, key.detach()), query)
    semantic_relation(query, key).sum().backward()
    assert key.grad is None


def test_relations_are_cosines():
    found = relations(torch.tensor([[[2.0, 0], [0, 5], [1, 1]]]))[0]
    root = math.sqrt(0.5)
    torch.testing.assert_close(found, torch.tensor([[1, 0, root], [0, 1, root], [root, root, 1]]))
