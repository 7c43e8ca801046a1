"""The generators of SinCUT: a shallow StyleGAN2-style encoder and decoder (CUT paper, section 4.4).

There is no normalisation over the image, so an output pixel depends on a bounded neighbourhood of the input: a large
picture can be translated in tiles, exactly (`context`, `noise_at`).
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from cut.errors import UserError
from cut.networks.interface import ContrastiveGenerator
from cut.networks.stylegan2_layers import ConvLayer, ResBlock, StyledUpsample, channel_widths, starting_resolution
from cut.networks.stylegan2_noise import noise_window
from cut.registry import GENERATORS


class Encoder(nn.Module):
    """RGB → features; the index of a layer in `convs` is what `--nce_layers` counts."""

    def __init__(self, input_nc: int, widths: Sequence[int], num_blocks: int) -> None:
        """`widths`: channels from the full resolution down to the lowest."""
        super().__init__()
        self.convs = nn.ModuleList(
            [
                nn.Identity(),  # the pixels themselves are tap 0
                ConvLayer(input_nc, widths[0], 1),
                *(ResBlock(high, low, down=True) for high, low in pairwise(widths)),
                *(ResBlock(widths[-1], widths[-1]) for _ in range(num_blocks)),
            ]
        )


class Decoder(nn.Module):
    """Features → RGB."""

    def __init__(self, output_nc: int, widths: Sequence[int], num_blocks: int, inject_noise: bool) -> None:
        """`widths`: channels from the lowest resolution up to the full one."""
        super().__init__()
        self.convs = nn.ModuleList(
            [
                *(ResBlock(widths[0], widths[0]) for _ in range(num_blocks)),
                *(StyledUpsample(low, high, inject_noise=inject_noise) for low, high in pairwise(widths)),
                ConvLayer(widths[-1], output_nc, 1),
            ]
        )

    def forward(self, x: Tensor, noise: Sequence[Tensor] | None) -> Tensor:
        maps = iter(noise) if noise is not None else None
        for layer in self.convs:
            if isinstance(layer, StyledUpsample) and layer.noise is not None and maps is not None:
                x = layer(x, next(maps))
            else:
                x = layer(x)
        return x


@GENERATORS.register("stylegan2")
class StyleGAN2Generator(ContrastiveGenerator):
    """Residual encoder and decoder with StyleGAN2's layers and without a style.

    Args:
        input_nc, output_nc: channels of source and target images.
        ngf: width; 32 stands for the widths of the StyleGAN2 paper.
        load_size, crop_size: pixels; the layer widths belong to the power of two nearest to the smaller one. The
            network itself takes images of any size that is a multiple of `size_multiple`.
        stylegan2_G_num_downsampling: how often the image is halved.

    Attributes:
        encoder_is_exact: the features of an image depend on nothing but the image (noise is in the decoder only).
        size_multiple: height and width of an image must be multiples of it, else the output would be smaller.
        context: pixels around a window of the input that its output depends on, a multiple of `size_multiple`.

    Raises:
        UserError: the sizes do not fit (`size_problems`).
    """

    num_blocks = 3  # plain residual blocks of the encoder, and as many of the decoder
    inject_noise = True
    encoder_is_exact = True

    def __init__(
        self,
        input_nc: int,
        output_nc: int,
        ngf: int,
        load_size: int,
        crop_size: int,
        stylegan2_G_num_downsampling: int = 1,
    ) -> None:
        super().__init__()
        problems = self.size_problems(ngf, load_size, crop_size, stylegan2_G_num_downsampling)
        if problems:
            raise UserError(*problems)
        self.num_downsampling = stylegan2_G_num_downsampling
        self.size_multiple = 2**stylegan2_G_num_downsampling
        self.context = self._context(stylegan2_G_num_downsampling, self.num_blocks)
        widths = self._widths(ngf, load_size, crop_size, stylegan2_G_num_downsampling)
        self.encoder = Encoder(input_nc, widths, self.num_blocks)
        self.decoder = Decoder(output_nc, widths[::-1], self.num_blocks, self.inject_noise)

    @staticmethod
    def size_problems(ngf: int, load_size: int, crop_size: int, stylegan2_G_num_downsampling: int = 1) -> list[str]:
        """What is wrong with these sizes for this network: one sentence each, none when all is well."""
        problems = []
        multiple = 2**stylegan2_G_num_downsampling
        if crop_size % multiple:
            problems.append(
                f"--stylegan2_G_num_downsampling {stylegan2_G_num_downsampling} cannot return crops of {crop_size} "
                f"pixels at their size: use a --crop_size that is a multiple of {multiple}."
            )
        resolution = starting_resolution(load_size, crop_size)
        if not 4 * multiple <= resolution <= 1024:
            problems.append(
                f"The StyleGAN2-style generator has layer widths for {4 * multiple} to 1024 pixels, and the smaller "
                f"one of --load_size {load_size} and --crop_size {crop_size} is nearest to {resolution}: "
                "change that one."
            )
        elif 0 in StyleGAN2Generator._widths(ngf, load_size, crop_size, stylegan2_G_num_downsampling):
            problems.append(f"--ngf {ngf} leaves a layer for {resolution} pixels without channels: use a larger one.")
        return problems

    @staticmethod
    def _widths(ngf: int, load_size: int, crop_size: int, num_downsampling: int) -> list[int]:
        widths = channel_widths(ngf / 32, cap=512, rounding=round)
        resolution = starting_resolution(load_size, crop_size)
        return [widths[resolution // 2**level] for level in range(num_downsampling + 1)]

    @staticmethod
    def _context(num_downsampling: int, num_blocks: int) -> int:
        radius = 0  # in pixels of the resolution reached so far, from the output back to the input
        for _ in range(num_downsampling):
            radius = (radius + 1) // 2 + 1  # transposed convolution and blur
        radius += 2 * 2 * num_blocks  # two 3×3 convolutions in each block, encoder and decoder
        for _ in range(num_downsampling):
            radius = 2 * radius + 4  # two 3×3 convolutions and a blur around the halving
        return radius

    def forward(self, x: Tensor, noise: Sequence[Tensor] | None = None) -> Tensor:
        """Translate a batch.

        Args:
            x: (B, input_nc, H, W) in [−1, 1], H and W multiples of `size_multiple`.
            noise: one map (B, 1, h, w) per upsampling, from the lowest resolution up, as `noise_at` makes them. None
                draws them from N(0, 1) with torch's global generator.

        Returns:
            (B, output_nc, H, W); the range is learned, not bounded.
        """
        return self.forward_with_features(x, (), noise)[0]

    def encode(self, x: Tensor, layers: Sequence[int]) -> list[Tensor]:
        """The features at the taps `layers`, in that order, running the encoder no further than needed.

        Args:
            x: (B, input_nc, H, W) in [−1, 1].
            layers: indices of the encoder's layers: 0 the pixels, 1 the first convolution, then the residual blocks.

        Raises:
            UserError: there is no such tap.
        """
        return self._run_encoder(x, layers, last=max(layers, default=-1))[1]

    def forward_with_features(
        self, x: Tensor, layers: Sequence[int], noise: Sequence[Tensor] | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """`(forward(x, noise), encode(x, layers))` in one pass."""
        if noise is not None and len(noise) != len(self.noise_strides):
            raise ValueError(f"this generator takes {len(self.noise_strides)} maps of noise, not {len(noise)}")
        features, taps = self._run_encoder(x, layers, last=len(self.encoder.convs) - 1)
        return self.decoder(features, noise), taps

    def _run_encoder(self, x: Tensor, layers: Sequence[int], last: int) -> tuple[Tensor, list[Tensor]]:
        depth = len(self.encoder.convs)
        missing = [str(tap) for tap in layers if not 0 <= tap < depth]
        if missing:
            raise UserError(
                f"nce_layers names tap {', '.join(missing)}, which this StyleGAN2-style generator does not have: "
                f"its taps are 0 to {depth - 1}."
            )
        taps: dict[int, Tensor] = {}
        for index in range(last + 1):
            x = self.encoder.convs[index](x)
            if index in layers:
                taps[index] = x
        return x, [taps[index] for index in layers]

    @property
    def noise_strides(self) -> list[int]:
        """Pixels of the image per value of each map of noise, from the lowest resolution up; empty without noise."""
        return [2**level for level in reversed(range(self.num_downsampling))] if self.inject_noise else []

    def noise_at(self, x: Tensor, seed: int, corners: Sequence[tuple[int, int]] | None = None) -> list[Tensor]:
        """Noise that depends on `seed` and the place in the picture only, so that a picture's tiles fit together.

        Args:
            x: (B, C, H, W), the windows to be translated; gives size, device and dtype.
            seed: which noise, not negative.
            corners: (top, left) of each window in its picture, in pixels, multiples of `size_multiple`. None means that
                each one is a whole picture.

        Returns:
            The maps for `forward`.
        """
        height, width = x.shape[-2:]
        corners = [(0, 0)] * len(x) if corners is None else corners
        for top, left in corners:
            if top % self.size_multiple or left % self.size_multiple:
                raise ValueError(f"a tile must begin at multiples of {self.size_multiple} pixels, not at {(top, left)}")
        maps = []
        for level, stride in enumerate(self.noise_strides):
            size = height // stride, width // stride
            windows = [noise_window((seed, level), top // stride, left // stride, *size) for top, left in corners]
            maps.append(torch.stack(windows).unsqueeze(1).to(device=x.device, dtype=x.dtype))  # (B, 1, h, w)
        return maps

    def translate_window(self, image: Tensor, seed: int, corner: tuple[int, int] = (0, 0)) -> Tensor:
        return self(image, self.noise_at(image, seed, [corner]))


@GENERATORS.register("smallstylegan2")
class SmallStyleGAN2Generator(StyleGAN2Generator):
    """`StyleGAN2Generator` with one residual block instead of three on either side, and no noise."""

    num_blocks = 1
    inject_noise = False
