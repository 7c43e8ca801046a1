"""The encoders and generators of DRIT++ (Lee, Tseng et al., "DRIT++: Diverse Image-to-Image Translation via
Disentangled Representations", IJCV 2020): an image is taken apart into a content and an attribute code.

Every network holds both domains, "A" and "B". Parameter names are those of the published weight files.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cut.networks.instance_norm import InstanceNorm
from cut.networks.interface import StyledGenerator
from cut.networks.padding import ReflectionPad
from cut.precision import full

Side = Literal["A", "B"]
CODE = 8  # numbers in an attribute code


class LayerNorm(nn.GroupNorm):
    """Layer norm of (B, C, H, W) over C, H and W; weight and bias have the shape (C, 1, 1)."""

    def __init__(self, channels: int) -> None:
        super().__init__(1, channels, affine=False)
        self.weight = nn.Parameter(torch.ones(channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return F.group_norm(x, 1, self.weight.flatten(), self.bias.flatten(), self.eps)


class _Layers(nn.Module):
    """Layers in a row, called `model`."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


class ResidualBlock(_Layers):
    """x + two 3×3 convolutions with instance norms, on (B, C, H, W)."""

    def __init__(self, channels: int) -> None:
        first = (ReflectionPad(1), nn.Conv2d(channels, channels, 3), InstanceNorm(channels), nn.ReLU())
        super().__init__(*first, ReflectionPad(1), nn.Conv2d(channels, channels, 3), InstanceNorm(channels))

    def forward(self, x: Tensor) -> Tensor:
        return x + super().forward(x)


def leaky_conv(channels: int, out: int, kernel: int, stride: int, padding: int) -> nn.Module:
    """Convolution with reflected edges and LeakyReLU 0.01."""
    conv = nn.Conv2d(channels, out, kernel, stride)
    return _Layers(ReflectionPad(padding), conv, nn.LeakyReLU(0.01, inplace=True))


def _normed_conv(channels: int, out: int) -> nn.Module:
    """3×3 convolution that halves the resolution, instance norm, ReLU."""
    conv = nn.Conv2d(channels, out, 3, 2)
    return _Layers(ReflectionPad(1), conv, InstanceNorm(out), nn.ReLU())


def _up(channels: int, out: int) -> nn.Module:
    """Transposed 3×3 convolution that doubles the resolution, layer norm, ReLU."""
    conv = nn.ConvTranspose2d(channels, out, 3, 2, padding=1, output_padding=1)
    return _Layers(conv, LayerNorm(out), nn.ReLU(inplace=True))


class ContentEncoder(nn.Module):
    """Images → contents (B, 4 · width, H / 4, W / 4); the last residual block serves both domains.

    Args:
        channels_a, channels_b: of the images of both domains.
        width: channels of the first layer.
    """

    def __init__(self, channels_a: int = 3, channels_b: int = 3, width: int = 64) -> None:
        super().__init__()
        self.width = 4 * width
        self.conv_share = nn.Sequential(ResidualBlock(4 * width))
        self.convA, self.convB = (self._own(channels, width) for channels in (channels_a, channels_b))

    @staticmethod
    def _own(channels: int, width: int) -> nn.Sequential:
        layers = [leaky_conv(channels, width, 7, 1, 3), _normed_conv(width, 2 * width)]
        layers += [_normed_conv(2 * width, 4 * width), *(ResidualBlock(4 * width) for _ in range(3))]
        return nn.Sequential(*layers)

    def forward(self, image: Tensor, side: Side, noise: Tensor | None = None) -> Tensor:
        """
        Args:
            noise: N(0, 1) of the content's shape, which training adds; None adds none.
        """
        content = full(self.conv_share((self.convA if side == "A" else self.convB)(image)))
        return content if noise is None else content + noise


class _PooledBlock(nn.Module):
    """(B, C, H, W) → (B, out, H / 2, W / 2), with a shortcut around two convolutions."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        second = nn.Sequential(ReflectionPad(1), nn.Conv2d(channels, out, 3), nn.AvgPool2d(2))
        self.conv = nn.Sequential(
            nn.LeakyReLU(0.2),  # not in place: the shortcut takes x as it is
            ReflectionPad(1),
            nn.Conv2d(channels, channels, 3),
            nn.LeakyReLU(0.2, inplace=True),
            second,
        )
        self.shortcut = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(channels, out, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x) + self.shortcut(x)


class GaussianAttributeEncoder(nn.Module):
    """Images → mean and logarithm of the variance of their attribute codes, (B, 8) each."""

    def __init__(self, channels_a: int = 3, channels_b: int = 3, width: int = 64) -> None:
        super().__init__()
        for side, channels in (("A", channels_a), ("B", channels_b)):
            for name in ("fc", "fcVar"):
                self.add_module(f"{name}_{side}", nn.Sequential(nn.Linear(4 * width, CODE)))
            widths = (width, 2 * width, 3 * width, 4 * width)
            layers = [
                ReflectionPad(1),
                nn.Conv2d(channels, width, 4, 2),
                *(_PooledBlock(*two) for two in pairwise(widths)),
            ]
            self.add_module(f"conv_{side}", nn.Sequential(*layers, nn.LeakyReLU(0.2, inplace=True)))

    def forward(self, image: Tensor, side: Side) -> tuple[Tensor, Tensor]:
        features = full(self.get_submodule(f"conv_{side}")(image)).mean((2, 3))
        mean, log_variance = (self.get_submodule(f"{name}_{side}")(features) for name in ("fc", "fcVar"))
        return full(mean), full(log_variance)


class PlainAttributeEncoder(nn.Module):
    """Images → their attribute codes (B, 8); the second result, None, says that they are no distributions."""

    def __init__(self, channels_a: int = 3, channels_b: int = 3, width: int = 64) -> None:
        super().__init__()
        for side, channels in (("a", channels_a), ("b", channels_b)):
            widths = (width, 2 * width, 4 * width, 4 * width, 4 * width)
            layers = [ReflectionPad(3), nn.Conv2d(channels, width, 7), nn.ReLU(inplace=True)]
            for before, after in pairwise(widths):
                layers += [ReflectionPad(1), nn.Conv2d(before, after, 4, 2), nn.ReLU(inplace=True)]
            layers += [nn.AdaptiveAvgPool2d(1), nn.Conv2d(4 * width, CODE, 1)]
            self.add_module(f"model_{side}", nn.Sequential(*layers))

    def forward(self, image: Tensor, side: Side) -> tuple[Tensor, None]:
        return full(self.get_submodule(f"model_{side.lower()}")(image)).flatten(1), None


AttributeEncoder = GaussianAttributeEncoder | PlainAttributeEncoder


class ConcatGenerator(nn.Module):
    """Contents and attribute codes → images; the code is appended to the features of every layer, as constant maps."""

    def __init__(self, channels_a: int = 3, channels_b: int = 3, width: int = 64) -> None:
        super().__init__()
        content = 4 * width
        self.dec_share = nn.Sequential(ResidualBlock(content))
        first = content + CODE
        second = (first + CODE) // 2
        third = (second + CODE) // 2
        for side, channels in (("A", channels_a), ("B", channels_b)):
            self.add_module(f"dec{side}1", nn.Sequential(*(ResidualBlock(first) for _ in range(3))))
            self.add_module(f"dec{side}2", nn.Sequential(_up(first + CODE, second)))
            self.add_module(f"dec{side}3", nn.Sequential(_up(second + CODE, third)))
            self.add_module(f"dec{side}4", nn.Sequential(nn.ConvTranspose2d(third + CODE, channels, 1), nn.Tanh()))

    def forward(self, content: Tensor, code: Tensor, side: Side) -> Tensor:
        x = self.dec_share(content)
        for number in (1, 2, 3, 4):
            maps = code.to(x.dtype)[:, :, None, None].expand(-1, -1, *x.shape[2:])
            x = self.get_submodule(f"dec{side}{number}")(torch.cat([x, maps], 1))
        return full(x)


class _MixedBlock(nn.Module):
    """x + two convolutions, after each of which two 1×1 convolutions mix in a code; on (B, C, H, W)."""

    def __init__(self, channels: int, code: int) -> None:
        super().__init__()
        both = channels + code
        for number in (1, 2):
            conv = nn.Sequential(ReflectionPad(1), nn.Conv2d(channels, channels, 3))
            self.add_module(f"conv{number}", nn.Sequential(conv, InstanceNorm(channels)))
        for number in (1, 2):
            layers = (nn.Conv2d(both, both, 1), nn.ReLU(inplace=True), nn.Conv2d(both, channels, 1))
            self.add_module(f"blk{number}", nn.Sequential(*layers, nn.ReLU(inplace=True)))

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        maps = code.to(x.dtype)[:, :, None, None].expand(-1, -1, *x.shape[2:])
        y = x
        for number in (1, 2):
            y = self.get_submodule(f"conv{number}")(y)
            y = self.get_submodule(f"blk{number}")(torch.cat([y, maps.to(y.dtype)], 1))
        return x + y


class MixedGenerator(nn.Module):
    """Contents and attribute codes → images; an MLP makes a longer code of its own for each of four blocks."""

    def __init__(self, channels_a: int = 3, channels_b: int = 3, width: int = 64) -> None:
        super().__init__()
        content = 4 * width
        sides: tuple[tuple[str, int], ...] = (("A", channels_a), ("B", channels_b))
        for side, channels in sides:
            for number in (1, 2, 3, 4):
                self.add_module(f"dec{side}{number}", _MixedBlock(content, content))
            ups = _up(content, 2 * width), _up(2 * width, width)
            self.add_module(f"dec{side}5", nn.Sequential(*ups, nn.ConvTranspose2d(width, channels, 1), nn.Tanh()))
        for side, _ in sides:
            first, second = nn.Linear(CODE, content), nn.Linear(content, content)
            layers = (first, nn.ReLU(inplace=True), second, nn.ReLU(inplace=True), nn.Linear(content, 4 * content))
            self.add_module(f"mlp{side}", nn.Sequential(*layers))

    def forward(self, content: Tensor, code: Tensor, side: Side) -> Tensor:
        x = content
        for number, of_block in enumerate(self.get_submodule(f"mlp{side}")(code).chunk(4, 1), 1):
            x = self.get_submodule(f"dec{side}{number}")(x, of_block)
        return full(self.get_submodule(f"dec{side}5")(x))


class AttributeTransfer(StyledGenerator):
    """Translation from one domain to another, without the noise of training.

    Args:
        encoder, generator, attributes: of both domains.
        way: the domain of its images, and that of its translations.
        channels: of the images of the source domain.
        translations: see `StyledGenerator`.
    """

    size_multiple = 4
    context = 80  # 7×7 and two 3×3 on the way down, 16 convolutions at a quarter, two on the way up

    def __init__(
        self, encoder: ContentEncoder, generator: ConcatGenerator | MixedGenerator, attributes: AttributeEncoder,
        way: tuple[Side, Side], channels: int = 3, translations: int = 1,
    ) -> None:  # fmt: skip
        super().__init__(CODE, translations)
        self.encoder, self.generator, self.attributes = encoder, generator, attributes
        self.source, self.target = way
        self.image_channels = channels

    @property
    def parts(self) -> tuple[nn.Module, ...]:
        return self.encoder, self.generator, self.attributes

    def encode_style(self, image: Tensor) -> Tensor:
        return self.attributes(image, self.target)[0]

    def translate(self, image: Tensor, styles: Tensor) -> list[Tensor]:
        content = self.encoder(image, self.source)
        count = image.shape[0]  # not len(), which fixes the batch of an exported file
        return [self.generator(content, style.expand(count, -1), self.target) for style in styles.split(1)]
