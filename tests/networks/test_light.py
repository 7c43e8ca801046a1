"""The light networks of SimDCL."""

import torch
from torch.nn import functional as F

from cut.networks.light import LightNetwork


def test_by_hand():
    torch.manual_seed(0)
    network, vectors = LightNetwork(taps=2), torch.randn(3, 2, 9, 7)
    conv, first, second = (network.model[index] for index in (0, 4, 6))
    pooled = F.conv2d(vectors, conv.weight, conv.bias, stride=2).relu().mean((2, 3))
    made = F.linear(F.linear(pooled, first.weight, first.bias).relu(), second.weight, second.bias)
    torch.testing.assert_close(network(vectors), F.normalize(made), atol=1e-5, rtol=1e-5)


def test_its_names_are_the_published_ones():
    shapes = {name: tuple(value.shape) for name, value in LightNetwork(taps=4).named_parameters()}
    assert shapes == {
        "model.0.weight": (64, 4, 3, 3), "model.0.bias": (64,), "model.4.weight": (64, 64), "model.4.bias": (64,),
        "model.6.weight": (64, 64), "model.6.bias": (64,),
    }  # fmt: skip


def test_the_vector_has_unit_length_and_other_images_do_not_change_it():
    network, vectors = LightNetwork(taps=4), torch.randn(2, 4, 16, 16)
    made = network(vectors)
    torch.testing.assert_close(made.norm(dim=1), torch.ones(2))
    torch.testing.assert_close(made[:1], network(vectors[:1]))
