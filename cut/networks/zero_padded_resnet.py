"""The ResNet generator with zeros beyond the edges, as programs of 2017 built it (DistanceGAN)."""

from functools import partial

from torch import Tensor, nn

from cut.networks.convolution import Conv3x3
from cut.networks.dropout import Dropout
from cut.networks.interface import Generator
from cut.networks.norm import needs_bias, norm_layer
from cut.networks.recomputation import ReLU, apply_recomputing
from cut.networks.resnet import ZeroConv2d, add_image, check_residual, downsampling, upsampling
from cut.registry import GENERATORS


class ZeroPaddedBlock(nn.Module):
    """x + conv_block(x) on (B, C, H, W); two 3×3 convolutions."""

    def __init__(self, channels: int, norm: str, dropout: bool) -> None:
        super().__init__()
        bias = needs_bias(norm)
        self.conv_block = nn.Sequential(
            Conv3x3(channels, channels, padding=1, bias=bias),
            norm_layer(norm, channels),
            ReLU(),
            *([Dropout(0.5)] if dropout else []),
            Conv3x3(channels, channels, padding=1, bias=bias),
            norm_layer(norm, channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        conv, norm, relu, *dropout, second_conv, second_norm = self.conv_block
        y = norm(conv(x))
        y = second_conv(dropout[0](relu(y))) if dropout else apply_recomputing([relu], second_conv, y)
        return x + second_norm(y)


class ZeroPaddedResnet(Generator):
    """Two convolutions of stride 2, residual blocks, two transposed convolutions, tanh; no layer pads by reflection.

    The indices of `model` are the weight names of published files.

    Args:
        input_nc, output_nc: image channels.
        ngf: channels after the first convolution.
        blocks: residual blocks.
        norm: see `norm_layer`.
        dropout: dropout 0.5 in the residual blocks.
        residual: see `ResnetGenerator`.

    Raises:
        UserError: for `residual` with other channels in than out.
    """

    size_multiple = 4

    def __init__(
        self,
        input_nc: int = 3,
        output_nc: int = 3,
        ngf: int = 64,
        blocks: int = 9,
        norm: str = "instance",
        dropout: bool = False,
        residual: bool = False,
    ) -> None:
        super().__init__()
        if residual:
            check_residual(input_nc, output_nc)
        self.residual = residual
        self.context = 24 + 8 * blocks  # as in ResnetGenerator
        bias = needs_bias(norm)
        layers: list[nn.Module] = [nn.Conv2d(input_nc, ngf, 7, padding=3, bias=bias), norm_layer(norm, ngf)]
        layers += [ReLU()]
        for channels in (ngf, 2 * ngf):
            layers += downsampling(channels, 2 * channels, norm, bias, antialias=False)
        layers += [ZeroPaddedBlock(4 * ngf, norm, dropout) for _ in range(blocks)]
        for channels in (4 * ngf, 2 * ngf):
            layers += upsampling(channels, channels // 2, norm, bias, antialias=False)
        layers += [(ZeroConv2d if residual else nn.Conv2d)(ngf, output_nc, 7, padding=3), nn.Tanh()]
        self.model = nn.Sequential(*layers)

    def forward(self, image: Tensor) -> Tensor:
        if not self.residual:
            return self.model(image)
        *layers, tanh = self.model
        x = image
        for layer in layers:
            x = layer(x)
        return tanh(add_image(x, image))


for _blocks in (9, 6):
    GENERATORS.register(f"resnet_{_blocks}blocks_zero_pad")(partial(ZeroPaddedResnet, blocks=_blocks))
