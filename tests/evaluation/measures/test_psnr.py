"""PSNR where the answer is known in closed form."""

import math

import numpy as np
import pytest

from cut.evaluation.measures.psnr import psnr


def flat(value, height=16, width=16, channels=3):
    return np.full((height, width, channels), value, np.uint8)


@pytest.fixture
def noise():
    return np.random.default_rng(0).integers(0, 256, (20, 24, 3), np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
def test_psnr_of_a_constant_error(channels):
    assert psnr(flat(100, channels=channels), flat(110, channels=channels)) == pytest.approx(20 * math.log10(25.5))


def test_psnr_of_opposites_is_zero():
    assert psnr(flat(0), flat(255)) == 0


def test_psnr_of_equal_images_is_finite_and_no_other_is_above():
    assert psnr(flat(7), flat(7)) == 100
    nearly = flat(7, 300, 300)
    nearly[0, 0, 0] += 1
    assert psnr(flat(7, 300, 300), nearly) == 100  # 10 log₁₀(255² · 270,000) = 102.4


def test_the_order_of_the_two_changes_nothing(noise):
    other = noise[::-1].copy()
    assert psnr(noise, other) == pytest.approx(psnr(other, noise), rel=1e-12)
    assert type(psnr(noise, other)) is float
