"""Translate an image in overlapping tiles whose seams cannot be seen.

Of every tile the outermost `context` pixels are computed and discarded (they lack surroundings that they depend on);
what is left overlaps with the neighbours by a ramp over which one tile fades into the next. Where tiles agree on the
overlap, as for a generator without a norm over the image, the result is that of the whole image to float rounding.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class Window:
    """A rectangle of an image, in pixels."""

    top: int
    left: int
    height: int
    width: int

    def of(self, image: "Slices") -> Tensor:
        """The part of `image` (…, H, W) that lies under the window; of a tensor a view."""
        return image[..., self.top : self.top + self.height, self.left : self.left + self.width]


def tile_starts(length: int, tile: int, overlap: int, multiple: int) -> list[int]:
    """First pixels of tiles that cover one axis of an image.

    Args:
        length: of the axis, a multiple of `multiple`, in pixels.
        tile: length of a tile, a multiple of `multiple`; at least `overlap + multiple` unless one tile covers the axis.
        overlap: pixels that neighbours share at least.
        multiple: every start is one of these, so that strided layers see the same grid as in the whole image.
    """
    if tile >= length:
        return [0]
    stride = (tile - overlap) // multiple * multiple
    if stride < 1:
        raise ValueError(f"tiles of {tile} pixels cannot overlap by {overlap} and still advance by {multiple}")
    return [*range(0, length - tile, stride), length - tile]


def blending_weights(length: int, tile: int, starts: list[int], context: int, ramp: int) -> Tensor:
    """The weight of each tile at each pixel of one axis: float32 (tiles, length), summing to 1 over the tiles.

    A tile has weight 0 in its outer `context` pixels, except where it ends with the image, then rises over `ramp`.
    """
    position = torch.arange(length)
    weights = []
    for start in starts:
        end = min(start + tile, length)
        first = start + context if start > 0 else -ramp  # the image's own edge is not a seam
        last = end - context if end < length else length + ramp
        rise = torch.minimum(position - first + 1, last - position)
        inside = (position >= start) & (position < end)
        weights.append((rise.clamp(0, ramp) * inside).float())
    stacked = torch.stack(weights)
    return stacked / stacked.sum(dim=0)


def smallest_tile(context: int, multiple: int) -> int:
    """The least side of a tile, in pixels, of which a useful part is left when its context is cut off."""
    return math.ceil((2 * context + _ramp(context) + multiple) / multiple) * multiple


class Slices(Protocol):
    """An image (1, C, H, W) in the memory, or one that is read from disk where it is sliced."""

    @property
    def shape(self) -> Sequence[int]: ...

    def __getitem__(self, key: Any, /) -> Tensor: ...


def translate_in_tiles(
    run: Callable[[Tensor, Window], Tensor], image: Tensor, tile: int, context: int, multiple: int
) -> Tensor:
    """The translation of an image of which only one tile at a time is in the network.

    Beside the network's work on one tile this holds the input and the output, and the rows of a tile.

    Args: as `tile_rows`.

    Returns:
        float32 (1, C', H, W) on the CPU.
    """
    height, width = image.shape[-2:]
    output, top = torch.empty(0), 0
    for rows in tile_rows(run, image, tile, context, multiple):
        if not output.numel():  # only the network's output tells the channel count
            output = torch.empty(1, rows.shape[1], height, width)
        output[..., top : top + rows.shape[2], :] = rows
        top += rows.shape[2]
    return output


def tile_rows(
    run: Callable[[Tensor, Window], Tensor], image: Slices, tile: int, context: int, multiple: int
) -> Iterator[Tensor]:
    """The translation from top to bottom, in pieces as high as tiles advance: float32 (1, C', h, W) on the CPU.

    Args:
        run: translates one tile, (1, C, h, w) → (1, C', h, w); it receives the tile's place in the image.
        image: H and W are multiples of `multiple`, anywhere; tiles are cut from it.
        tile: side of a tile in pixels; raised to what the context needs, lowered to a multiple of `multiple`.
        context: pixels of surroundings on which an output pixel depends.
        multiple: the generator's size multiple.
    """
    height, width = image.shape[-2:]
    tile = max(tile // multiple * multiple, smallest_tile(context, multiple))
    ramp = _ramp(context)
    tops, lefts = (tile_starts(length, tile, 2 * context + ramp, multiple) for length in (height, width))
    vertical = blending_weights(height, tile, tops, context, ramp)
    horizontal = blending_weights(width, tile, lefts, context, ramp)
    begun = torch.empty(0)  # the rows below the last piece, to which the next tiles add
    for top, following, rows in zip(tops, [*tops[1:], height], vertical, strict=True):
        strip = torch.empty(0)
        for left, columns in zip(lefts, horizontal, strict=True):
            window = Window(top, left, min(tile, height), min(tile, width))
            translated = run(window.of(image), window).float().cpu()
            if not strip.numel():
                strip = torch.zeros(1, translated.shape[1], window.height, width)
                if begun.numel():
                    strip[..., : begun.shape[2], :] = begun
            rows_here, columns_here = rows[top : top + window.height, None], columns[left : left + window.width]
            strip[..., left : left + window.width].add_(translated * rows_here * columns_here)
        yield strip[..., : following - top, :]
        begun = strip[..., following - top :, :]


def _ramp(context: int) -> int:
    return max(8, context // 2)
