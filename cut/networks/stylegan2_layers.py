"""The layers that the StyleGAN2-style networks are made of.

Written from the papers: the blur, the residual blocks and the demodulated convolution of Karras et al., "Analyzing and
Improving the Image Quality of StyleGAN" (2020), sections 2.2 and 4; the equalised learning rate of "Progressive Growing
of GANs" (2018), section 4.1. Every layer can be differentiated twice, as the R1 penalty needs.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cut.networks.depthwise import depthwise_filter
from cut.processes.dealing import dealt

SLOPE = 0.2  # of the leaky ReLU below zero
GAIN = math.sqrt(2)  # keeps the variance through a leaky ReLU
EPSILON = 1e-8


def starting_resolution(load_size: int, crop_size: int) -> int:
    """The power of two nearest to the smaller side of a crop, in pixels: the widths of all layers follow from it."""
    return 2 ** round(math.log2(max(1, min(load_size, crop_size))))


def channel_widths(multiplier: float, cap: int, rounding: Callable[[float], int]) -> dict[int, int]:
    """Channels by resolution r: a factor times 16384 / r, with an upper bound up to 32 pixels.

    Args:
        multiplier: the factor that `--ngf` or `--ndf` stands for.
        cap: the upper bound.
        rounding: how a fraction becomes an integer.

    Returns:
        The widths at 4, 8, … 1024 pixels; a small multiplier makes some of them zero.
    """
    widths = {resolution: rounding(16384 / resolution * multiplier) for resolution in (2**n for n in range(2, 11))}
    return {resolution: min(cap, width) if resolution <= 32 else width for resolution, width in widths.items()}


class Blur(nn.Module):
    """Low-pass filter [1,3,3,1] ⊗ [1,3,3,1] of each channel, normalised to sum to `gain`; zeros beyond the border.

    As a depthwise convolution it is 2 to 10 times as fast on a CPU as in separable, pooled or sliced form.
    """

    kernel: Tensor

    def __init__(self, padding: int, stride: int = 1, gain: float = 1.0) -> None:
        super().__init__()
        self.padding = padding
        self.stride = stride
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
        self.register_buffer("kernel", torch.outer(taps, taps) * (gain / 64), persistent=False)  # exact in any dtype

    def constant_buffers(self) -> dict[str, Tensor]:
        """Constants that published weight files hold for this layer: name relative to the layer → value."""
        return {"kernel": self.kernel}

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C, H', W'), H' = (H + 2 padding − 4) // stride + 1."""
        return depthwise_filter(x, self.kernel, self.stride, self.padding)


class EqualizedConv2d(nn.Module):
    """Convolution without bias; weights are drawn from N(0, 1) and multiplied by 1/√fan-in when used."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, *, stride: int = 1, padding: int = 0
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel_size, kernel_size))
        self.scale = 1 / math.sqrt(in_channels * kernel_size**2)
        self.stride = stride
        self.padding = padding

    def forward(self, x: Tensor, bias: Tensor | None = None, gain: float = 1.0) -> Tensor:
        """gain · (x * weight) + bias, with bias of shape (out_channels,)."""
        return F.conv2d(x, self.weight * (self.scale * gain), bias, self.stride, self.padding)


class EqualizedLinear(nn.Module):
    """Linear layer with the scaling of `EqualizedConv2d`; with `activate`, a leaky ReLU × √2 follows the bias."""

    def __init__(self, in_features: int, out_features: int, activate: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_features, in_features))
        self.bias = nn.Parameter(torch.zeros(out_features))
        self.scale = 1 / math.sqrt(in_features)
        self.activate = activate

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_features) → (B, out_features)."""
        y = F.linear(x, self.weight * self.scale, self.bias)
        return F.leaky_relu(y, SLOPE) * GAIN if self.activate else y


class BiasedLeakyReLU(nn.Module):
    """LeakyReLU(x + bias, 0.2) · √2, with one bias per channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C, H, W)."""
        y = torch.add(self.bias * GAIN, x, alpha=GAIN)  # leaky(g·x) = g·leaky(x) saves a pass over memory
        return F.leaky_relu(y, SLOPE, inplace=True)


class ConvLayer(nn.Sequential):
    """[blur,] equalised convolution [, activation]; the index in the sequence is part of the weight names.

    With `down` the image is blurred and halved. Then (H, W) → (H // 2, W // 2); otherwise the size stays.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, *, down: bool = False, activate: bool = True
    ) -> None:
        layers: list[nn.Module] = []
        if down and kernel_size == 1:  # a 1×1 convolution reads every second pixel: blur only those
            layers += [Blur(padding=1, stride=2), EqualizedConv2d(in_channels, out_channels, 1)]
        elif down:
            layers += [
                Blur(padding=(kernel_size + 1) // 2),
                EqualizedConv2d(in_channels, out_channels, kernel_size, stride=2),
            ]
        else:
            layers += [EqualizedConv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2)]
        if activate:
            layers += [BiasedLeakyReLU(out_channels)]
        super().__init__(*layers)

    def forward(self, x: Tensor, gain: float = 1.0) -> Tensor:
        """`gain` times the layer's output, for a gain above zero.

        The activation's √2, the gain and the bias go into the convolution: on a large map each of them would be one
        more pass over memory.
        """
        activation = self[-1] if isinstance(self[-1], BiasedLeakyReLU) else None
        *blur, convolution = list(self) if activation is None else list(self)[:-1]
        for layer in blur:
            x = layer(x)
        if activation is None:
            return convolution(x, gain=gain)
        gain *= GAIN
        y = convolution(x, bias=activation.bias.flatten() * gain, gain=gain)
        return F.leaky_relu(y, SLOPE, inplace=True)  # in place: nothing needs the convolution's output itself


class ResBlock(nn.Module):
    """(main + skip) / √2: two 3×3 convolutions beside the identity, or beside a 1×1 convolution when `down`.

    With `down`, (B, in, H, W) → (B, out, H // 2, W // 2); otherwise shapes stay and `in` equals `out`.
    """

    def __init__(self, in_channels: int, out_channels: int, *, down: bool = False) -> None:
        super().__init__()
        self.conv1 = ConvLayer(in_channels, in_channels, 3)
        self.conv2 = ConvLayer(in_channels, out_channels, 3, down=down)
        changes = down or in_channels != out_channels
        self.skip = ConvLayer(in_channels, out_channels, 1, down=down, activate=False) if changes else None

    def forward(self, x: Tensor) -> Tensor:
        main = self.conv2(self.conv1(x), gain=1 / GAIN)
        if self.skip is None:
            return torch.add(main, x, alpha=1 / GAIN)
        return main + self.skip(x, gain=1 / GAIN)


class DemodulatedUpsample(nn.Module):
    """Doubles the size by a transposed 3×3 convolution and a blur; without a style the weights are only demodulated.

    Each output channel's weights are divided by their norm (StyleGAN2, equation 3 with all styles equal to one), so one
    ordinary convolution serves the whole batch.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, out_channels, in_channels, 3, 3))
        self.scale = 1 / math.sqrt(in_channels * 9)
        self.blur = Blur(padding=1, gain=4.0)  # 4: three of four pixels are zeros before the filter

    def forward(self, x: Tensor) -> Tensor:
        """(B, in, H, W) → (B, out, 2H, 2W)."""
        weight = self.weight[0] * self.scale  # (out, in, 3, 3)
        weight = weight * torch.rsqrt(weight.square().sum((1, 2, 3), keepdim=True) + EPSILON)
        return self.blur(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2))  # 2H + 1 before the blur


class NoiseInjection(nn.Module):
    """Adds one random value per pixel and image to all channels, times a learned scalar that starts at zero."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        """x + weight · noise; `noise` is (B, 1, H, W), drawn from N(0, 1) with torch's global generator if None."""
        shape = (x.shape[0], 1, *x.shape[2:])
        if noise is None:
            noise = dealt(lambda images: torch.randn(images, *shape[1:], device=x.device, dtype=x.dtype), x.shape[0])
        elif noise.shape != shape:
            raise ValueError(f"noise for a map of shape {tuple(x.shape)} must be {shape}, not {tuple(noise.shape)}")
        return x + self.weight * noise


class StyledUpsample(nn.Module):
    """The styled convolution of StyleGAN2 without a style: demodulated upsampling, noise, activation."""

    def __init__(self, in_channels: int, out_channels: int, *, inject_noise: bool = True) -> None:
        super().__init__()
        self.conv = DemodulatedUpsample(in_channels, out_channels)
        self.noise = NoiseInjection() if inject_noise else None
        self.activate = BiasedLeakyReLU(out_channels)

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        """(B, in, H, W) → (B, out, 2H, 2W); `noise` as in `NoiseInjection`."""
        y = self.conv(x)
        if self.noise is not None:
            y = self.noise(y, noise)
        return self.activate(y)
