"""Translate images of any size with a generator."""

import math
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor, nn

from cut.errors import UserError, is_out_of_memory
from cut.evaluation.translate.inference import inference
from cut.evaluation.translate.memory import bytes_per_pixel, free_bytes
from cut.evaluation.translate.norm_statistics import (
    depends_on_whole_image,
    fixed_norms,
    norm_statistics,
    sample_windows,
)
from cut.evaluation.translate.tiles import Slices, Window, smallest_tile, tile_rows, translate_in_tiles
from cut.networks.interface import Generator
from cut.precision import Arithmetic

Translated = TypeVar("Translated")

SCENE_TILE = 1024
"""Pixels of a side of the tiles of images that are read from disk in parts."""
_LARGEST_TILE = 4096  # pixels; beyond it feature maps outgrow the 32-bit indices of GPU kernels
_SURELY_FITS = 512 * 512  # pixels; images up to this size are not worth an estimate


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
        self._draws: bool | None = None  # whether the generator draws random numbers; None before its first image

    def __call__(self, image: Tensor) -> Tensor:
        """Translate one image.

        Args:
            image: (C, H, W) in [−1, 1], any H and W.

        Returns:
            float32 (C', H, W) on the CPU, in the generator's range (nominally [−1, 1]).

        Raises:
            UserError: when not even the smallest tile fits into memory, or the result is not finite.
        """
        return self._cut_back(self._run(self._in_memory, self._padded(image[None])), image)[0]

    def several(self, images: Tensor) -> Tensor:
        """Translate several images of one size, in one pass where that changes nothing but the rounding.

        One by one are translated: the images of the first call, which shows whether the generator draws random
        numbers; all images where it does, or has noise of its own for a window, since each image has the same, or where
        batch norm measures what it is given; and images that memory cannot hold together.

        Args:
            images: (B, C, H, W) in [−1, 1].

        Returns:
            float32 (B, C', H, W) on the CPU.

        Raises:
            UserError: as for one image.
        """
        translated = None
        if len(images) > 1 and self._draws is False:
            translated = self._run(self._together, self._padded(images))
        if translated is None:
            return torch.stack([self(image) for image in images])
        return self._cut_back(translated, images)

    def _padded(self, images: Tensor) -> Tensor:
        return pad_by_reflection(images, *map(self.padded_length, images.shape[-2:]))

    def _run(self, work: Callable[[Tensor], Translated], images: Tensor) -> Translated:
        """`work(images)` in the generator's mode and precision, and with the same random numbers every time."""
        with inference(self.generator, self.training), self._seeded(), self.arithmetic.region():
            return work(images)

    def _cut_back(self, translated: Tensor, images: Tensor) -> Tensor:
        """(B, C', H', W') to the size of the images, as a plain tensor instead of an inference one."""
        if not torch.isfinite(translated).all():
            raise UserError("The translation has values that are not finite: try the weights of another --epoch.")
        height, width = images.shape[-2:]
        return translated[..., :height, :width].clone()

    def _together(self, images: Tensor) -> Tensor | None:
        """The translations in one pass; None where they have to be made one by one."""
        for_windows = type(self.generator).translate_window is not Generator.translate_window
        batch_norm = any(map(_measures_batch, self.generator.modules()))
        if for_windows or batch_norm or self._tile_side(images) is not None:
            return None
        try:
            return self._whole(images)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        return None

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

    def rows(self, scene: Slices, tile: int = SCENE_TILE) -> Iterator[Tensor]:
        """Translate an image that is larger than the memory, from top to bottom.

        Args:
            scene: (1, C, H, W), H and W multiples of the generator's; only tiles of it are in the memory at a time.
            tile: their side in pixels, if `tile_size` does not say it.

        Returns:
            Pieces (C', h, W), float32 on the CPU; memory holds one, which is as high as a tile.

        Raises:
            UserError: when the result is not finite.
        """
        tile = self._no_smaller(self.tile_size or tile)
        sizes = self.generator.context, self.generator.size_multiple
        with (
            inference(self.generator, self.training),
            self._seeded(),
            self.arithmetic.region(),
            self._common_norms(scene, tile, self.seed),
        ):
            for piece in tile_rows(self._window(self.seed), scene, tile, *sizes):
                yield self._cut_back(piece, piece)[0]

    def _tiled(self, image: Tensor, tile: int) -> Tensor:
        multiple, seed = self.generator.size_multiple, self._seed_for(image)
        with self._common_norms(image, tile, seed):
            return translate_in_tiles(self._window(seed), image, tile, self.generator.context, multiple)

    def _window(self, seed: int) -> Callable[[Tensor, Window], Tensor]:
        """What translates a tile."""

        def run(part: Tensor, window: Window) -> Tensor:
            return self.generator.translate_window(self.arithmetic.images(part), seed, (window.top, window.left))

        return run

    @contextmanager
    def _common_norms(self, image: Slices, tile: int, seed: int) -> Iterator[None]:
        """Inside, norms over an image use those of all of it in every tile."""
        if not depends_on_whole_image(self.generator):
            yield
            return
        samples = sample_windows(image, tile, self.generator.size_multiple).to(self.device)
        whole = norm_statistics(self.generator, lambda: self.generator.translate_window(samples, seed))
        with fixed_norms(self.generator, whole):
            yield

    def _seed_for(self, image: Tensor) -> int:
        """The seed of an image: another one for every picture where it chooses the style."""
        if not self.generator.seed_is_style:
            return self.seed
        return zlib.crc32(image.cpu().numpy().tobytes(), zlib.crc32(str(self.seed).encode()))

    def _tile_side(self, images: Tensor) -> int | None:
        """Side of the tiles that (B, C, H, W) need, in pixels; None when they are translated in one piece."""
        count, channels, height, width = images.shape
        pixels = count * height * width
        if self.tile_size:
            tile = self._no_smaller(self.tile_size)
            return tile if max(height, width) > tile else None
        if pixels <= _SURELY_FITS:
            return None
        if self._bytes_per_pixel is None:
            self._bytes_per_pixel = bytes_per_pixel(self.generator, channels)
        possible = free_bytes(self.device) / self._bytes_per_pixel
        return None if pixels <= possible else min(_LARGEST_TILE, self._no_smaller(math.isqrt(int(possible))))

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

    def padded_length(self, length: int) -> int:
        """What a side is continued to, in pixels, so that the generator takes it."""
        multiple = self.generator.size_multiple
        return max(math.ceil(length / multiple), self.generator.fewest_multiples) * multiple

    @contextmanager
    def _seeded(self) -> Iterator[None]:
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(self.seed)
            before = self._random_state()
            yield
            self._draws = self._draws or not torch.equal(self._random_state(), before)

    def _random_state(self) -> Tensor:
        return torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else torch.get_rng_state()


def _measures_batch(layer: nn.Module) -> bool:
    """Whether a layer, in its present mode, normalises by the batch that it is given."""
    batch_norms = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
    return isinstance(layer, batch_norms) and (layer.training or not layer.track_running_stats)


def pad_by_reflection(image: Tensor, height: int, width: int) -> Tensor:
    """Continue (…, H, W) at the right and the bottom to `height` × `width` by reflection, as often as it takes.

    A side of one pixel is repeated. An image of the wanted size comes back as it is.
    """
    if image.shape[-2:] == (height, width):
        return image
    rows, columns = _reflected(image.shape[-2], height), _reflected(image.shape[-1], width)
    return image[..., rows, :][..., columns]


def _reflected(length: int, wanted: int) -> Tensor:
    """Indices 0, 1, …, length − 1, length − 2, …, 1, 0, 1, …: `wanted` of them."""
    period = max(2 * (length - 1), 1)
    phase = torch.arange(wanted) % period
    return torch.minimum(phase, period - phase) if length > 1 else torch.zeros_like(phase)
