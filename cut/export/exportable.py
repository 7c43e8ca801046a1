"""A generator as one module without options, random draws and limits on the size of an image."""

import copy

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from cut.networks.instance_norm import InstanceNorm
from cut.networks.interface import Generator, StyledGenerator

NOISE_SIDE = 1024  # pixels of the field of noise in a file; beyond it the field repeats


class Exportable(nn.Module):
    """(B, C, H, W) in [−1, 1], any size from 2 pixels a side → (B, C', H, W), as `cut translate` makes it.

    Sides are continued by reflection to what the generator takes, and cut back. Noise is that of the seed, up to
    `NOISE_SIDE` pixels a side. A generator with styles takes one as a second input, (1, style_dim) from N(0, 1), unless
    it has a guide.

    Args:
        generator: a copy of it is kept, in evaluation mode: dropout does not act.
        own_statistics: batch norm normalises each image by itself, as `cut translate` does without `--eval`; else by
            its running statistics.
        seed: of the noise.

    Attributes:
        takes_style: whether there is the second input.
    """

    def __init__(self, generator: Generator, own_statistics: bool = True, seed: int = 0) -> None:
        super().__init__()
        self.generator = copy.deepcopy(generator).cpu().float().eval().requires_grad_(False)
        self.multiple, self.fewest = generator.size_multiple, generator.fewest_multiples
        if own_statistics:
            _normalise_each_image(self.generator)
        self.takes_style = isinstance(generator, StyledGenerator) and generator.guide is None
        self.style: Tensor | None
        self.register_buffer("style", None)
        if isinstance(self.generator, StyledGenerator) and self.generator.guide is not None:
            with torch.no_grad():
                self.style = self.generator.encode_style(self.generator.guide)
            self.generator.guide = None
        self.strides = list(generator.noise_strides)
        if self.strides:
            side = torch.empty(1, 1, NOISE_SIDE, NOISE_SIDE)
            for number, field in enumerate(generator.noise_at(side, seed)):
                self.register_buffer(f"noise_{number}", field)

    def forward(self, image: Tensor, style: Tensor | None = None) -> Tensor:
        if torch.jit.is_tracing():
            padded = _padded_in_trace(image, self.multiple, self.fewest)
        else:
            padded = _padded(image, self.multiple, self.fewest)
        return _cut_back(self._translate(padded, self.style if style is None else style), image)

    def _translate(self, image: Tensor, style: Tensor | None) -> Tensor:
        if isinstance(self.generator, StyledGenerator):
            assert style is not None
            return self.generator.translate(image, style)[0]
        if not self.strides:
            return self.generator(image)
        fields = [self.get_buffer(f"noise_{number}") for number in range(len(self.strides))]
        return self.generator(
            image, [_noise(field, image, stride) for field, stride in zip(fields, self.strides, strict=True)]
        )

    @property
    def example(self) -> tuple[Tensor, ...]:
        """Inputs of a size that nothing about it is taken for a rule."""
        height, width = (count * self.multiple + 64 - odd for count, odd in ((3, 1), (4, 3)))
        return self.inputs(2, height, width)

    def inputs(self, images: int, height: int, width: int, seed: int = 0) -> tuple[Tensor, ...]:
        """Random inputs of a size."""
        random = torch.Generator().manual_seed(seed)
        image = torch.rand(images, self.generator.image_channels, height, width, generator=random) * 2 - 1
        if not self.takes_style:
            return (image,)
        assert isinstance(self.generator, StyledGenerator)
        return image, torch.randn(1, self.generator.style_dim, generator=random)


class _Widened(nn.Module):
    """Weights that are stored in fewer bits, in float32 for use."""

    def forward(self, stored: Tensor) -> Tensor:
        return stored.float()


def narrow_weights(module: nn.Module, dtype: torch.dtype) -> None:
    """Store the weights of all convolutions and linear layers in this type, in place; they are used in float32.

    Biases and norms, a thousandth of a file, stay as they are.
    """
    for layer in list(module.modules()):
        weight = layer._parameters.get("weight")
        if weight is not None and weight.dim() >= 2:
            layer.weight = nn.Parameter(weight.to(dtype), requires_grad=False)
            parametrize.register_parametrization(layer, "weight", _Widened(), unsafe=True)


def _normalise_each_image(network: nn.Module) -> None:
    """Batch norm of one image is affine instance norm: put that in its place."""
    for layer in list(network.modules()):
        for name, child in layer.named_children():
            if isinstance(child, nn.BatchNorm2d):
                own = InstanceNorm(child.num_features, child.eps, affine=True)
                own.load_state_dict({"weight": child.weight, "bias": child.bias})
                setattr(layer, name, own.eval().requires_grad_(False))


def _padded(image: Tensor, multiple: int, fewest: int) -> Tensor:
    height, width = image.shape[-2], image.shape[-1]
    rows = _reflected(height, torch.sym_max((height + multiple - 1) // multiple, fewest) * multiple)
    columns = _reflected(width, torch.sym_max((width + multiple - 1) // multiple, fewest) * multiple)
    return image[:, :, rows][:, :, :, columns]


def _reflected(length: int, wanted: int | torch.SymInt) -> Tensor:
    """Indices 0, 1, …, length − 1, length − 2, …, 1, 0, 1, …: `wanted` of them."""
    last = torch.arange(length)[-1:]  # as a tensor, which ONNX can calculate with
    phase = torch.remainder(torch.arange(wanted), 2 * last)
    return torch.minimum(phase, 2 * last - phase)


# A trace would take what is calculated from the size of the example for constants: these are compiled instead.


@torch.jit.script_if_tracing
def _padded_in_trace(image: Tensor, multiple: int, fewest: int) -> Tensor:
    sides: list[Tensor] = []
    for length in image.shape[-2:]:
        wanted = max((length + multiple - 1) // multiple, fewest) * multiple
        phase = torch.remainder(torch.arange(wanted, device=image.device), 2 * (length - 1))
        sides.append(torch.minimum(phase, 2 * (length - 1) - phase))
    return image[:, :, sides[0]][:, :, :, sides[1]]


@torch.jit.script_if_tracing
def _cut_back(translated: Tensor, image: Tensor) -> Tensor:
    return translated[:, :, : image.shape[2], : image.shape[3]]


@torch.jit.script_if_tracing
def _noise(field: Tensor, image: Tensor, stride: int) -> Tensor:
    """The noise of a map, (B, 1, H / stride, W / stride), out of its field, which repeats."""
    rows = torch.remainder(torch.arange(image.shape[2] // stride, device=image.device), field.shape[2])
    columns = torch.remainder(torch.arange(image.shape[3] // stride, device=image.device), field.shape[3])
    return field[:, :, rows][:, :, :, columns].expand(image.shape[0], -1, -1, -1)
