"""The discriminators of SinCUT: StyleGAN2's residual discriminator on whole crops, or on tiles of them."""

import math
from itertools import pairwise

from torch import Tensor, nn

from cut.errors import UserError
from cut.networks.interface import Discriminator
from cut.networks.stylegan2_layers import ConvLayer, EqualizedLinear, ResBlock, channel_widths, starting_resolution
from cut.registry import DISCRIMINATORS


class _ResidualDiscriminator(Discriminator):
    """Square images of one size → one logit each; no minibatch standard deviation."""

    per_image = True

    def __init__(self, input_nc: int, ndf: int, resolution: int) -> None:
        super().__init__()
        widths = _widths(ndf, resolution)  # from `resolution` down to 4 pixels
        self.resolution = resolution
        self.convs = nn.Sequential(
            ConvLayer(input_nc, widths[0], 1),
            *(ResBlock(high, low, down=True) for high, low in pairwise(widths)),
        )
        self.final_conv = ConvLayer(widths[-1], widths[-1], 3)
        self.final_linear = nn.Sequential(
            EqualizedLinear(widths[-1] * 4 * 4, widths[-1], activate=True), EqualizedLinear(widths[-1], 1)
        )

    def judge(self, images: Tensor) -> Tensor:
        """(B, input_nc, resolution, resolution) → logits (B, 1)."""
        features = self.final_conv(self.convs(images))  # (B, C, 4, 4)
        return self.final_linear(features.flatten(1))


def _widths(ndf: int, resolution: int) -> list[int]:
    widths = channel_widths(ndf / 64, cap=384, rounding=int)
    return [widths[2**n] for n in range(round(math.log2(resolution)), 1, -1)]


def _width_problems(ndf: int, resolution: int) -> list[str]:
    if not 4 <= resolution <= 1024:
        return [f"The StyleGAN2-style discriminator judges images of 4 to 1024 pixels, not of {resolution}."]
    if 0 in _widths(ndf, resolution):
        return [f"--ndf {ndf} leaves a layer for {resolution} pixels without channels: use a larger one."]
    return []


@DISCRIMINATORS.register("stylegan2")
class StyleGAN2Discriminator(_ResidualDiscriminator):
    """One logit for a whole crop.

    Args:
        input_nc: channels of the images.
        ndf: width; 64 stands for the widths of the StyleGAN2 paper, thinned below 64 pixels.
        load_size, crop_size: pixels; the network judges squares whose side is the smaller one, a power of two.

    Raises:
        UserError: the sizes do not fit (`size_problems`).
    """

    def __init__(self, input_nc: int, ndf: int, load_size: int, crop_size: int) -> None:
        problems = self.size_problems(ndf, load_size, crop_size)
        if problems:
            raise UserError(*problems)
        super().__init__(input_nc, ndf, starting_resolution(load_size, crop_size))

    @staticmethod
    def size_problems(ndf: int, load_size: int, crop_size: int) -> list[str]:
        """What is wrong with these sizes for this network: one sentence each, none when all is well."""
        resolution = starting_resolution(load_size, crop_size)
        if crop_size > load_size:
            return [
                f"--netD stylegan2 judges crops, and --load_size {load_size} is smaller than --crop_size {crop_size}: "
                "use a --load_size of at least the crop."
            ]
        if crop_size != resolution:
            return [
                f"--netD stylegan2 judges crops whose side is a power of two, not of {crop_size} pixels: "
                f"use --crop_size {resolution}."
            ]
        return _width_problems(ndf, resolution)

    def forward(self, x: Tensor) -> Tensor:
        """(B, input_nc, r, r) in about [−1, 1] → logits (B, 1).

        Raises:
            ValueError: the images have another size than the network.
        """
        if x.shape[-2:] != (self.resolution, self.resolution):
            raise ValueError(
                f"this discriminator judges images of {self.resolution}×{self.resolution} pixels, "
                f"not of {x.shape[-2]}×{x.shape[-1]}"
            )
        return self.judge(x)


@DISCRIMINATORS.register("tilestylegan2")
class TileStyleGAN2Discriminator(_ResidualDiscriminator):
    """One logit for each tile of a crop, each judged on its own.

    Args:
        input_nc: channels of the images.
        ndf: width, as of `StyleGAN2Discriminator`.
        crop_size: pixels, a power of two times the tile.
        D_patch_size: side of a tile in pixels, a power of two; the network has the layers for this size.

    Raises:
        UserError: the sizes do not fit (`size_problems`).
    """

    def __init__(self, input_nc: int, ndf: int, crop_size: int, D_patch_size: int = 64) -> None:
        problems = self.size_problems(ndf, crop_size, D_patch_size)
        if problems:
            raise UserError(*problems)
        super().__init__(input_nc, ndf, D_patch_size)

    @staticmethod
    def size_problems(ndf: int, crop_size: int, D_patch_size: int = 64) -> list[str]:
        """What is wrong with these sizes for this network: one sentence each, none when all is well."""
        if not _is_power_of_two(D_patch_size) or not 4 <= D_patch_size <= 1024:
            return [f"--D_patch_size {D_patch_size} cannot be halved down to 4: use a power of two from 4 to 1024."]
        if D_patch_size > crop_size:
            return [
                f"--D_patch_size {D_patch_size} is larger than --crop_size {crop_size}: "
                "use a smaller tile or a larger crop."
            ]
        if crop_size % D_patch_size or not _is_power_of_two(crop_size // D_patch_size):
            return [
                f"--crop_size {crop_size} is not a power of two times --D_patch_size {D_patch_size}: use a crop of "
                f"{D_patch_size}, {2 * D_patch_size} or {4 * D_patch_size} pixels, or another tile."
            ]
        return _width_problems(ndf, D_patch_size)

    def forward(self, x: Tensor) -> Tensor:
        """(B, input_nc, H, W) in about [−1, 1] → logits (B · tiles, 1), image by image, row by row.

        Raises:
            ValueError: the images cannot be cut into whole tiles.
        """
        batch, channels, height, width = x.shape
        side = self.resolution
        if height % side or width % side:
            raise ValueError(f"images of {height}×{width} pixels cannot be cut into tiles of {side}×{side} pixels")
        tiles = x.reshape(batch, channels, height // side, side, width // side, side)  # (B, C, rows, s, columns, s)
        tiles = tiles.permute(0, 2, 4, 1, 3, 5).reshape(-1, channels, side, side)  # (B · rows · columns, C, s, s)
        return self.judge(tiles)


def _is_power_of_two(number: int) -> bool:
    return number > 0 and number & (number - 1) == 0
