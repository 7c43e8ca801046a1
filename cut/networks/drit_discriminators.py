"""The discriminators of DRIT++: of images, at several scales or one, and of contents. None of them has a norm."""

from itertools import pairwise

from torch import Tensor, nn

from cut.networks.drit import leaky_conv
from cut.networks.interface import Discriminator
from cut.precision import full


class ScaledDiscriminator(Discriminator):
    """(B, C, H, W) → a map of logits (B, 1, h, w) for each scale: the image, and the image halved k times.

    Args:
        channels: of the images it judges.
        width: channels of the first layer, doubled in each of the three that follow.
        scales: how many.
    """

    per_image = True

    def __init__(self, channels: int = 3, width: int = 64, scales: int = 3) -> None:
        super().__init__()
        self.image_channels = channels
        widths = (channels, width, 2 * width, 4 * width, 8 * width)
        self.Diss = nn.ModuleList(
            nn.Sequential(*(leaky_conv(*two, 4, 2, 1) for two in pairwise(widths)), nn.Conv2d(widths[-1], 1, 1))
            for _ in range(scales)
        )
        self.halve = nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False)

    def forward(self, image: Tensor) -> list[Tensor]:
        maps = []
        for judge in self.Diss:
            maps.append(full(judge(image)))
            image = self.halve(image)
        return maps


class OneScaleDiscriminator(Discriminator):
    """(B, C, H, W) → one map of logits, after six layers; the arguments as for `ScaledDiscriminator`."""

    per_image = True

    def __init__(self, channels: int = 3, width: int = 64) -> None:
        super().__init__()
        self.image_channels = channels
        widths = (channels, *(width * 2**level for level in range(6)))
        layers = (leaky_conv(*two, 3, 2, 1) for two in pairwise(widths))
        self.model = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 1))

    def forward(self, image: Tensor) -> list[Tensor]:
        return [full(self.model(image))]


class ContentDiscriminator(nn.Module):
    """Contents (B, 4 · width, h, w) → logits, larger for those of domain B; h and w are at least 53."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        layers = [leaky_conv(4 * width, 4 * width, 7, 2, 1) for _ in range(3)]
        layers += [leaky_conv(4 * width, 4 * width, 4, 1, 0), nn.Conv2d(4 * width, 1, 1)]
        self.model = nn.Sequential(*layers)

    def forward(self, content: Tensor) -> Tensor:
        return full(self.model(content))
