"""Whether images of a size fit networks, found on the `meta` device: nothing is computed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from cut.errors import UserError
from cut.lazy import torch
from cut.models.build import build_generator
from cut.options import Options

if TYPE_CHECKING:
    from torch import Tensor

PLENTY = (256, 512, 1024, 2**13, 2**17, 2**21)  # sides in pixels; every network accepts at least one of them


def fits(run: Callable[..., Any], channels: int, width: int, height: int, sides: Iterable[int] = ()) -> bool:
    """Whether `run`, a network on the `meta` device or a part of one, can process images of a size.

    Raises:
        Exception: what it raises at this size and at every other one that is tried.
    """
    try:
        return 0 not in _on_meta(run, channels, width, height)
    except (RuntimeError, ValueError) as error:
        for side in (*sides, *PLENTY):
            try:
                _on_meta(run, channels, side, side)
            except (RuntimeError, ValueError):
                continue
            return False  # so it was the size
        raise error


def remedy(network: Any, width: int, height: int) -> str:
    """What to do about images that do not fit a network."""
    multiple = getattr(network, "size_multiple", 1)
    if width % multiple or height % multiple:
        larger = -(-max(width, height) // multiple) * multiple
        return f"sides must be multiples of {multiple}, so use a --preprocess with crop, and --crop_size {larger}"
    return "use a larger --crop_size or fewer layers"


def _on_meta(run: Callable[..., Any], channels: int, width: int, height: int) -> tuple[int, ...]:
    """The shape of the result, or of the last one of a list."""
    result = run(torch.empty(1, channels, height, width, device="meta"))
    return (result[-1] if isinstance(result, list) else result).shape


class TapShapes:
    """The shapes of a contrastive generator's features.

    Args:
        options: what the generator is made from.
        taps: the layers whose features are meant.
        backward: whether the generator translates from the target domain to the source domain.

    Raises:
        UserError: when the generator has no taps.
    """

    def __init__(self, options: Options, taps: Sequence[int], *, backward: bool = False) -> None:
        from cut.networks.interface import ContrastiveGenerator

        self.options, self.taps = options, taps
        with torch.device("meta"):
            generator = build_generator(options, backward=backward)
        if not isinstance(generator, ContrastiveGenerator):
            raise UserError(
                f"--netG {options.networks.netG} has no feature taps, which --model {options.run.model} compares: "
                "choose another generator, or a method that needs none."
            )
        self.generator = generator
        self._found: dict[tuple[int, int], list[torch.Size]] = {}

    def tap_shapes(self, height: int, width: int) -> list[torch.Size]:
        """(C, H, W) at each tap, for images of this size.

        Raises:
            UserError: for a tap that does not exist, or images too small to reach it.
        """
        if (height, width) not in self._found:
            channels = self.generator.image_channels

            def encode(image: Tensor) -> list[Tensor]:
                return self.generator.encode(image, self.taps)

            if not fits(encode, channels, width, height, (self.options.data.crop_size,)):
                raise UserError(
                    f"Images of {width}×{height} pixels are too small for the taps {','.join(map(str, self.taps))} of "
                    f"--netG {self.options.networks.netG}: use a larger --crop_size or shallower --nce_layers."
                )
            features = encode(torch.empty(1, channels, height, width, device="meta"))
            self._found[height, width] = [feature.shape[1:] for feature in features]
        return self._found[height, width]
