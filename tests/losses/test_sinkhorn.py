"""Sinkhorn's iteration: what it leads to, and its derivative against autograd's."""

import pytest
import torch

from cut.losses import sinkhorn as module
from cut.losses.sinkhorn import sinkhorn


def kernels(groups=2, size=5):
    generator = torch.Generator().manual_seed(0)
    return torch.rand(groups, size, size, generator=generator, dtype=torch.float64) + 0.1


def step_by_step(kernel, rounds):
    v = torch.ones_like(kernel[:, :, :1])
    for _ in range(rounds):
        u = 1 / (kernel @ v)
        v = 1 / (kernel.mT @ u)
    return u.squeeze(2), v.squeeze(2)


@pytest.fixture(params=["matrix by matrix", "all at once"])
def way(request, monkeypatch):
    """As on a CPU, and as on a GPU."""
    if request.param == "all at once":
        monkeypatch.setattr(module, "_parts", lambda *tensors: iter([tensors]))


@pytest.mark.parametrize("rounds", [1, 2, 50])
def test_values_and_gradients_are_those_of_the_rounds(way, rounds):
    one, other = kernels().requires_grad_(), kernels().requires_grad_()
    for kernel, (u, v) in ((one, sinkhorn(one, rounds)), (other, step_by_step(other, rounds))):
        (kernel.grad,) = torch.autograd.grad((u.sin() * v.cos()).sum(), kernel)  # of both
    torch.testing.assert_close(sinkhorn(one, rounds), step_by_step(other, rounds), rtol=1e-12, atol=0)
    torch.testing.assert_close(one.grad, other.grad, rtol=1e-9, atol=1e-12)


def test_rows_and_columns_sum_to_one(way):
    kernel = kernels()
    u, v = sinkhorn(kernel, 50)
    plan = u[:, :, None] * kernel * v[:, None]
    for axis in (1, 2):
        torch.testing.assert_close(plan.sum(axis), torch.ones(2, 5, dtype=torch.float64))


def test_one_result_alone_has_a_gradient():
    kernel = kernels().requires_grad_()
    (alone,) = torch.autograd.grad(sinkhorn(kernel, 3)[1].sum(), kernel)
    (expected,) = torch.autograd.grad(step_by_step(kernel, 3)[1].sum(), kernel)
    torch.testing.assert_close(alone, expected)
