"""MUNIT's networks (Huang, Liu, Belongie, Kautz, "Multimodal Unsupervised Image-to-Image Translation", ECCV 2018,
section 5.1 and appendix B): an image is taken apart into a content, which is a map, and a style, which is a short code.

Parameter names are those of the published weight files. All convolutions reflect the edges of their input.
"""

from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from cut.networks.instance_norm import InstanceNorm
from cut.networks.interface import Discriminator, Generator, StyledGenerator
from cut.networks.padding import ReflectionPad
from cut.precision import exact, full

STYLE_DOWNSAMPLINGS = 4


class AdaptiveInstanceNorm(nn.Module):
    """Instance norm of (B, C, H, W), then times a scale plus a shift that are given: (B, C, 1, 1) each.

    The two buffers do nothing; published files hold them.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.standardise = InstanceNorm(channels)
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
        return self.standardise(x) * scale + shift


class _StandardScore(nn.GroupNorm):
    """(x − mean) / (std + ε) of each image over (C, H, W), std with Bessel's correction and ε outside of the root."""

    def __init__(self, channels: int) -> None:
        super().__init__(1, channels, eps=1e-5, affine=False)

    def forward(self, x: Tensor) -> Tensor:
        with exact(x):
            values = full(x)
            deviation, mean = torch.std_mean(values, (1, 2, 3), correction=1, keepdim=True)
            return ((values - mean) / (deviation + self.eps)).to(x.dtype)


class LayerNorm(nn.Module):
    """The standard score of (B, C, H, W), then times `gamma` plus `beta`, a number for each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.standardise = _StandardScore(channels)
        self.gamma = nn.Parameter(torch.empty(channels).uniform_())
        self.beta = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return self.standardise(x) * self.gamma[:, None, None] + self.beta[:, None, None]


class ConvBlock(nn.Module):
    """Convolution, norm and activation, the latter two where they are given.

    Args:
        channels, out: of the input and the output.
        kernel, stride, padding: of the convolution.
        norm: a norm of `out` channels. `AdaptiveInstanceNorm` gets its shift and scale with the input.
    """

    def __init__(
        self, channels: int, out: int, kernel: int, stride: int, padding: int, norm: nn.Module | None = None,
        activation: nn.Module | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.pad = ReflectionPad(padding)
        self.norm = norm
        self.activation = activation
        self.conv = nn.Conv2d(channels, out, kernel, stride)

    def forward(self, x: Tensor, *style: Tensor) -> Tensor:
        x = self.conv(self.pad(x))
        if self.norm is not None:
            x = self.norm(x, *style)
        return x if self.activation is None else self.activation(x)


class ResidualBlock(nn.Module):
    """x + two 3×3 convolutions, on (B, C, H, W)."""

    def __init__(self, channels: int, norm: type[InstanceNorm] | type[AdaptiveInstanceNorm]) -> None:
        super().__init__()
        first = ConvBlock(channels, channels, 3, 1, 1, norm(channels), nn.ReLU())
        self.model = nn.Sequential(first, ConvBlock(channels, channels, 3, 1, 1, norm(channels)))

    def forward(self, x: Tensor, *styles: tuple[Tensor, Tensor]) -> Tensor:
        y = x
        for conv, style in zip(self.model, styles or ((), ()), strict=True):
            y = conv(y, *style)
        return x + y


class _ResidualBlocks(nn.Module):
    def __init__(self, count: int, channels: int, norm: type[InstanceNorm] | type[AdaptiveInstanceNorm]) -> None:
        super().__init__()
        self.model = nn.Sequential(*(ResidualBlock(channels, norm) for _ in range(count)))

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


class _Mean(nn.Module):
    """(B, C, H, W) → (B, C, 1, 1), the mean over the positions."""

    def forward(self, x: Tensor) -> Tensor:
        return full(x).mean((2, 3), keepdim=True)


class StyleEncoder(nn.Module):
    """(B, C, H, W) → style codes (B, style_dim, 1, 1); without norms, which would remove the style."""

    def __init__(self, channels: int, dim: int, style_dim: int) -> None:
        super().__init__()
        widths = [dim, 2 * dim, *[4 * dim] * (STYLE_DOWNSAMPLINGS - 1)]
        layers: list[nn.Module] = [ConvBlock(channels, dim, 7, 1, 3, activation=nn.ReLU(inplace=True))]
        layers += [ConvBlock(i, o, 4, 2, 1, activation=nn.ReLU(inplace=True)) for i, o in pairwise(widths)]
        self.model = nn.Sequential(*layers, _Mean(), nn.Conv2d(4 * dim, style_dim, 1))

    def forward(self, image: Tensor) -> Tensor:
        return self.model(image)


class ContentEncoder(nn.Module):
    """(B, C, H, W) → content maps (B, width, H / 2ⁿ, W / 2ⁿ), n = `n_downsample`, width = 2ⁿ · dim."""

    def __init__(self, channels: int, dim: int, n_downsample: int, n_res: int) -> None:
        super().__init__()
        widths = [dim * 2**level for level in range(n_downsample + 1)]
        layers = [ConvBlock(channels, dim, 7, 1, 3, InstanceNorm(dim), nn.ReLU())]
        layers += [ConvBlock(i, o, 4, 2, 1, InstanceNorm(o), nn.ReLU()) for i, o in pairwise(widths)]
        self.model = nn.Sequential(*layers, _ResidualBlocks(n_res, widths[-1], InstanceNorm))

    @property
    def blocks(self) -> nn.Sequential:
        """The residual blocks."""
        return cast("_ResidualBlocks", self.model[-1]).model

    def forward(self, image: Tensor) -> Tensor:
        return self.model(image)


class Decoder(nn.Module):
    """A content map and the shifts and scales of a style → image in [−1, 1].

    Args:
        channels: of the image.
        dim: channels at full resolution.
        n_downsample: how often the content was halved.
        n_res: residual blocks.

    Attributes:
        style_numbers: how many numbers a style is: for each adaptive norm C shifts, then C scales.
    """

    def __init__(self, channels: int, dim: int, n_downsample: int, n_res: int) -> None:
        super().__init__()
        widths = [dim * 2**level for level in range(n_downsample, -1, -1)]
        layers: list[nn.Module] = []
        for width, out in pairwise(widths):
            layers += [nn.Upsample(scale_factor=2)]
            layers += [ConvBlock(width, out, 5, 1, 2, LayerNorm(out), nn.ReLU(inplace=True))]
        layers += [ConvBlock(dim, channels, 7, 1, 3, activation=nn.Tanh())]
        self.width, self.style_numbers = widths[0], 2 * n_res * 2 * widths[0]
        self.model = nn.Sequential(_ResidualBlocks(n_res, self.width, AdaptiveInstanceNorm), *layers)

    @property
    def blocks(self) -> nn.Sequential:
        """The residual blocks."""
        return cast("_ResidualBlocks", self.model[0]).model

    def forward(self, content: Tensor, style: Tensor) -> Tensor:
        """
        Args:
            content: (B, width, h, w).
            style: (B, style_numbers).
        """
        parts = style[:, :, None, None].split(self.width, 1)  # shift, scale, shift, scale, …
        for block in self.blocks:
            block_parts, parts = parts[:4], parts[4:]
            content = block(content, block_parts[:2], block_parts[2:])
        for layer in self.model[1:]:
            content = layer(content)
        return content


class _Linear(nn.Module):
    def __init__(self, features: int, out: int, activation: bool) -> None:
        super().__init__()
        self.fc = nn.Linear(features, out)
        self.activation = nn.ReLU(inplace=True) if activation else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.fc(x))


class StyleMLP(nn.Module):
    """Style codes (B, style_dim) → the numbers of the adaptive norms (B, out)."""

    def __init__(self, style_dim: int, mlp_dim: int, out: int) -> None:
        super().__init__()
        first, second = _Linear(style_dim, mlp_dim, True), _Linear(mlp_dim, mlp_dim, True)
        self.model = nn.Sequential(first, second, _Linear(mlp_dim, out, False))

    def forward(self, code: Tensor) -> Tensor:
        return self.model(code)


class StyleAutoEncoder(Generator):
    """The encoders and the decoder of one domain (section 3.2).

    Args:
        channels: of its images.
        dim: channels of the first layers.
        style_dim: numbers in a style code.
        mlp_dim: units of the MLP between a style code and the norms of the decoder.
        n_downsample: how often the content is halved.
        n_res: residual blocks of the content encoder, and of the decoder.
    """

    def __init__(
        self, channels: int = 3, dim: int = 64, style_dim: int = 8, mlp_dim: int = 256, n_downsample: int = 2,
        n_res: int = 4,
    ) -> None:  # fmt: skip
        super().__init__()
        self.image_channels, self.style_dim, self.size_multiple = channels, style_dim, 2**n_downsample
        # 7×7 at both ends, 4×4 on the way down, 3×3 in the blocks, 5×5 on the way up
        self.context = 6 + 4 * self.size_multiple + 4 * n_res * self.size_multiple
        self.enc_style = StyleEncoder(channels, dim, style_dim)
        self.enc_content = ContentEncoder(channels, dim, n_downsample, n_res)
        self.dec = Decoder(channels, dim, n_downsample, n_res)
        self.mlp = StyleMLP(style_dim, mlp_dim, self.dec.style_numbers)

    def encode(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Content map and style code (B, style_dim, 1, 1) of images of its domain."""
        return self.enc_content(image), full(self.enc_style(image))

    def decode(self, content: Tensor, style: Tensor) -> Tensor:
        """(B, C, H, W) in [−1, 1] of content maps of either domain and style codes (B, style_dim, 1, 1) of its own."""
        return full(self.dec(content, full(self.mlp(style.flatten(1)))))

    def forward(self, image: Tensor) -> Tensor:
        """The reconstruction."""
        return self.decode(*self.encode(image))

    def regions(self) -> tuple[nn.Module, ...]:
        return (*self.enc_content.blocks, *self.dec.blocks)


class StyleTransfer(StyledGenerator):
    """Translation from one domain to another: content by the source's encoder, and the target's decoder.

    Args:
        source, target: of the two domains.
        translations: see `StyledGenerator`.
    """

    def __init__(self, source: StyleAutoEncoder, target: StyleAutoEncoder, translations: int = 1) -> None:
        super().__init__(target.style_dim, translations)
        self.source, self.target = source, target
        self.image_channels, self.size_multiple, self.context = (
            source.image_channels, source.size_multiple, source.context
        )  # fmt: skip

    @property
    def parts(self) -> tuple[nn.Module, ...]:
        return self.source, self.target

    def encode_style(self, image: Tensor) -> Tensor:
        return full(self.target.enc_style(image)).flatten(1)

    def translate(self, image: Tensor, styles: Tensor) -> list[Tensor]:
        content = self.source.enc_content(image)
        return [self.target.decode(content, style.expand(image.shape[0], -1)) for style in styles.split(1)]


class MultiScaleDiscriminator(Discriminator):
    """(B, C, H, W) → maps of logits (B, 1, h, w), one for each scale: the image, and the image halved k times.

    Args:
        channels: of the images it judges.
        dim: channels of the first layer, doubled in each following one.
        n_layer: layers that halve the resolution.
        num_scales: how many scales.
    """

    per_image = True

    def __init__(self, channels: int = 3, dim: int = 64, n_layer: int = 4, num_scales: int = 3) -> None:
        super().__init__()
        self.image_channels = channels
        widths = [channels, *(dim * 2**level for level in range(n_layer))]
        self.cnns = nn.ModuleList(
            nn.Sequential(
                *(ConvBlock(i, o, 4, 2, 1, activation=nn.LeakyReLU(0.2, inplace=True)) for i, o in pairwise(widths)),
                nn.Conv2d(widths[-1], 1, 1),
            )
            for _ in range(num_scales)
        )
        self.halve = nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False)

    def forward(self, image: Tensor) -> list[Tensor]:
        maps = []
        for cnn in self.cnns:
            maps.append(full(cnn(image)))
            image = self.halve(image)
        return maps
