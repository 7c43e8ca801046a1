"""Small data sets made for a test."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import cut  # noqa: F401  fills the registries
from cut.options import test_options, train_options


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    """An RGB picture in which no two pixels are alike by plan."""
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.fixture
def make_images(tmp_path):
    """`make_images({"trainA": 3, "trainB": 2}, size=(20, 16))` writes PNG files and returns their root."""

    def make(counts: dict[str, int], size: tuple[int, int] = (20, 16)) -> Path:
        for folder, count in counts.items():
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
            for number in range(count):
                seed = sum(map(ord, folder)) * 100 + number
                noise(*size, seed=seed).save(tmp_path / folder / f"{number:03}.png")
        return tmp_path

    return make


@pytest.fixture
def train():
    """`train(root, "--batch_size", "2")`: options of a small training run on the CPU."""

    def make(root: Path, *arguments: str):
        small = ("--load_size", "16", "--crop_size", "12", "--num_threads", "0", "--gpu_ids", "-1")
        return train_options(["--dataroot", str(root), *small, *arguments])

    return make


@pytest.fixture
def test():
    """The same for testing."""

    def make(root: Path, *arguments: str):
        small = ("--load_size", "16", "--crop_size", "12", "--num_threads", "0", "--gpu_ids", "-1")
        return test_options(["--dataroot", str(root), *small, *arguments])

    return make
