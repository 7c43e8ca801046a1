"""Tiny images to train on, and processes that train on them."""

import numpy as np
import pytest
from PIL import Image

from tests.training.tiny_runs import Launcher, TinyRun


@pytest.fixture(scope="session")
def images(tmp_path_factory):
    """Five images of domain A and four of domain B, 40×36 pixels of noise, and three files of two each as pairs."""
    root = tmp_path_factory.mktemp("images")
    for seed, (side, count) in enumerate({"trainA": 5, "trainB": 4, "train": 3}.items()):
        (root / side).mkdir()
        for number in range(count):
            width = 80 if side == "train" else 40
            pixels = np.random.default_rng([seed, number]).integers(0, 256, (36, width, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / side / f"{number}.png")
    return root


@pytest.fixture(scope="session")
def launcher():
    process = Launcher.start()
    yield process
    process.stop()


@pytest.fixture(scope="session")
def new_run(launcher, images, tmp_path_factory):
    """`new_run(batch_size=2)`: a run that has not started, in a folder of its own."""

    def make(**options) -> TinyRun:
        return TinyRun(launcher, images, tmp_path_factory.mktemp("checkpoints") / "tiny", options)

    return make
