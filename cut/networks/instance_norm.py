"""Instance norm that is fast in both layouts of memory, and whose gradient is right in both."""

from typing import Any

import torch
from torch import Tensor, nn

from cut.networks.layout import is_channels_last

_aten = torch.ops.aten


class InstanceNorm(nn.GroupNorm):
    """(x − mean) / √(var + ε) for each image and channel of (B, C, H, W) (Ulyanov et al., 2016).

    A group norm with one channel in a group. PyTorch's own `F.instance_norm` returns a wrong gradient on a CPU at batch
    size 1 when the incoming gradient is channels-last, as gradients of sampled patches are. A channels-last image is
    normalised by the kernels of batch norm, image by image: there they are up to 30 times as fast as group norm's.

    Args:
        channels: C.
        eps: ε.
        affine: then multiply by a learned weight and add a learned bias, one of each for every channel.
    """

    def __init__(self, channels: int, eps: float = 1e-5, affine: bool = False) -> None:
        super().__init__(channels, channels, eps=eps, affine=affine)

    def forward(self, x: Tensor) -> Tensor:
        if is_channels_last(x):
            y, _ = _InstanceNorm.apply(x, self.eps)
            return (y * self.weight[:, None, None] + self.bias[:, None, None]).to(y.dtype) if self.affine else y
        exact, keeps = x.dtype == _statistics(x.dtype), x.requires_grad and torch.is_grad_enabled()
        if self.affine or not (exact and keeps) or torch.compiler.is_compiling():
            return super().forward(x)
        return _InstanceNorm.apply(x.contiguous(), self.eps)[0]


class _InstanceNorm(torch.autograd.Function):
    """The norm of x, and the scale 1 / √(var + ε) of each image and channel.

    For the backward pass it keeps its result and not x: what follows often needs that too, and then it is kept once.
    The scale is in float32 (float64 for float64), whatever the images are in, and is a result for the second
    derivative alone.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, eps: float) -> tuple[Tensor, Tensor]:
        y, scale = _channels_last(x, eps) if is_channels_last(x) else _contiguous(x, eps)
        ctx.save_for_backward(y, scale)
        ctx.set_materialize_grads(False)
        return y, scale

    @staticmethod
    def backward(ctx: Any, gradient: Tensor | None, of_scale: Tensor | None) -> tuple[Tensor, None]:
        y, scale = ctx.saved_tensors
        if torch.is_grad_enabled() or gradient is None or of_scale is not None:
            return _derivative(y, scale, gradient, of_scale), None
        return (_channels_last_gradient if is_channels_last(y) else _contiguous_gradient)(y, scale, gradient), None


def _channels_last(x: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    images, channels = x.shape[:2]
    # With a weight in float32 batch norm keeps its statistics in it; without one, in the type of the images.
    unit = x.new_ones(channels, dtype=_statistics(x.dtype))
    zero = torch.zeros_like(unit)
    mean, scale = unit.new_empty(2, images, channels)
    y = torch.empty_like(x)
    for one in range(images):
        _aten.native_batch_norm.out(
            x[one : one + 1], unit, zero, None, None, True, 0.0, eps,
            out=y[one : one + 1], save_mean=mean[one], save_invstd=scale[one],
        )  # fmt: skip
    return y, scale


def _contiguous(x: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    images, channels, height, width = x.shape
    y, _, scale = _aten.native_group_norm(x, None, None, images, channels, height * width, channels, eps)
    return y, scale


# The kernels below work on an image whose mean is 0 and whose deviation is 1, and then multiply by a weight: the scale.


def _channels_last_gradient(y: Tensor, scale: Tensor, gradient: Tensor) -> Tensor:
    gradient = gradient.contiguous(memory_format=torch.channels_last)
    zero, unit = torch.zeros_like(scale[0]), torch.ones_like(scale[0])
    parts = (
        _aten.native_batch_norm_backward(
            gradient[one : one + 1], y[one : one + 1], scale[one], None, None, zero, unit, True, 0.0,
            [True, False, False],
        )[0]
        for one in range(len(y))
    )  # fmt: skip
    if len(y) == 1:
        return next(parts)
    own = torch.empty_like(y)
    for one, part in enumerate(parts):
        own[one : one + 1] = part
    return own


def _contiguous_gradient(y: Tensor, scale: Tensor, gradient: Tensor) -> Tensor:
    count, size = scale.numel(), y.shape[2] * y.shape[3]
    zero, unit = torch.zeros_like(scale).view(1, count), torch.ones_like(scale).view(1, count)
    as_one = (1, count, *y.shape[2:])  # every channel of every image has a weight of its own
    own, _, _ = _aten.native_group_norm_backward(
        gradient.contiguous().view(as_one), y.view(as_one), zero, unit, scale.flatten(), 1, count, size, count,
        [True, False, False],
    )  # fmt: skip
    return own.view_as(y)


def _derivative(y: Tensor, scale: Tensor, gradient: Tensor | None, of_scale: Tensor | None) -> Tensor:
    """The gradient of x from those of y and of the scale, by operations that have derivatives."""
    normal, scale = y.to(scale.dtype), scale[:, :, None, None]
    own = torch.zeros_like(normal)
    if gradient is not None:
        incoming = gradient.to(normal.dtype)
        own = incoming - incoming.mean((2, 3), keepdim=True) - normal * (incoming * normal).mean((2, 3), keepdim=True)
        own = scale * own
    if of_scale is not None:
        own = own - scale.square() * normal * (of_scale[:, :, None, None] / (y.shape[2] * y.shape[3]))
    return own.to(y.dtype)


def _statistics(dtype: torch.dtype) -> torch.dtype:
    return torch.float64 if dtype == torch.float64 else torch.float32
