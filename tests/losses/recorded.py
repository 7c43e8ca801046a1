"""Losses recorded from the authors' published code as functions of seeded vectors (contrastive_losses.json)."""

import json

import numpy as np
import torch
from torch import Tensor

from tests.reference_runs import FOLDER

RECORDED = json.loads((FOLDER / "contrastive_losses.json").read_text())


def seeded_vectors(seed: int, rows: int = 32, images: int = 1) -> tuple[Tensor, Tensor]:
    """Queries, with a gradient, and keys of a recorded case, (B, P, 16) each."""
    key = _unit(np.random.default_rng(seed + 1).standard_normal((rows, 16)).astype(np.float32))
    query = _unit(_unit(np.random.default_rng(seed).standard_normal((rows, 16)).astype(np.float32)) + key)
    shape = (images, rows // images, 16)
    return torch.from_numpy(query).view(shape).requires_grad_(), torch.from_numpy(key).view(shape)


def assert_recorded(loss: Tensor, of: Tensor, value: float, gradient: dict) -> None:
    """The loss and its gradient are the recorded ones."""
    np.testing.assert_allclose(loss.item(), value, rtol=2e-6)
    found = torch.autograd.grad(loss, of, retain_graph=True)[0].flatten().double()
    norm = gradient["norm"]
    np.testing.assert_allclose(found.norm().item(), norm, rtol=2e-6)
    leading = gradient["leading"]
    np.testing.assert_allclose(found[: len(leading)].numpy(), leading, rtol=0, atol=2e-6 * norm)


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / (np.linalg.norm(rows, axis=1, keepdims=True) + 1e-7)
