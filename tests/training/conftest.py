"""Tiny images to train on, and processes that train on them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.training.tiny_runs import Launcher, TinyRun


def noise(root: Path, counts: dict[str, int]) -> Path:
    """Folders with so many images of noise, 40×36 pixels; `train` has pairs of these, side by side."""
    for seed, (side, count) in enumerate(counts.items()):
        (root / side).mkdir()
        for number in range(count):
            width = 80 if side == "train" else 40
            pixels = np.random.default_rng([seed, number]).integers(0, 256, (36, width, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / side / f"{number}.png")
    return root


@pytest.fixture(scope="session")
def images(tmp_path_factory):
    """Five images of domain A and four of domain B, and three files of two each as pairs."""
    return noise(tmp_path_factory.mktemp("images"), {"trainA": 5, "trainB": 4, "train": 3})


@pytest.fixture(scope="session")
def eight_images(tmp_path_factory):
    """Eight images of each domain."""
    return noise(tmp_path_factory.mktemp("eight"), {"trainA": 8, "trainB": 8})


@pytest.fixture(scope="session")
def two_images(tmp_path_factory):
    """One image of each domain."""
    return noise(tmp_path_factory.mktemp("two"), {"trainA": 1, "trainB": 1})


@pytest.fixture(scope="session")
def launcher():
    process = Launcher.start()
    yield process
    process.stop()


@pytest.fixture(scope="session")
def new_run(launcher, images, tmp_path_factory):
    """`new_run(batch_size=2)`: a run that has not started, in a folder of its own."""

    def make(method: str = "cut", **options) -> TinyRun:
        return TinyRun(launcher, images, tmp_path_factory.mktemp("checkpoints") / "tiny", options, method)

    return make
