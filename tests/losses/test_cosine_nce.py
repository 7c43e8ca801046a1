"""DCLGAN's PatchNCE against closed forms."""

import math

import pytest
import torch
from torch.nn import functional as F

from cut.losses.cosine_nce import cosine_nce


def test_negatives_come_from_all_images_of_the_batch():
    """Orthogonal keys: e^(1/τ) against the N − 1 others, whose cosines are 0."""
    vectors = torch.eye(6, dtype=torch.float64).reshape(2, 3, 6)
    expected = math.log(1 + 5 * math.exp(-1 / 0.5))
    assert cosine_nce([vectors], [vectors], 0.5).item() == pytest.approx(expected, rel=1e-12)


def test_equal_keys_leave_chance():
    vectors = torch.ones(2, 3, 4, dtype=torch.float64)
    assert cosine_nce([vectors, vectors], [vectors, vectors], 0.07).item() == pytest.approx(math.log(6), rel=1e-12)


def test_lengths_do_not_matter_and_the_logits_are_cosines():
    torch.manual_seed(0)
    query, key = torch.randn(2, 2, 5, 7, dtype=torch.float64)
    logits = F.cosine_similarity(query.flatten(0, 1)[:, None], key.flatten(0, 1)[None], dim=-1) / 0.07
    expected = F.cross_entropy(logits, torch.arange(10))
    torch.testing.assert_close(cosine_nce([query], [key], 0.07), expected)
    torch.testing.assert_close(cosine_nce([3 * query], [key / 7], 0.07), expected)


def test_the_mean_over_taps_counts_each_tap_once():
    torch.manual_seed(0)
    first, second = torch.randn(2, 1, 5, 7, dtype=torch.float64), torch.randn(2, 1, 3, 7, dtype=torch.float64)
    apart = [cosine_nce([query], [key], 0.07) for query, key in (first, second)]
    together = cosine_nce([first[0], second[0]], [first[1], second[1]], 0.07)
    torch.testing.assert_close(together, sum(apart) / 2)


def test_keys_get_no_gradient():
    query, key = torch.randn(2, 1, 4, 3).unbind()
    query.requires_grad_(), key.requires_grad_()
    cosine_nce([query], [key], 0.07).backward()
    assert key.grad is None and query.grad.abs().sum() > 0
