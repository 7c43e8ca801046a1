"""PatchNCE against the published form, closed forms and its symmetries."""

import math

import pytest
import torch
import torch.nn.functional as F

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


@pytest.mark.parametrize(
    ("across_batch", "internal", "remembered", "keys"),
    [(False, True, 7, 5 + 7), (False, False, 7, 1 + 7), (True, True, 7, 15 + 7), (True, False, 7, 1 + 10 + 7),
     (True, False, 0, 1 + 10)],
)  # fmt: skip
def test_external_negatives_are_counted(across_batch, internal, remembered, keys):
    same = torch.ones(3, 5, 4) / 2
    memory = same[0, :1].expand(remembered, -1) if remembered else None
    loss = patch_nce(same, same, 0.07, across_batch, memory, internal)
    assert torch.allclose(loss, torch.full((15,), math.log(keys)))


def test_a_memory_of_the_other_image_is_that_image_in_the_batch():
    query, key = vectors()
    one = patch_nce(query[:1], key[:1], 0.07, memory=key[1])
    torch.testing.assert_close(one, patch_nce(query, key, 0.07, across_batch=True)[:6])
    alone = patch_nce(query[:1], key[:1], 0.07, memory=key[1], internal=False)
    torch.testing.assert_close(alone, patch_nce(query, key, 0.07, across_batch=True, internal=False)[:6])
