"""Discriminators that judge patches (Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks",
CVPR 2017, section 3.2.2), with anti-aliased downsampling."""

from torch import Tensor, nn

from cut.networks.blur import BlurDown
from cut.networks.interface import Discriminator
from cut.networks.norm import needs_bias, norm_layer
from cut.registry import DISCRIMINATORS


class PatchDiscriminator(Discriminator):
    """(B, C, H, W) → logits (B, 1, h, w), one for each overlapping patch; 70×70 pixels with three layers.

    Args:
        input_nc: channels of the images it judges.
        ndf: channels of the first layer.
        n_layers: downsampling layers.
        norm: see `norm_layer`.
        antialias: blur before downsampling; otherwise convolutions of stride 2.
    """

    def __init__(
        self, input_nc: int = 3, ndf: int = 64, n_layers: int = 3, norm: str = "instance", antialias: bool = True
    ) -> None:
        super().__init__()
        self.per_image = norm != "batch"
        bias = needs_bias(norm)
        widths = [ndf * min(2**layer, 8) for layer in range(n_layers + 1)]

        layers = [_conv(input_nc, ndf, antialias), nn.LeakyReLU(0.2, inplace=True), *_blur(ndf, antialias)]
        for channels, out in zip(widths[:-2], widths[1:-1], strict=True):
            layers += [_conv(channels, out, antialias, bias), norm_layer(norm, out), nn.LeakyReLU(0.2)]
            layers += _blur(out, antialias)
        last = widths[-1]
        layers += [nn.Conv2d(widths[-2], last, 4, padding=1, bias=bias), norm_layer(norm, last)]
        layers += [nn.LeakyReLU(0.2), nn.Conv2d(last, 1, 4, padding=1)]
        self.model = nn.Sequential(*layers)

    def forward(self, image: Tensor) -> Tensor:
        return self.model(image)


def _conv(channels: int, out: int, antialias: bool, bias: bool = True) -> nn.Conv2d:
    """4×4 convolution that halves the resolution, or leaves that to the blur that follows."""
    return nn.Conv2d(channels, out, 4, stride=1 if antialias else 2, padding=1, bias=bias)


def _blur(channels: int, antialias: bool) -> list[nn.Module]:
    return [BlurDown(channels)] if antialias else []


@DISCRIMINATORS.register("basic")
def basic_discriminator(
    input_nc: int = 3, ndf: int = 64, norm: str = "instance", antialias: bool = True
) -> PatchDiscriminator:
    """The published default: three layers, 70×70 patches."""
    return PatchDiscriminator(input_nc, ndf, 3, norm, antialias)


DISCRIMINATORS.register("n_layers")(PatchDiscriminator)


@DISCRIMINATORS.register("pixel")
class PixelDiscriminator(Discriminator):
    """(B, C, H, W) → logits (B, 1, H, W): every pixel judged by its colour alone.

    Args:
        input_nc: channels of the images it judges.
        ndf: channels of the first layer.
        norm: see `norm_layer`.
    """

    def __init__(self, input_nc: int = 3, ndf: int = 64, norm: str = "instance") -> None:
        super().__init__()
        self.per_image = norm != "batch"
        bias = needs_bias(norm)
        self.net = nn.Sequential(
            nn.Conv2d(input_nc, ndf, 1),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(ndf, 2 * ndf, 1, bias=bias),
            norm_layer(norm, 2 * ndf),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * ndf, 1, 1, bias=bias),
        )

    def forward(self, image: Tensor) -> Tensor:
        return self.net(image)
