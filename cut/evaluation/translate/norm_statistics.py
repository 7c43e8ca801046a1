"""One set of normalisation statistics for all tiles of an image.

Instance, layer and group norm divide feature maps by statistics of the image they see. A tile of sky has other
statistics than a tile of rock, so tiles translated on their own differ in tone, and no blending hides that. Here one
pass over small windows spread over the whole image measures the statistics of every norm layer, and all tiles are
normalised by these. The windows are at full resolution, as the network was trained.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import torch
from torch import Tensor, nn

from cut.evaluation.translate.tiles import Slices

_MOST_WINDOWS_PER_AXIS = 8
_LEAST_WINDOW = 48  # pixels
_LEAST_MULTIPLES = 2  # size multiples: a network that shrinks a window that far sees nothing but its edges in one


@dataclass(frozen=True)
class NormStatistics:
    """Mean and reciprocal standard deviation of one norm layer's input, each (1, C, 1, 1)."""

    mean: Tensor
    inverse_deviation: Tensor


def depends_on_whole_image(network: nn.Module) -> bool:
    """Whether a norm layer of `network`, in its present mode, measures the image that it is given."""
    return any(_measures(module) for module in network.modules())


def sample_windows(image: Slices, area_side: int, multiple: int) -> Tensor:
    """Square windows spread evenly over (1, C, H, W), stacked: (n², C, s, s), together as large as one tile.

    They are many, since a picture's regions differ, and not too small, since the padding at the edges of a window is
    not part of the picture.

    Args:
        area_side: side of that tile in pixels.
        multiple: s is a multiple of this.
    """
    least = max(_LEAST_WINDOW, _LEAST_MULTIPLES * multiple)
    count = min(_MOST_WINDOWS_PER_AXIS, max(1, area_side // least))
    side = min(area_side // count, *image.shape[-2:]) // multiple * multiple
    tops, lefts = (_middles(length, side, count) for length in image.shape[-2:])
    return torch.cat([image[..., top : top + side, left : left + side] for top in tops for left in lefts])


def _middles(length: int, side: int, count: int) -> list[int]:
    """First pixels of windows in the middle of `count` equal cells of an axis."""
    cell = length / count
    return [min(max(round((i + 0.5) * cell - side / 2), 0), length - side) for i in range(count)]


Measured = dict[nn.Module, list[NormStatistics]]  # of each layer, one for each time that a pass calls it


def norm_statistics(network: nn.Module, run: Callable[[], object]) -> Measured:
    """Statistics of every norm layer over all images of the batch that `run` passes through `network`.

    Each layer already normalises by the common statistics while they are measured, as it will in the tiles.
    """
    measured: Measured = defaultdict(list)

    def hook(layer: Any, inputs: tuple[Tensor, ...], _output: Tensor) -> Tensor:
        channels = inputs[0].shape[1]
        groups = layer.num_groups if isinstance(layer, nn.GroupNorm) else channels
        grouped = inputs[0].float().unflatten(1, (groups, channels // groups))
        variance, mean = (
            value.repeat_interleave(channels // groups).view(1, channels, 1, 1)
            for value in torch.var_mean(grouped, dim=(0, 2, 3, 4), correction=0)
        )
        measured[layer].append(NormStatistics(mean, (variance + layer.eps).rsqrt()))
        return _normalise(layer, inputs[0], measured[layer][-1])

    with _hooked(network, hook):
        run()
    return measured


@contextmanager
def fixed_norms(network: nn.Module, statistics: Measured) -> Iterator[None]:
    """Inside, the measured layers of `network` normalise by `statistics`, whatever images its passes see."""
    following = {layer: cycle(of_layer) for layer, of_layer in statistics.items()}
    with _hooked(network, lambda layer, inputs, _output: _normalise(layer, inputs[0], next(following[layer]))):
        yield


@contextmanager
def _hooked(network: nn.Module, hook: Callable) -> Iterator[None]:
    handles = [layer.register_forward_hook(hook) for layer in network.modules() if _measures(layer)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _measures(layer: nn.Module) -> bool:
    if isinstance(layer, nn.GroupNorm):  # with one group per channel it is this project's instance norm
        return True
    if isinstance(layer, (nn.BatchNorm2d, nn.InstanceNorm2d)):
        return layer.training or not layer.track_running_stats
    return False


def _normalise(layer: Any, x: Tensor, statistics: NormStatistics) -> Tensor:
    normalised = (x - statistics.mean) * statistics.inverse_deviation
    if layer.weight is not None:
        normalised = normalised * layer.weight.view(-1, 1, 1) + layer.bias.view(-1, 1, 1)
    return normalised.to(x.dtype)
