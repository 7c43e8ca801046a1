"""SSIM where the answer is known in closed form."""

import numpy as np
import pytest

from cut.evaluation.measures.ssim import ssim


def flat(value, height=16, width=16, channels=3):
    return np.full((height, width, channels), value, np.uint8)


@pytest.fixture
def noise():
    return np.random.default_rng(0).integers(0, 256, (20, 24, 3), np.uint8)


def test_ssim_of_equal_images_is_one(noise):
    assert ssim(noise, noise) == pytest.approx(1)


@pytest.mark.parametrize("channels", [1, 3])
def test_ssim_of_flat_images_is_its_luminance_term(channels):
    c1 = (0.01 * 255) ** 2
    expected = (2 * 100 * 150 + c1) / (100**2 + 150**2 + c1)
    assert ssim(flat(100, channels=channels), flat(150, channels=channels)) == pytest.approx(expected)


def test_ssim_is_that_of_the_paper(noise):
    """Equation 13 of Wang et al., position by position, with the 11 × 11 Gaussian of σ = 1.5."""
    other = (noise // 2 + 40).astype(np.uint8)
    line = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    window = np.outer(line, line) / np.outer(line, line).sum()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    values = []
    for channel in range(3):
        x, y = (image[..., channel].astype(float) for image in (noise, other))
        for top in range(20 - 10):
            for left in range(24 - 10):
                a, b = x[top : top + 11, left : left + 11], y[top : top + 11, left : left + 11]
                mean_a, mean_b = (window * a).sum(), (window * b).sum()
                var_a, var_b = (window * (a - mean_a) ** 2).sum(), (window * (b - mean_b) ** 2).sum()
                covariance = (window * (a - mean_a) * (b - mean_b)).sum()
                luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
                values.append(luminance * (2 * covariance + c2) / (var_a + var_b + c2))
    assert ssim(noise, other) == pytest.approx(np.mean(values), rel=1e-9)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 30), (10, 10), (11, 11)])
def test_images_smaller_than_the_window(height, width):
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    assert ssim(image, image) == pytest.approx(1)
    assert ssim(flat(0, height, width), flat(255, height, width)) == pytest.approx(1e-4, rel=1e-3)


def test_the_order_of_the_two_changes_nothing(noise):
    other = noise[::-1].copy()
    assert ssim(noise, other) == pytest.approx(ssim(other, noise), rel=1e-12)
    assert type(ssim(noise, other)) is float
