"""The U-Net generator (Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks", CVPR 2017,
section 3.2.1): an encoder and a decoder of equal depth, with a skip connection at every resolution."""

from functools import partial

import torch
from torch import Tensor, nn

from cut.networks.dropout import Dropout
from cut.networks.interface import Generator
from cut.networks.norm import needs_bias, norm_layer
from cut.registry import GENERATORS


class UnetBlock(nn.Module):
    """One resolution: halve it, apply the block inside, double it again.

    `model` is one sequence, whose indices are the weight names of published files. The result is that of `model`,
    (B, C_out, H, W); unless it is the outermost block, with the input in front of it, (B, C + C_out, H, W).

    Args:
        model: layers from (B, C, H, W) to (B, C_out, H, W). The published LeakyReLU that a block inside begins with
            works in place, so that the skip connection carries what it leaves; to the ReLU that follows it is the same.
        outermost: whether there is no skip connection around it.
    """

    def __init__(self, *model: nn.Module, outermost: bool = False) -> None:
        super().__init__()
        self.model = nn.Sequential(*model)
        self.outermost = outermost

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x) if self.outermost else torch.cat([x, self.model(x)], 1)


class UnetGenerator(Generator):
    """`downs` halvings down to the bottleneck, as many doublings, tanh; for sides that are multiples of 2^downs.

    Args:
        input_nc, output_nc: image channels.
        ngf: channels at half the resolution; doubled with each halving, up to eight times as many.
        downs: halvings, at least 5.
        norm: see `norm_layer`; the bottleneck has none, where one pixel may be left.
        dropout: dropout 0.5 after the innermost blocks but one, those that have 8 ngf channels on both sides.
    """

    fewest_multiples = 1  # without reflected edges, one is enough

    def __init__(
        self,
        input_nc: int = 3,
        output_nc: int = 3,
        ngf: int = 64,
        downs: int = 8,
        norm: str = "batch",
        dropout: bool = False,
    ) -> None:
        super().__init__()
        self.size_multiple = 2**downs
        # A pixel's value passes through at most three pixels of the bottleneck's neighbourhood, at a stride of 2^downs.
        self.context = 3 * (2**downs - 1)
        widths = [ngf * min(2**level, 8) for level in range(downs)]  # after each halving
        bias = needs_bias(norm)
        down = partial(nn.Conv2d, kernel_size=4, stride=2, padding=1)
        up = partial(nn.ConvTranspose2d, kernel_size=4, stride=2, padding=1)

        outer, inner = widths[-2], widths[-1]
        block = UnetBlock(
            *(nn.LeakyReLU(0.2), down(outer, inner, bias=bias)),
            *(nn.ReLU(inplace=True), up(inner, outer, bias=bias), norm_layer(norm, outer)),
        )
        for outer, inner in zip(widths[-3::-1], widths[-2:0:-1], strict=True):
            block = UnetBlock(
                *(nn.LeakyReLU(0.2), down(outer, inner, bias=bias), norm_layer(norm, inner)),
                block,
                *(nn.ReLU(inplace=True), up(2 * inner, outer, bias=bias), norm_layer(norm, outer)),
                *([Dropout(0.5)] if dropout and outer == inner else []),
            )
        self.model = UnetBlock(
            down(input_nc, ngf, bias=bias),
            block,
            *(nn.ReLU(inplace=True), up(2 * ngf, output_nc), nn.Tanh()),
            outermost=True,
        )

    def forward(self, image: Tensor) -> Tensor:
        return self.model(image)


for _downs in (8, 7):
    GENERATORS.register(f"unet_{2**_downs}")(partial(UnetGenerator, downs=_downs))
