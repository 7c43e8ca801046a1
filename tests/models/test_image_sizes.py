"""Image sizes are checked before anything is made, and only what comes of the size is called a size."""

import pytest
import torch
from torch import nn

from cut.errors import UserError
from cut.models.image_sizes import TapShapes, fits
from cut.networks.interface import Generator
from cut.networks.stylegan2_discriminator import StyleGAN2Discriminator
from cut.options import train_options
from cut.registry import GENERATORS, MODELS

SMALL = ["--netG", "resnet_4blocks", "--ngf", "4", "--ndf", "4", "--load_size", "32", "--crop_size", "32"]


def build(model: str, *words: str):
    return MODELS[model].factory(train_options(["--model", model, *SMALL, *words]))


class WrongNorm(Generator):
    """Its norm expects five channels and gets four, whatever the size of the image."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(5), nn.Conv2d(4, 3, 1))

    def forward(self, image):
        return self.layers(image)


def test_a_bug_of_a_layer_is_reported_as_that_bug(register):
    register(GENERATORS, "wrong", WrongNorm)
    with pytest.raises(RuntimeError, match="running_mean") as error:
        build("cycle_gan", "--netG", "wrong")
    assert "do not fit" not in str(error.value)


@pytest.mark.parametrize("model", ["cut", "cycle_gan"])
def test_too_small_images_are_one_sentence_also_for_two_networks_of_a_kind(model):
    words = ["--load_size", "12", "--crop_size", "12", "--netD", "n_layers", "--n_layers_D", "4"]
    with pytest.raises(UserError) as error:
        build(model, *words, *(["--nce_layers", "0"] if model == "cut" else []))
    assert error.value.problems == (
        "Images of 12×12 pixels do not fit --netD n_layers: use a larger --crop_size or fewer layers.",
    )


def test_a_network_of_one_size_takes_that_size():
    method = build("cycle_gan", "--netD", "stylegan2", "--ndf", "1")
    method.check_size(32, 32)
    with pytest.raises(UserError, match="Images of 40×32 pixels do not fit --netD stylegan2"):
        method.check_size(40, 32)


def test_a_size_is_refused_where_another_one_works():
    with torch.device("meta"):
        network = StyleGAN2Discriminator(3, ndf=1, load_size=32, crop_size=32)
    assert fits(network, 3, 32, 32)
    assert not fits(network, 3, 48, 32, sides=(32,))
    with pytest.raises(ValueError, match="judges images of 32×32 pixels"):
        fits(network, 3, 48, 32)  # nothing says that it takes 32×32


def test_nothing_left_of_an_image_is_too_small():
    assert fits(lambda image: image[..., 8:], 3, 9, 1) and not fits(lambda image: image[..., 8:], 3, 8, 1)


def test_shapes_at_the_taps_are_those_of_the_features():
    options = train_options(SMALL)
    shapes = TapShapes(options, (0, 4, 8)).tap_shapes(40, 32)
    network = GENERATORS.build("resnet_4blocks", ngf=4)
    assert shapes == [feature.shape[1:] for feature in network.encode(torch.rand(1, 3, 40, 32), (0, 4, 8))]
    with pytest.raises(UserError, match="Images of 2×2 pixels are too small for the taps 0,4,8 of --netG resnet_4bl"):
        TapShapes(options, (0, 4, 8)).tap_shapes(2, 2)


def test_a_discriminator_that_is_too_deep():
    options = train_options(["--dataroot", "x", "--netD", "n_layers", "--n_layers_D", "9", "--ndf", "1", "--ngf", "1"])
    with pytest.raises(UserError, match="use a larger --crop_size or fewer layers"):
        MODELS["cut"].factory(options)
