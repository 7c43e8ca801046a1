"""Photographs labelled by a segmentation network, and compared with the label maps that they were made from."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from cut.data.resampling import Size, resize
from cut.errors import UserError
from cut.evaluation.comparison.confusion import Confusion, resize_nearest
from cut.evaluation.comparison.held_out import Pictures
from cut.evaluation.comparison.palette import Palette
from cut.evaluation.features.feature_cache import file_hash
from cut.networks.drn import read_drn22

NETWORK = "DRN-D-22"
PROTOCOL_SIZE: Size = (256, 128)  # width and height at which the public scripts score Cityscapes
_NEAR = 60  # distance in RGB within which a pixel has a colour of the palette: JPEG changes colours
_MOSTLY = 0.8


class Segmenter:
    """DRN-D-22 with the weights of a file.

    Args:
        file: of the weights.
        classes: how many it must tell apart.

    Attributes:
        weights: name of the file and its SHA-256, as results carry them.

    Raises:
        UserError: when the file is not one of its weights, or tells other classes apart.
    """

    def __init__(self, file: Path | str, device: torch.device | str = "cpu", classes: int = 19) -> None:
        self.device = device
        self.network = read_drn22(file, classes).to(device)
        self.weights = {"file": Path(file).name, "sha256": file_hash(Path(file))}

    def label(self, photo: Image.Image | np.ndarray, size: Size) -> np.ndarray:
        """The class of each pixel of a photograph that is resized bicubically.

        Args:
            photo: RGB, or uint8 (H, W, 3).
            size: width and height.

        Returns:
            int16 (height, width).
        """
        image = photo if isinstance(photo, Image.Image) else Image.fromarray(photo)
        pixels = np.array(resize(image.convert("RGB"), size, Image.Resampling.BICUBIC))
        with torch.inference_mode():
            x = torch.from_numpy(pixels).to(self.device).permute(2, 0, 1)[None].float() / 255
            scores = self.network(x)[0, :, : size[1], : size[0]]  # sizes are rounded up to multiples of 8
            return scores.argmax(0).to(torch.int16).cpu().numpy()


class SegmentationScorer:
    """Scores translations of held-out label maps, and once the real photographs of these: the ceiling.

    The label maps are the held-out sources, as training sees them; their classes are read from their colours.

    Args:
        photos: real photographs of the label maps, one for each in their order; None where there are none.

    Raises:
        UserError: when the sources do not have the colours of the palette.
    """

    def __init__(self, segmenter: Segmenter, palette: Palette, labels: Pictures, photos: Pictures | None) -> None:
        self.segmenter, self.palette, self.labels, self.photos = segmenter, palette, labels, photos
        self._ceiling: dict[str, float] | None = None
        self._truth: dict[int, np.ndarray] = {}
        self.confusion = Confusion(palette.classes)
        if not looks_like(palette, labels.pixels(0)):
            raise UserError(
                f"--drn_weights scores photographs that are made from label maps, but {labels.files[0]} does not have "
                f"the colours of {palette.name}: translate from labels to photographs (--direction), or leave it out."
            )

    def begin(self) -> None:
        self.confusion = Confusion(self.palette.classes)

    def add(self, index: int, picture: np.ndarray) -> None:
        """Count the translation of source `index`, uint8 (H, W, 3)."""
        self.confusion.add(self._labels(index), self.segmenter.label(picture, PROTOCOL_SIZE))

    def measures(self) -> dict[str, float]:
        return self.confusion.scores("segmenter")

    def details(self, check: Callable[[], None]) -> dict[str, Any]:
        """The weights and the ceiling; `check` is called before every photograph and may raise."""
        if self._ceiling is None and self.photos is not None:
            confusion = Confusion(self.palette.classes)
            for index, photo in enumerate(self.photos.all_pixels()):
                check()
                confusion.add(self._labels(index), self.segmenter.label(photo, PROTOCOL_SIZE))
            self._ceiling = confusion.scores("segmenter")
        return {"segmenter": {"network": NETWORK, **self.segmenter.weights, "ceiling": self._ceiling}}

    def _labels(self, index: int) -> np.ndarray:
        if index not in self._truth:
            classes = self.palette.classify(self.labels.pixels(index))
            self._truth[index] = resize_nearest(classes, PROTOCOL_SIZE[::-1])
        return self._truth[index]


def looks_like(palette: Palette, image: np.ndarray) -> bool:
    """Whether most pixels of a picture, uint8 (H, W, 3), have one of the palette's colours."""
    colors = np.array([color for group in (*palette.colors, palette.void) for color in group], np.float32)  # (K, 3)
    pixels = image[::4, ::4].reshape(-1, 1, 3).astype(np.float32)
    nearest = np.sqrt(np.square(pixels - colors).sum(-1).min(1))
    return float((nearest < _NEAR).mean()) > _MOSTLY
