"""Sinkhorn's iteration (Cuturi, "Sinkhorn Distances", NIPS 2013, algorithm 1), its derivative in a few products."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def sinkhorn(kernel: Tensor, rounds: int) -> tuple[Tensor, Tensor]:
    """Scale the rows and columns of positive matrices until both sum to 1, as nearly as the rounds lead.

    From v = 1, in each round u = 1 / (K v) and then v = 1 / (Kᵀ u).

    Args:
        kernel: (G, N, N) matrices K. Gradients of first order go back to it through all rounds.
        rounds: at least 1.

    Returns:
        u and v, (G, N) each: u_i K_ij v_j sums to 1 over i.
    """
    return _Sinkhorn.apply(kernel, rounds)


class _Sinkhorn(torch.autograd.Function):
    """Keeps the vectors of all rounds. Autograd would add a matrix to the gradient for each; here one product of all
    vectors makes it."""

    @staticmethod
    def forward(ctx: Any, kernel: Tensor, rounds: int) -> tuple[Tensor, Tensor]:
        groups, size, _ = kernel.shape
        us, vs = kernel.new_empty(2, groups, rounds + 1, size)  # round 0 is the start
        vs[:, 0] = 1
        for matrix, u, v in _parts(kernel, us, vs):
            for step in range(rounds):
                u[..., step + 1, :] = _times(matrix, v[..., step, :]).reciprocal_()
                v[..., step + 1, :] = _times(matrix.mT, u[..., step + 1, :]).reciprocal_()
        ctx.save_for_backward(kernel, us, vs)
        return us[:, -1].clone(), vs[:, -1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_u: Tensor, of_v: Tensor) -> tuple[Tensor, None]:
        kernel, us, vs = ctx.saved_tensors
        of_a, of_b = torch.empty_like(us[:, 1:]), torch.empty_like(us[:, 1:])  # of the products a = K v and b = Kᵀ u
        for matrix, u, v, d_a, d_b, d_u, d_v in _parts(kernel, us, vs, of_a, of_b, of_u, of_v):
            for step in reversed(range(d_a.shape[-2])):
                d_b[..., step, :] = -d_v * v[..., step + 1, :].square()
                d_u = d_u + _times(matrix, d_b[..., step, :])
                d_a[..., step, :] = -d_u * u[..., step + 1, :].square()
                d_v, d_u = _times(matrix.mT, d_a[..., step, :]), torch.zeros_like(d_u)
        rows, columns = torch.cat([of_a, us[:, 1:]], 1), torch.cat([vs[:, :-1], of_b], 1)  # (G, 2 · rounds, N)
        return rows.mT @ columns, None


def _parts(kernel: Tensor, *others: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """What is iterated together. On a CPU that is one matrix, which stays in its cache for all rounds."""
    if kernel.device.type == "cpu":
        yield from zip(kernel, *others, strict=True)
    else:
        yield kernel, *others


def _times(matrix: Tensor, vector: Tensor) -> Tensor:
    """(…, N, N) times (…, N) → (…, N)."""
    return matrix @ vector if matrix.dim() == 2 else (matrix @ vector.unsqueeze(-1)).squeeze(-1)
