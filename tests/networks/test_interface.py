"""What a method asks of a generator: taps only where it compares features."""

import math

import pytest
import torch
from torch import nn

from cut.data.batch import Batch
from cut.errors import UserError
from cut.networks.interface import Generator
from cut.options import train_options
from cut.registry import GENERATORS, MODELS

TINY = ["--netG", "plain", "--netD", "pixel", "--ndf", "2", "--load_size", "16", "--crop_size", "16"]


class Plain(Generator):
    """One convolution, and no taps."""

    def __init__(self, input_nc: int = 3, output_nc: int = 3):
        super().__init__()
        self.layer = nn.Conv2d(input_nc, output_nc, 3, padding=1)

    def forward(self, image):
        return self.layer(image).tanh()


@pytest.fixture
def method(register):
    """`method("cycle_gan")`: with plain generators."""
    register(GENERATORS, "plain", Plain)
    return lambda model: MODELS[model].factory(train_options(["--model", model, *TINY]))


def test_without_taps_there_is_nothing_for_cut_to_compare(method):
    with pytest.raises(UserError, match="^--netG plain has no feature taps, which --model cut compares"):
        method("cut")


def test_cyclegan_trains_and_translates_without_taps(method):
    cyclegan = method("cycle_gan")
    batch = Batch(*torch.rand(2, 1, 3, 16, 16) * 2 - 1)
    before = cyclegan.translate(batch.source)
    assert all(math.isfinite(value) for value in cyclegan.step(batch, cyclegan.draw(batch)).values())
    assert cyclegan.translate(batch.source).shape == before.shape
    assert not torch.equal(cyclegan.translate(batch.source), before)


def test_a_window_is_translated_like_an_image_where_no_noise_is_added():
    generator, window = Plain(), torch.rand(1, 3, 8, 12)
    assert torch.equal(generator.translate_window(window, seed=3, corner=(4, 8)), generator(window))
