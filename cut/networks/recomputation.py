"""Layers that keep little for the backward pass: what is cheap to compute is computed again there."""

import weakref
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ReLU(nn.ReLU):
    """max(x, 0), which keeps x for the backward pass. Instance norm keeps the same tensor, so it costs no memory."""

    def forward(self, x: Tensor) -> Tensor:
        if not x.requires_grad or torch.compiler.is_compiling():
            return F.relu(x)
        return F.leaky_relu(x, 0.0)  # F.relu would keep its result


def apply_recomputing(before: Sequence[nn.Module], layer: nn.Module, x: Tensor) -> Tensor:
    """layer(before(x)). The backward pass computes before(x) again from x, where the layer needs it.

    Unlike `torch.utils.checkpoint` this leaves the layer alone: its weights are not cast twice.

    Args:
        before: layers in their order, which draw nothing, count nothing and change nothing in place.
        layer: such as a convolution, which keeps its input.
        x: (B, C, H, W), which is kept. It must not be changed in place.
    """
    made = _run(before, x)
    if not torch.is_grad_enabled() or torch.compiler.is_compiling():  # the compiler makes this choice by itself
        return layer(made)
    source, known = x.detach(), weakref.ref(made)  # PyTorch keeps `pack` too, which must not keep `made`

    def pack(tensor: Tensor) -> Tensor | None:
        return None if _is_the_same(tensor, known()) else tensor

    def unpack(tensor: Tensor | None) -> Tensor:
        if tensor is not None:
            return tensor
        with torch.no_grad():
            return _run(before, source)

    with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
        return layer(made)


def _is_the_same(tensor: Tensor, made: Tensor | None) -> bool:
    return made is not None and tensor.untyped_storage() is made.untyped_storage() and tensor.shape == made.shape


def _run(layers: Sequence[nn.Module], x: Tensor) -> Tensor:
    for layer in layers:
        x = layer(x)
    return x
