"""Differentiable augmentation: what each change may do, that it is differentiable, and that each image has its own."""

import pytest
import torch

from cut.networks.diffaugment import AUGMENTATIONS, DiffAugment, change_color, cut_out, translate
from cut.options.machinery.words import AUGMENTATION_WORDS


def images(count=400, height=16, width=24):
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(0)).mul(2).sub(1)


def test_the_words_of_the_option_are_those_that_exist():
    assert tuple(AUGMENTATIONS) == AUGMENTATION_WORDS


def test_none_leaves_images_as_they_are():
    picture = images(2)
    assert DiffAugment()(picture) is picture


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_random_numbers_are_the_global_generators_and_differ_between_images(name):
    same = images(1).expand(2, -1, -1, -1)
    torch.manual_seed(1)
    changed = DiffAugment([name])(same)
    torch.manual_seed(1)
    assert torch.equal(changed, DiffAugment([name])(same))
    assert not torch.equal(changed[0], changed[1])
    assert changed.shape == same.shape


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_gradients_pass(name):
    picture = images(2).double().requires_grad_()

    def augmented(value):
        torch.manual_seed(3)
        return DiffAugment([name])(value)

    assert torch.autograd.gradcheck(augmented, picture[:, :, :4, :4].detach().requires_grad_())
    augmented(picture).sum().backward()
    assert picture.grad.abs().sum() > 0


def test_brightness_saturation_and_contrast_keep_to_their_ranges():
    torch.manual_seed(0)
    grey = torch.zeros(2000, 3, 2, 2)  # nothing to saturate, nothing to contrast: brightness alone
    moved = change_color(grey)[:, 0, 0, 0]
    assert -0.5 <= moved.min() < -0.49 and 0.49 < moved.max() <= 0.5
    step = torch.tensor([-0.5, 0.5]).view(1, 1, 1, 2).expand(2000, 3, 1, 2)  # grey too: brightness and contrast
    contrast = change_color(step).diff(dim=3)[:, 0, 0, 0]
    assert 0.5 <= contrast.min() < 0.51 and 1.49 < contrast.max() <= 1.5
    red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1).expand(2000, 3, 1, 1)
    colored = change_color(red)
    strength = colored[:, 0] - colored[:, 1]  # saturation times contrast
    assert 0 <= strength.min() < 0.05 and 2.5 < strength.max() <= 3


def test_translation_shifts_by_up_to_an_eighth_and_fills_with_zeros():
    height, width = 16, 24
    pixels = torch.arange(1.0, height * width + 1).view(1, 1, height, width).expand(500, 3, -1, -1)
    torch.manual_seed(0)
    seen = set()
    for moved in translate(pixels):
        known = moved[0].nonzero()[0].tolist()
        value = int(moved[0][known[0], known[1]]) - 1
        shift = (known[0] - value // width, known[1] - value % width)
        seen.add(shift)
        padded = torch.zeros(height + 8, width + 8)
        padded[4 + shift[0] : 4 + shift[0] + height, 4 + shift[1] : 4 + shift[1] + width] = pixels[0, 0]
        assert torch.equal(moved[0], padded[4:-4, 4:-4])
    assert seen == {(down, right) for down in range(-2, 3) for right in range(-3, 4)}


def test_cutout_sets_half_of_each_side_to_zero():
    torch.manual_seed(0)
    holes = cut_out(torch.ones(1000, 3, 16, 24))[:, 0] == 0
    heights, widths = holes.any(2).sum(1), holes.any(1).sum(1)
    assert torch.equal(holes.sum((1, 2)), heights * widths)  # a rectangle
    assert heights.max() == 8 and widths.max() == 12 and heights.min() >= 4 and widths.min() >= 6
    assert holes.any(0).all()  # anywhere


def test_no_result_is_read_back_from_the_device():
    picture = torch.empty(2, 3, 16, 16, device="meta")
    assert DiffAugment(list(AUGMENTATIONS))(picture).shape == picture.shape
