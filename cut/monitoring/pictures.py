"""Tensors → pictures to display."""

from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from cut.data.images import to_8bit

MAGENTA = np.array((255, 0, 255), np.uint8)  # a colour that hardly any image has


def first_of_batch(images: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """The first picture of each (B, C, H, W) tensor in [−1, 1], as uint8 RGB (H, W, 3), rounded; the order is kept.

    Pixels that are not finite become magenta.
    """
    return {label: _picture(batch[0]) for label, batch in images.items()}


def not_finite(images: Mapping[str, Tensor]) -> list[str]:
    """The labels of those whose first picture has pixels that are not finite."""
    return [label for label, batch in images.items() if not batch[0].isfinite().all()]


def grid(pictures: Sequence[np.ndarray], columns: int, gap: int = 2) -> np.ndarray:
    """Pictures of any sizes side by side on white, row by row: uint8 (H, W, 3).

    Each cell is as large as the largest picture; smaller ones are centred in theirs.
    """
    columns = max(1, min(columns, len(pictures)))
    rows = -(-len(pictures) // columns)
    height = max(picture.shape[0] for picture in pictures) + gap
    width = max(picture.shape[1] for picture in pictures) + gap
    canvas = np.full((rows * height, columns * width, 3), 255, np.uint8)
    for index, picture in enumerate(pictures):
        h, w = picture.shape[:2]
        top = index // columns * height + (height - h) // 2
        left = index % columns * width + (width - w) // 2
        canvas[top : top + h, left : left + w] = picture
    return canvas


def cell_size(pictures: Sequence[Tensor]) -> tuple[int, int]:
    """(width, height) in pixels that hold each of these (C, H, W) pictures."""
    return max(picture.shape[-1] for picture in pictures), max(picture.shape[-2] for picture in pictures)


def picture_row(pictures: Sequence[Tensor], cell: tuple[int, int]) -> np.ndarray:
    """Pictures (C, H, W) in [−1, 1] side by side, each at the top left of a white cell of (width, height).

    A picture larger than the cell is cropped. Returns uint8 RGB (H, W, 3).
    """
    row = np.full((cell[1], len(pictures) * cell[0], 3), 255, np.uint8)
    for index, picture in enumerate(pictures):
        shown = _rgb(to_8bit(picture))[: cell[1], : cell[0]]
        row[: shown.shape[0], index * cell[0] : index * cell[0] + shown.shape[1]] = shown
    return row


def _picture(image: Tensor) -> np.ndarray:
    finite = image.isfinite().all(dim=0).cpu().numpy()[..., None]  # (H, W, 1)
    return np.where(finite, _rgb(to_8bit(image.nan_to_num())), MAGENTA)


def _rgb(picture: np.ndarray) -> np.ndarray:
    channels = picture.shape[-1]
    if channels >= 3:
        return picture[..., :3]
    return np.repeat(picture[..., :1], 3, axis=-1)  # grayscale; a second channel has no colour to show
