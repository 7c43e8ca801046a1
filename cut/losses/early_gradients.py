"""Parts of a loss that are differentiated at once, so that the graph of one is gone before the next is computed.

The gradient of a sum is the sum of the parts' gradients. In a step of CUT the graph of the translations is there all
the time; those of D's judgement and of the encoder's passes over the translations need their memory one after another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

Logs = dict[str, Tensor]


def differentiated_at_once(
    part: Callable[..., tuple[Tensor, Logs]], images: Sequence[Tensor], networks: Sequence[nn.Module] = ()
) -> tuple[Tensor, Logs]:
    """part(*images), differentiated before this returns.

    Value and gradients are those of `part(*images)`, but for the order in which gradients are added.

    Args:
        part: gives a scalar, and its summands by name. It may use no other tensor that has a graph.
        images: (B, C, H, W) each.
        networks: those whose weights get a gradient.

    Returns:
        The scalar, and the summands without their graph.
    """
    weights = [weight for network in networks for weight in network.parameters()]
    if not torch.is_grad_enabled() or not any(tensor.requires_grad for tensor in (*images, *weights)):
        return part(*images)
    logs: Logs = {}
    return _DifferentiatedAtOnce.apply(part, logs, len(images), *images, *weights), logs


class _DifferentiatedAtOnce(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, part: Callable, logs: Logs, count: int, *tensors: Tensor) -> Tensor:
        images = [image.detach().requires_grad_(image.requires_grad) for image in tensors[:count]]
        sources = [*images, *tensors[count:]]
        with torch.enable_grad():
            loss, summands = part(*images)
        wanted = [source for source in sources if source.requires_grad] if loss.requires_grad else []
        found = torch.autograd.grad(loss, wanted, allow_unused=True) if wanted else ()
        gradients = dict(zip(wanted, found, strict=True))
        logs |= {name: value.detach() for name, value in summands.items()}
        ctx.save_for_backward(*map(gradients.get, sources))
        return loss.detach()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, factor: Tensor) -> tuple[Tensor | None, ...]:
        scaled = (None if gradient is None else gradient * factor for gradient in ctx.saved_tensors)
        return None, None, None, *scaled
