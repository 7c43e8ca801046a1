"""The ResNet generator (Johnson et al. 2016 as used by CycleGAN and CUT), with anti-aliased resampling."""

from collections.abc import Iterator, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from cut.errors import UserError
from cut.networks.blur import BlurDown, BlurUp
from cut.networks.convolution import Conv3x3
from cut.networks.dropout import Dropout
from cut.networks.interface import ContrastiveGenerator
from cut.networks.norm import needs_bias, norm_layer
from cut.networks.padding import ReflectionPad
from cut.networks.picking import pick
from cut.networks.recomputation import ReLU, apply_recomputing
from cut.registry import GENERATORS

WITHIN = 0.8  # the share of the image's range that tanh starts from: at 1 its slope is still a third


class ResidualBlock(nn.Module):
    """x + conv_block(x) on (B, C, H, W); two 3×3 convolutions with reflected edges.

    Args:
        channels: C.
        norm: see `norm_layer`.
        dropout: dropout 0.5 between the convolutions.
        recompute: keep the block's input alone for the backward pass, which computes the rest again.
    """

    def __init__(self, channels: int, norm: str, dropout: bool, recompute: bool = False) -> None:
        super().__init__()
        self.recompute, self.draws = recompute, dropout
        bias = needs_bias(norm)
        self.conv_block = nn.Sequential(
            ReflectionPad(1),
            Conv3x3(channels, channels, bias=bias),
            norm_layer(norm, channels),
            ReLU(),
            *([Dropout(0.5)] if dropout else []),
            ReflectionPad(1),
            Conv3x3(channels, channels, bias=bias),
            norm_layer(norm, channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        if self.recompute and torch.is_grad_enabled():
            return x + checkpoint(self.conv_block, x, use_reentrant=False, preserve_rng_state=self.draws)
        pad, conv, norm, relu, *dropout, second_pad, second_conv, second_norm = self.conv_block
        y, cheap = norm(apply_recomputing([pad], conv, x)), [relu, second_pad]
        if dropout:
            y, cheap = dropout[0](relu(y)), [second_pad]
        return x + second_norm(apply_recomputing(cheap, second_conv, y))


class ZeroConv2d(nn.Conv2d):
    """A convolution whose weights start at zero, whatever `--init_type`."""

    starts_at_zero = True


class ResnetGenerator(ContrastiveGenerator):
    """Two downsamplings, residual blocks, two upsamplings, tanh.

    `model` is one sequence. Its indices are the weight names of published files and the numbers of the taps: with the
    anti-aliased default, 0 is the padded image, 4 and 8 the downsampling convolutions, 12, 13, … the residual blocks.

    Args:
        input_nc, output_nc: image channels.
        ngf: channels after the first convolution.
        blocks: residual blocks.
        norm: see `norm_layer`.
        dropout: dropout 0.5 in the residual blocks.
        antialias: blur before downsampling; otherwise convolutions of stride 2.
        antialias_up: interpolate when upsampling; otherwise transposed convolutions.
        checkpoint_blocks: residual blocks keep only their input for the backward pass.
        residual: add the image to what goes into tanh, so that the network learns the change. It starts as the identity
            (times 0.8), since the last convolution starts at zero.

    Raises:
        UserError: for `checkpoint_blocks` with batch norm, or `residual` with other channels in than out.
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
        antialias: bool = True,
        antialias_up: bool = True,
        checkpoint_blocks: bool = False,
        residual: bool = False,
    ) -> None:
        super().__init__()
        if residual:
            check_residual(input_nc, output_nc)
        self.residual = residual
        if checkpoint_blocks and norm == "batch":
            raise UserError(
                "--checkpoint_blocks computes the blocks twice, and batch norm would count every image twice in its "
                "running statistics: use another --normG, or leave it out."
            )
        self.encoder_is_exact = norm != "batch" and not dropout
        self.context = 24 + 8 * blocks  # 9 pixels before the blocks, two 3×3 at a quarter in each, 15 after them
        bias = needs_bias(norm)

        layers: list[nn.Module] = [ReflectionPad(3), nn.Conv2d(input_nc, ngf, 7, bias=bias), norm_layer(norm, ngf)]
        layers += [ReLU()]
        for channels in (ngf, 2 * ngf):
            layers += downsampling(channels, 2 * channels, norm, bias, antialias)
        layers += [ResidualBlock(4 * ngf, norm, dropout, checkpoint_blocks) for _ in range(blocks)]
        for channels in (4 * ngf, 2 * ngf):
            layers += upsampling(channels, channels // 2, norm, bias, antialias_up)
        layers += [ReflectionPad(3), (ZeroConv2d if residual else nn.Conv2d)(ngf, output_nc, 7), nn.Tanh()]
        self.model = nn.Sequential(*layers)
        self.convolution_after = _convolutions_after_cheap_layers(layers)

    def regions(self) -> Sequence[nn.Module]:
        return [layer for layer in self.model if isinstance(layer, ResidualBlock)]

    def forward(self, image: Tensor) -> Tensor:
        return self._run(image, (), stop=len(self.model) - 1)[0]

    def encode(self, image: Tensor, layers: Sequence[int]) -> list[Tensor]:
        return self._run(image, layers, stop=max(layers))[1]

    def forward_with_features(self, image: Tensor, layers: Sequence[int]) -> tuple[Tensor, list[Tensor]]:
        return self._run(image, layers, stop=len(self.model) - 1)

    def encode_at(self, image: Tensor, layers: Sequence[int], positions: Sequence[Tensor]) -> list[Tensor]:
        return self._run(image, layers, max(layers), positions)[1]

    def forward_with_vectors(
        self, image: Tensor, layers: Sequence[int], positions: Sequence[Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        return self._run(image, layers, len(self.model) - 1, positions)

    def _run(
        self, image: Tensor, taps: Sequence[int], stop: int, positions: Sequence[Tensor] = ()
    ) -> tuple[Tensor, list[Tensor]]:
        self._check_taps(taps)
        x, features, deepest = image, dict[int, Tensor](), max(taps, default=-1)
        places = dict(zip(taps, positions, strict=False))  # none where maps are wanted
        layers = list(self.model)
        for first, last in self._parts(taps, stop):
            layer = layers[first]
            if self.residual and isinstance(layer, nn.Tanh):
                x = add_image(x, image)
            x = apply_recomputing(layers[first:last], layers[last], x) if last > first else layer(x)
            if last in places:
                x, features[last] = pick(x, places[last])
            elif last in taps:
                features[last] = x
            # Published ReLUs work in place, so a tap on the norm before one is rectified, in the losses too.
            # The deepest tap is where the published pass ends, before such a ReLU.
            if isinstance(layer, nn.ReLU) and deepest >= first:
                for tap in features.keys() & set(self._just_before(first)):
                    features[tap] = layer(features[tap]) if places else x
        return x, [features[tap] for tap in taps]

    def _parts(self, taps: Sequence[int], stop: int) -> Iterator[tuple[int, int]]:
        """The first and last layer of each part, up to a layer: a convolution with the cheap layers before it, where no
        tap needs what is between them, or a single layer."""
        first = 0
        while first <= stop:
            last = self.convolution_after.get(first, first)
            if last > stop or any(first - 1 <= tap < last for tap in taps):
                last = first
            yield first, last
            first = last + 1

    def _just_before(self, index: int) -> range:
        """The layer before one, and layers that do nothing between them."""
        first = index - 1
        while isinstance(self.model[first], nn.Identity):
            first -= 1
        return range(first, index)

    def _check_taps(self, taps: Sequence[int]) -> None:
        missing = [str(tap) for tap in taps if not 0 <= tap < len(self.model)]
        if missing:
            raise UserError(
                f"nce_layers names tap {', '.join(missing)}, which this ResNet generator does not have: "
                f"its taps are 0 to {len(self.model) - 1}."
            )


def _convolutions_after_cheap_layers(layers: Sequence[nn.Module]) -> dict[int, int]:
    """The convolution at the end of each run of layers that are cheap to compute again, by the index of its first."""
    found, first = dict[int, int](), 0
    for index, layer in enumerate(layers):
        if isinstance(layer, nn.Conv2d) and first < index:
            found[first] = index
        if not isinstance(layer, ReLU | ReflectionPad | BlurUp | nn.Identity):
            first = index + 1
    return found


def check_residual(input_nc: int, output_nc: int) -> None:
    """
    Raises:
        UserError: when `--residual` cannot be: the image has other channels than the output.
    """
    if input_nc != output_nc:
        raise UserError(
            f"--residual adds the image to the generator's output, so --input_nc {input_nc} and --output_nc "
            f"{output_nc} must be equal: leave it out, or use equal channel counts."
        )


def add_image(x: Tensor, image: Tensor) -> Tensor:
    """What a residual generator's tanh is applied to: with x = 0 its output is 0.8 times the image."""
    return x + torch.atanh(WITHIN * image)


def downsampling(channels: int, out: int, norm: str, bias: bool, antialias: bool) -> list[nn.Module]:
    """Convolution, norm and ReLU that halve the resolution."""
    if antialias:
        return [Conv3x3(channels, out, padding=1, bias=bias), norm_layer(norm, out), ReLU(), BlurDown(out)]
    return [nn.Conv2d(channels, out, 3, stride=2, padding=1, bias=bias), norm_layer(norm, out), ReLU()]


def upsampling(channels: int, out: int, norm: str, bias: bool, antialias: bool) -> list[nn.Module]:
    """Convolution, norm and ReLU that double the resolution."""
    if antialias:
        conv = [BlurUp(channels), Conv3x3(channels, out, padding=1, bias=bias)]
    else:
        conv = [nn.ConvTranspose2d(channels, out, 3, stride=2, padding=1, output_padding=1, bias=bias)]
    return [*conv, norm_layer(norm, out), ReLU()]


for _blocks in (9, 6, 4):
    GENERATORS.register(f"resnet_{_blocks}blocks")(partial(ResnetGenerator, blocks=_blocks))
