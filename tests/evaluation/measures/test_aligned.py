"""Scores of pairs, and which files are pairs."""

import math
from pathlib import Path

import numpy as np
import pytest

from cut.errors import UserError
from cut.evaluation.measures.aligned import AlignedScores, aligned_pairs
from cut.evaluation.measures.paired import psnr, ssim
from cut.evaluation.measures.palette import Palette
from cut.measures import MEASURES

BLACK_AND_WHITE = Palette("black and white", ("black", "white"), (((0, 0, 0),), ((255, 255, 255),)))


def noise(seed, channels=3):
    return np.random.default_rng(seed).integers(0, 256, (12, 14, channels), np.uint8)


def test_images_count_equally_and_pixels_of_all_images_together():
    real, half = np.zeros((12, 12, 3), np.uint8), np.zeros((12, 12, 3), np.uint8)
    half[:6] = 255
    scores = AlignedScores(BLACK_AND_WHITE)
    scores.add(real, real)
    scores.add(real, half)
    measures = scores.measures()
    assert list(measures) == [measure.label for measure in MEASURES.values() if measure.pairs]
    assert measures["PSNR"] == pytest.approx((100 + 10 * math.log10(2)) / 2)
    assert measures["SSIM"] == pytest.approx((1 + ssim(real, half)) / 2)
    assert measures["pixel accuracy"] == measures["class accuracy"] == 0.75
    assert measures["mean IoU"] == 0.375  # black 3/4, white 0
    assert {type(value) for value in measures.values()} == {float}


@pytest.mark.parametrize("channels", [1, 3])
def test_without_a_palette_no_classes(channels):
    real, fake = noise(0, channels), noise(1, channels)
    scores = AlignedScores()
    scores.add(real, fake)
    assert scores.measures() == {"PSNR": psnr(real, fake), "SSIM": ssim(real, fake)}


def test_the_order_of_pairs_changes_nothing():
    pairs = [(noise(index), noise(index + 10)) for index in range(4)]
    forth, back = AlignedScores(BLACK_AND_WHITE), AlignedScores(BLACK_AND_WHITE)
    for real, fake in pairs:
        forth.add(real, fake)
    for real, fake in reversed(pairs):
        back.add(real, fake)
    assert forth.measures() == pytest.approx(back.measures(), rel=1e-12)


def test_no_pairs_no_scores():
    assert AlignedScores().measures() == AlignedScores(BLACK_AND_WHITE).measures() == {}


def test_sizes_that_differ_name_the_pair():
    with pytest.raises(UserError, match=r"the pair street/7 differ in size: .* 14×12 .* 14×11 "):
        AlignedScores().add(noise(0), noise(0)[:11], name="street/7")


def paths(*names):
    return [Path(name) for name in names]


def test_pairs_are_equal_names_whatever_their_suffix_and_order():
    sources, targets = paths("valA/x/1.png", "valA/2.jpg"), paths("valB/2.png", "valB/x/1.png")
    assert aligned_pairs(sources, targets) == [(sources[1], targets[0]), (sources[0], targets[1])]


@pytest.mark.parametrize(
    ("sources", "targets"),
    [
        (["valA/1.png"], ["valB/2.png"]),
        (["valA/1.png", "valA/2.png"], ["valB/1.png"]),
        (["valA/x/1.png", "valA/2.png"], ["valB/1.png", "valB/2.png"]),
        (["valA/1.png", "valA/1.jpg"], ["valB/1.png", "valB/1.jpg"]),
        ([], []),
    ],
)
def test_no_pairs_where_names_differ_or_stand_twice(sources, targets):
    assert aligned_pairs(paths(*sources), paths(*targets)) == []
