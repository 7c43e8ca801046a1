"""`cut.load`: a trained generator as a function on pictures."""

from collections.abc import Mapping
from pathlib import Path
from typing import overload

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from cut.api.words import as_words
from cut.data.formats.ranges import Scale, stored_scales
from cut.data.formats.raster import raster
from cut.data.formats.stored import with_mask
from cut.data.images import as_read, parse_color, to_8bit, to_image, to_tensor
from cut.device import choose_device
from cut.errors import UserError
from cut.evaluation.translate.trained import load_translator
from cut.evaluation.translate.translator import Translator
from cut.models.styles import translation_count
from cut.options import Options, test_options


class Translation:
    """A trained generator: a picture in, its translation of the same size and kind out.

    Args:
        translator: translates tensors.
        options: as from `test_options`.
        ranges: of each side that was not pictures of 8 bits in training, by letter.

    Attributes:
        options: those that it translates with.
        device: where it computes.
    """

    def __init__(self, translator: Translator, options: Options, ranges: Mapping[str, Scale] | None = None) -> None:
        self._translator, self.options, self.device = translator, options, translator.device
        self._channels = options.data.input_nc
        sides = "AB" if options.data.direction == "AtoB" else "BA"
        self._from, self._to = ((ranges or {}).get(side) for side in sides)

    @overload
    def __call__(self, picture: Image.Image) -> Image.Image: ...
    @overload
    def __call__(self, picture: np.ndarray) -> np.ndarray: ...
    @overload
    def __call__(self, picture: Tensor) -> Tensor: ...

    def __call__(self, picture: Image.Image | np.ndarray | Tensor) -> Image.Image | np.ndarray | Tensor:
        """Translate a picture, or several of one size.

        Args:
            picture: one of
                a Pillow image of any mode;
                an array (H, W, C), (H, W) or (N, H, W, C): uint8, or floats in [0, 1]; of a run on files of many bands
                or deep values, in the numbers of these, as its result is;
                a tensor (C, H, W) or (B, C, H, W): floats in [−1, 1], or uint8.

        Returns:
            The same kind, with the target domain's channels: "RGB" or "L"; uint8 or float32; on the tensor's device.

        Raises:
            UserError: for anything else, or when memory is not enough.
        """
        if isinstance(picture, Image.Image):
            background = parse_color(self.options.data.alpha_background)
            return to_image(self._translator(to_tensor(as_read(picture, self._channels, background), self._channels)))
        if isinstance(picture, np.ndarray):
            return self._array(picture)
        if isinstance(picture, Tensor):
            return self._tensor(picture)
        raise UserError(f"A Pillow image, an array or a tensor is translated, not {type(picture).__name__}.")

    def _array(self, picture: np.ndarray) -> np.ndarray:
        if self._from is not None:
            return self._values(picture)
        pixels = picture[..., None] if picture.ndim == 2 else picture
        if pixels.dtype != np.uint8:
            if not (np.issubdtype(pixels.dtype, np.floating) and pixels.min() >= 0 and pixels.max() <= 1):
                raise UserError("Arrays hold uint8, or floats from 0 to 1: scale the picture, or convert it to uint8.")
            pixels = pixels.astype(np.float32)
        images = torch.from_numpy(np.ascontiguousarray(np.moveaxis(pixels, -1, -3)))  # (…, C, H, W)
        if picture.dtype == np.uint8:
            translated = self._tensor(images).numpy()
        else:
            translated = (self._tensor(images * 2 - 1).numpy() / 2 + 0.5).clip(0, 1)
        result = np.moveaxis(translated, -3, -1)
        return result[..., 0] if picture.ndim == 2 and result.shape[-1] == 1 else result

    def _values(self, picture: np.ndarray) -> np.ndarray:
        """An array in the numbers of side A in those of side B; NaN is no data."""
        pixels = np.moveaxis(picture[..., None] if picture.ndim == 2 else picture, -1, -3)  # (…, C, H, W)
        if self._from is None or pixels.ndim not in (3, 4) or pixels.shape[-3] not in (1, self._channels):
            raise UserError(f"Arrays are (H, W), (H, W, {self._channels}) or (N, H, W, {self._channels}).")
        pixels = np.repeat(pixels, self._channels // pixels.shape[-3], -3)  # of one band, as files of one band are
        images = [with_mask(one, ()) for one in pixels.reshape(-1, *pixels.shape[-3:])]
        tensors = [raster(self._from.scaled(one), one.valid).tensor() for one in images]
        made = self._tensor(torch.stack(tensors)).numpy()
        values = made if self._to is None else np.stack([self._to.to_physical(one) for one in made])
        result = np.moveaxis(values.reshape(*pixels.shape[:-3], *values.shape[1:]), -3, -1)
        return result[..., 0] if picture.ndim == 2 and result.shape[-1] == 1 else result

    def _tensor(self, picture: Tensor) -> Tensor:
        if picture.dim() not in (3, 4) or picture.shape[-3] != self._channels or not picture.numel():
            shape = "×".join(map(str, picture.shape))
            raise UserError(
                f"A picture of shape {shape} is not one of {self._channels} channels: tensors are (C, H, W) or "
                "(B, C, H, W), arrays (H, W, C) or (N, H, W, C)."
            )
        if picture.dtype == torch.uint8:
            images = picture.float() / 127.5 - 1
        elif picture.is_floating_point() and picture.abs().max() <= 1 + 1e-3:
            images = picture.float()
        else:
            raise UserError("Tensors hold floats from −1 to 1, or uint8: scale the picture (x / 127.5 − 1).")
        images = images.cpu()
        translated = self._translator.several(images) if images.dim() == 4 else self._translator(images)
        if picture.dtype == torch.uint8:
            flat = [torch.from_numpy(to_8bit(one)).permute(2, 0, 1) for one in translated.unsqueeze(0).flatten(0, -4)]
            translated = torch.stack(flat).reshape(translated.shape)
        return translated.to(picture.device)


def load(folder: Path | str, epoch: str | int = "latest", device: str = "auto", **options: object) -> Translation:
    """The generator of a trained run, ready to translate.

        translate = cut.load("checkpoints/mine")
        translate(Image.open("photo.jpg")).save("translated.png")

    Args:
        folder: of the run. The architecture is read from the options that the run saved; a folder with nothing but
            published weights needs them as `options` (`CUT_mode="FastCUT"`, `netG="resnet_6blocks"`).
        epoch: which saved weights: "latest", "best", or a number.
        device: "auto" (GPU 0 if there is one), "cpu", or "cuda:N".
        options: of `cut translate`, by name: `direction="BtoA"`, `eval=True`, `no_ema=True`, `tile_size=512`, `seed=3`.

    Raises:
        UserError: when there are no such weights or options.
    """
    place = Path(folder).resolve()
    if not place.is_dir():
        raise UserError(f"There is no folder {folder}: cut.load takes the folder of a run, such as checkpoints/mine.")
    gpu = "-1" if device == "cpu" else str(device).removeprefix("cuda:").replace("cuda", "0")
    names = {"checkpoints_dir": place.parent, "name": place.name, "epoch": epoch, "gpu_ids": gpu}
    chosen = test_options(as_words({**names, **options}))
    if translation_count(chosen) != 1:
        raise UserError("num_style makes several translations of a picture: load the run once for each seed instead.")
    translator = load_translator(chosen, choose_device(chosen.run.gpu_ids, chosen.run.threads))
    return Translation(translator, chosen, stored_scales(place))
