"""Normalisation layers by their command-line name, and what each hides from the network that it is in.

Instance norm subtracts the mean of every channel of an image: a uniform image gives zeros, whatever its colour, so the
network cannot know the level (brightness and colour) of what it sees, and an almost uniform one is stretched until its
noise fills the range. Layer and group norm subtract one mean for many channels; the differences between channels stay,
and with them the level (docs/faq.md).
"""

from torch import nn

from cut.networks.batch_norm import BatchNorm
from cut.networks.instance_norm import InstanceNorm
from cut.options.groups import NORMS

MOST_GROUPS = 32  # Wu and He, section 4.1
EPSILON = 1e-5


def norm_layer(kind: str, channels: int) -> nn.Module:
    """Normalisation of (B, C, H, W) feature maps.

    Args:
        kind: one of
            `instance` per image and channel, no parameters (Ulyanov et al., 2016);
            `affine_instance` the same, affine;
            `batch` over the batch, affine, running statistics in evaluation mode (Ioffe and Szegedy, ICML 2015);
            `layer` over all channels of an image, affine (Ba et al., 2016);
            `group` over groups of at least four channels of an image, affine (Wu and He, ECCV 2018);
            `none`.
        channels: C.

    Raises:
        ValueError: for another kind.
    """
    if kind == "instance":
        return InstanceNorm(channels, EPSILON)
    if kind == "affine_instance":
        return InstanceNorm(channels, EPSILON, affine=True)
    if kind == "batch":
        return BatchNorm(channels, EPSILON)
    if kind == "layer":
        return nn.GroupNorm(1, channels, eps=EPSILON)
    if kind == "group":
        return nn.GroupNorm(group_count(channels), channels, eps=EPSILON)
    if kind == "none":
        return nn.Identity()
    raise ValueError(f"unknown norm {kind!r}; there are {', '.join(NORMS)}")


def group_count(channels: int) -> int:
    """How many groups `group` makes: as many as divide the channels, at most 32, of four channels or more."""
    possible = [count for count in range(1, MOST_GROUPS + 1) if channels % count == 0 and channels // count >= 4]
    return max(possible, default=1)


def needs_bias(kind: str) -> bool:
    """Whether the convolution before this norm has a bias.

    As in the published weights for the instance norms, which cancel it, `batch` and `none`. Layer and group norm
    divide by the size of their input: only a bias keeps a dark image apart from a bright one of the same hue.
    """
    return kind in ("instance", "affine_instance", "layer", "group")


def hides_level(kind: str) -> bool:
    """Whether a uniform image gives the same output whatever its colour."""
    return kind in ("instance", "affine_instance")
