"""What is said about data and options before the first step."""

import numpy as np
import pytest
from PIL import Image

from cut.data.loader import make_dataset
from cut.options import train_options
from cut.training.notices import is_uniform, notices


@pytest.fixture
def data(tmp_path):
    """Ten images a side, the first two of A of one colour with a little noise."""
    rng = np.random.default_rng(0)
    for side in "AB":
        (tmp_path / f"train{side}").mkdir()
        for number in range(10):
            spread = 3 if side == "A" and number < 2 else 200
            values = rng.integers(0, spread, (8, 8, 3)).repeat(8, 0).repeat(8, 1) + 20
            Image.fromarray(values.astype(np.uint8)).save(tmp_path / f"train{side}" / f"{number}.png")
    return tmp_path


def said(data, *words):
    options = train_options(["--dataroot", str(data), "--crop_size", "32", "--load_size", "32", *words])
    return notices(options, make_dataset(options))


def test_nearly_uniform_images_and_a_norm_that_hides_their_level(data):
    (sentence,) = said(data)
    assert sentence.startswith("2 of 10 source images are nearly uniform, and --normG instance hides their level")
    assert "--normG layer or group" in sentence


@pytest.mark.parametrize(
    "words",
    [["--normG", "layer"], ["--normG", "group"], ["--direction", "BtoA"], ["--netG", "stylegan2"]],
)
def test_nothing_is_said_where_there_is_nothing_to_say(data, words):
    assert not said(data, *words)


def test_no_norm_with_the_published_initial_weights(data):
    (sentence,) = said(data, "--normG", "none")
    assert "--init_type xavier --init_gain 1" in sentence
    assert not said(data, "--normG", "none", "--init_gain", "1")


def test_fine_noise_on_one_color_is_nearly_uniform_and_a_gradient_is_not():
    noise = np.random.default_rng(0).integers(0, 255, (512, 512), dtype=np.uint8)
    assert is_uniform(Image.fromarray(noise))
    assert not is_uniform(Image.fromarray(np.tile(np.arange(256, dtype=np.uint8), (256, 1))))
