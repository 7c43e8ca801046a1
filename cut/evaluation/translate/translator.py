"""Translate one image of any size with a generator."""

import math
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from cut.errors import UserError, is_out_of_memory
from cut.evaluation.translate.inference import inference
from cut.evaluation.translate.memory import bytes_per_pixel, free_bytes
from cut.evaluation.translate.norm_statistics import (
    depends_on_whole_image,
    fixed_norms,
    norm_statistics,
    sample_windows,
)
from cut.evaluation.translate.tiles import Window, smallest_tile, translate_in_tiles
from cut.networks.interface import Generator
from cut.precision import Arithmetic

_LARGEST_TILE = 4096  # pixels; beyond it feature maps outgrow the 32-bit indices of GPU kernels
_SURELY_FITS = 512 * 512  # pixels; images up to this size are not worth an estimate
_LEAST_MULTIPLES = 4  # size multiples; a side this long is enough for every reflection pad in the network


def _say(text: str) -> None:
    print(text, file=sys.stderr)


class Translator:
    """A generator as a function from image to image of the same size.

    An image that is not a multiple of the generator's size multiple is continued by reflection at the right and the
    bottom, and the result is cut back; nothing is ever resized. An image that memory cannot hold in one piece is
    translated in tiles. Random draws (noise, dropout) are those of `seed`, the same for every image, so that a
    translation does not depend on what was translated before it; styles are those of `seed` and the image.

    Args:
        generator: moved to the device and layout of `arithmetic`.
        arithmetic: device, precision and layout; None for float32 on the CPU.
        training: translate in train mode, as the published `test.py` does without `--eval`.
        tile_size: the largest side, in pixels, that is translated in one piece, raised to what the generator's context
            needs; 0 lets free memory decide.
        seed: of the random draws.
        say: called with a sentence when tiles are needed, once; None for nothing.
    """

    def __init__(
        self,
        generator: Generator,
        arithmetic: Arithmetic | None = None,
        *,
        training: bool = False,
        tile_size: int = 0,
        seed: int = 0,
        say: Callable[[str], None] | None = _say,
    ) -> None:
        self.arithmetic = Arithmetic() if arithmetic is None else arithmetic
        self.device = self.arithmetic.device
        self.generator = self.arithmetic.place(generator)
        self.training, self.tile_size, self.seed, self._say = training, tile_size, seed, say
        self._bytes_per_pixel: float | None = None

    def __call__(self, image: Tensor) -> Tensor:
        """Translate one image.

        Args:
            image: (C, H, W) in [−1, 1], any H and W.

        Returns:
            float32 (C', H, W) on the CPU, in the generator's range (nominally [−1, 1]).

        Raises:
            UserError: when not even the smallest tile fits into memory, or the result is not finite.
        """
        height, width = image.shape[-2:]
        multiple = self.generator.size_multiple
        padded = pad_by_reflection(image, _padded_length(height, multiple), _padded_length(width, multiple))[None]
        with inference(self.generator, self.training), self._seeded(), self.arithmetic.region():
            translated = self._in_memory(padded)
        if not torch.isfinite(translated).all():
            raise UserError("The translation has values that are not finite: try the weights of another --epoch.")
        return translated[0, :, :height, :width].clone()  # a plain tensor, not an inference one

    def _in_memory(self, image: Tensor) -> Tensor:
        tile = self._tile_side(image)
        while True:
            if tile is not None:
                self._announce(image, tile)
            try:
                return self._whole(image) if tile is None else self._tiled(image, tile)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
            # Out of the except block, so that the failed attempt's tensors are gone.
            if self.device.type == "cuda":
                torch.cuda.empty_cache()
            tile = self._smaller(image, tile)

    def _whole(self, image: Tensor) -> Tensor:
        return self.generator.translate_window(self.arithmetic.images(image), self._seed_for(image)).float().cpu()

    def _tiled(self, image: Tensor, tile: int) -> Tensor:
        multiple, seed = self.generator.size_multiple, self._seed_for(image)

        def run(part: Tensor, window: Window) -> Tensor:
            return self.generator.translate_window(self.arithmetic.images(part), seed, (window.top, window.left))

        if not depends_on_whole_image(self.generator):
            return translate_in_tiles(run, image, tile, self.generator.context, multiple)
        samples = sample_windows(image, tile, multiple).to(self.device)
        whole = norm_statistics(self.generator, lambda: self.generator.translate_window(samples, seed))
        with fixed_norms(self.generator, whole):
            return translate_in_tiles(run, image, tile, self.generator.context, multiple)

    def _seed_for(self, image: Tensor) -> int:
        """The seed of an image: another one for every picture where it chooses the style."""
        if not self.generator.seed_is_style:
            return self.seed
        return zlib.crc32(image.cpu().numpy().tobytes(), zlib.crc32(str(self.seed).encode()))

    def _tile_side(self, image: Tensor) -> int | None:
        """Side of the tiles that `image` needs, in pixels; None when it is translated in one piece."""
        height, width = image.shape[-2:]
        if self.tile_size:
            tile = self._no_smaller(self.tile_size)
            return tile if max(height, width) > tile else None
        if height * width <= _SURELY_FITS:
            return None
        if self._bytes_per_pixel is None:
            self._bytes_per_pixel = bytes_per_pixel(self.generator, image.shape[1])
        pixels = free_bytes(self.device) / self._bytes_per_pixel
        return None if height * width <= pixels else min(_LARGEST_TILE, self._no_smaller(math.isqrt(int(pixels))))

    def _smaller(self, image: Tensor, tile: int | None) -> int:
        """The tile to try after memory ran out."""
        least = self._no_smaller(0)
        if tile is not None and tile <= least:
            raise UserError(
                f"Out of memory on {self.device} even with tiles of {tile}×{tile} pixels: free some memory, "
                "or translate on the CPU with --gpu_ids -1."
            )
        return self._no_smaller(min(_LARGEST_TILE, (tile or max(image.shape[-2:])) // 2))

    def _no_smaller(self, tile: int) -> int:
        return max(tile, smallest_tile(self.generator.context, self.generator.size_multiple))

    def _announce(self, image: Tensor, tile: int) -> None:
        if self._say is not None:
            height, width = image.shape[-2:]
            self._say(f"An image of {width}×{height} pixels is translated in overlapping tiles of {tile}×{tile}.")
            self._say = None

    @contextmanager
    def _seeded(self) -> Iterator[None]:
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(self.seed)
            yield


def pad_by_reflection(image: Tensor, height: int, width: int) -> Tensor:
    """Continue (C, H, W) at the right and the bottom to `height` × `width` by reflection, as often as it takes.

    A side of one pixel is repeated. An image of the wanted size comes back as it is.
    """
    if image.shape[-2:] == (height, width):
        return image
    rows, columns = _reflected(image.shape[-2], height), _reflected(image.shape[-1], width)
    return image[:, rows][:, :, columns]


def _reflected(length: int, wanted: int) -> Tensor:
    """Indices 0, 1, …, length − 1, length − 2, …, 1, 0, 1, …: `wanted` of them."""
    period = max(2 * (length - 1), 1)
    phase = torch.arange(wanted) % period
    return torch.minimum(phase, period - phase) if length > 1 else torch.zeros_like(phase)


def _padded_length(length: int, multiple: int) -> int:
    return max(math.ceil(length / multiple), _LEAST_MULTIPLES) * multiple
