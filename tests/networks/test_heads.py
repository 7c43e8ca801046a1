"""Sampling patches and turning them into vectors."""

import torch
from torch.nn import functional as F

from cut.networks.heads import MLPHead, SampleHead, sample_patches
from cut.networks.vectors import unit_length


def test_positions_are_row_major_and_shared_by_the_batch():
    feature = torch.arange(2 * 3 * 4 * 5.0).reshape(2, 3, 4, 5)
    picked = sample_patches(feature, torch.tensor([7, 0, 19]))
    for image in range(2):
        for place, (row, column) in enumerate([(1, 2), (0, 0), (3, 4)]):
            assert torch.equal(picked[image, place], feature[image, :, row, column])


def test_unit_length():
    vectors = torch.tensor([[3.0, 4.0], [0.0, 0.0], [1e-7, 0.0]])
    assert torch.allclose(unit_length(vectors), torch.tensor([[0.6, 0.8], [0.0, 0.0], [0.5, 0.0]]))


def test_sample_head_has_no_weights():
    feature = torch.randn(2, 3, 4, 4)
    at = torch.tensor([5, 1])
    (vectors,) = SampleHead()([feature], [at])
    assert not list(SampleHead().parameters())
    assert torch.allclose(vectors, F.normalize(sample_patches(feature, at), dim=-1), atol=1e-5)


def test_mlp_head_by_hand():
    head = MLPHead([3, 5], netF_nc=4)
    features, at = [torch.randn(2, 3, 4, 4), torch.randn(2, 5, 2, 2)], [torch.tensor([5, 1, 9]), torch.tensor([3])]
    vectors = head(features, at)
    assert [tuple(v.shape) for v in vectors] == [(2, 3, 4), (2, 1, 4)]
    assert list(head.state_dict()) == [f"mlp_{tap}.{layer}.{kind}" for tap in (0, 1) for layer in (0, 2)
                                       for kind in ("weight", "bias")]  # fmt: skip
    w = head.state_dict()
    x = features[1][1, :, 1, 1]
    hidden = (w["mlp_1.0.weight"] @ x + w["mlp_1.0.bias"]).relu()
    out = w["mlp_1.2.weight"] @ hidden + w["mlp_1.2.bias"]
    torch.testing.assert_close(vectors[1][1, 0], out / out.norm(), rtol=1e-4, atol=1e-5)
