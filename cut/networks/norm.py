"""Normalisation layers by their command-line name."""

from torch import nn

NORMS = ("instance", "batch", "none")


def norm_layer(kind: str, channels: int) -> nn.Module:
    """Normalisation of (B, C, H, W) feature maps.

    Args:
        kind: `instance` (per image and channel, no parameters), `batch` (affine, running statistics) or `none`.
        channels: C.
    """
    if kind == "instance":
        # One group per channel is instance norm. PyTorch's own F.instance_norm returns a wrong gradient on a CPU at
        # batch size 1 when the incoming gradient is channels-last, as gradients of sampled patches are.
        return nn.GroupNorm(channels, channels, eps=1e-5, affine=False)
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    if kind == "none":
        return nn.Identity()
    raise ValueError(f"unknown norm {kind!r}; there are {', '.join(NORMS)}")


def needs_bias(kind: str) -> bool:
    """Whether the convolution before this norm has a bias, as in the published weights.

    Only instance norm follows a biased convolution there, although it cancels the bias.
    """
    return kind == "instance"
