"""Noise that is a fixed function of the place in the picture.

A generator that draws its noise anew on every call cannot translate a picture in tiles: neighbouring tiles would
disagree where they overlap. Read from one field, every tile gets the values that the whole picture would get.
"""

import numpy as np
import torch
from torch import Tensor

CELL = 64  # pixels; the field is drawn in squares of this side, each from a generator of its own


def noise_window(key: tuple[int, ...], top: int, left: int, height: int, width: int) -> Tensor:
    """A window of an endless field of N(0, 1) values; windows that overlap agree where they do.

    Args:
        key: which field, non-negative integers.
        top, left: the window's first row and column in the field, not negative.
        height, width: its size in pixels.

    Returns:
        (height, width), float32, on the CPU; the same on every machine.

    Raises:
        ValueError: the window begins above or left of the field.
    """
    if top < 0 or left < 0:
        raise ValueError(f"the noise field begins at row 0, column 0: there is no window at row {top}, column {left}")
    first_row, first_column = top // CELL, left // CELL
    rows = [
        np.concatenate([_cell(key, row, column) for column in range(first_column, (left + width - 1) // CELL + 1)], 1)
        for row in range(first_row, (top + height - 1) // CELL + 1)
    ]
    window = np.concatenate(rows)[top - first_row * CELL :, left - first_column * CELL :][:height, :width]
    return torch.from_numpy(np.ascontiguousarray(window))


def _cell(key: tuple[int, ...], row: int, column: int) -> np.ndarray:
    return np.random.default_rng((*key, row, column)).standard_normal((CELL, CELL), dtype=np.float32)
