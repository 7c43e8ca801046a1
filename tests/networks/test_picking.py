"""Vectors that are taken while a map passes by are those of the map, and so are their gradients."""

import pytest
import torch

from cut.networks.picking import pick, vectors_at

LAYOUTS = [torch.contiguous_format, torch.channels_last]


def some(images, layout, **more):
    x = torch.randn(images, 3, 4, 5, **more).contiguous(memory_format=layout)
    return x, torch.stack([torch.randperm(20)[:6] for _ in range(images)])


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("images", [1, 2])
def test_the_vectors_are_those_at_the_positions(images, layout):
    x, positions = some(images, layout)
    y, vectors = pick(x, positions)
    assert torch.equal(y, x) and torch.equal(vectors, vectors_at(x, positions))
    for image, place in ((image, place) for image in range(images) for place in range(6)):
        row, column = divmod(int(positions[image, place]), 5)
        assert torch.equal(vectors[image, place], x[image, :, row, column])


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("images", [1, 2])
@pytest.mark.parametrize("used", ["both", "map", "vectors"])
def test_gradients(images, layout, used):
    x, positions = some(images, layout, dtype=torch.float64, requires_grad=True)

    def function(image):
        y, vectors = pick(image.contiguous(memory_format=layout) * 1, positions)
        return {"both": (y.sin(), vectors.exp()), "map": y.sin(), "vectors": vectors.exp()}[used]

    x = x.detach().requires_grad_()
    assert torch.autograd.gradcheck(function, (x,)) and torch.autograd.gradgradcheck(function, (x,))


@pytest.mark.parametrize("images", [1, 2])
@pytest.mark.parametrize("used", ["both", "vectors"])
def test_the_gradient_is_channels_last_also_for_one_image(images, used):
    """With one image the strides may say so and the kernels of PyTorch not believe it, and take ten times as long."""
    x, positions = some(images, torch.channels_last, requires_grad=True)
    found = []
    source = torch.conv2d(x, torch.randn(3, 3, 1, 1))
    source.register_hook(lambda gradient: found.append(gradient.stride()))
    y, vectors = pick(source, positions)
    assert y.stride() == source.stride()
    (vectors.sum() + (y.square().sum() if used == "both" else 0)).backward()
    assert found == [(60, 1, 15, 3)]


def test_the_gradient_that_comes_in_is_not_changed():
    x, positions = some(2, torch.channels_last, requires_grad=True)
    other = torch.zeros_like(x).requires_grad_()
    y, vectors = pick(x * 1, positions)
    ((y + other).sum() + vectors.sum()).backward()
    assert torch.equal(other.grad, torch.ones_like(other))
