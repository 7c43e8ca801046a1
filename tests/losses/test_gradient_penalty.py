"""Gradient penalties on discriminators whose gradient is known."""

import pytest
import torch

from cut.losses.gradient_penalty import r1_penalty, wgan_penalty

REAL = torch.randn(3, 2, 4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
FAKE = torch.randn(3, 2, 4, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
MIX = torch.tensor([0.0, 0.3, 1.0], dtype=torch.float64).reshape(3, 1, 1, 1)


def linear(scale: float):
    """D(x) = ⟨w, x⟩ with ‖w‖ = `scale`, which requires a gradient."""
    weight = torch.ones(2, 4, 5, dtype=torch.float64) * scale / 40**0.5
    weight.requires_grad_()
    return weight, lambda images: (images * weight).sum((1, 2, 3), keepdim=True)


def test_r1_of_a_linear_discriminator_is_half_its_squared_length():
    weight, discriminator = linear(3.0)
    real = REAL.clone().requires_grad_()
    penalty = r1_penalty(discriminator(real), real)
    assert penalty.item() == pytest.approx(0.5 * 9)
    penalty.backward()
    torch.testing.assert_close(weight.grad, weight.detach())  # d(½‖w‖²)/dw = w


def test_r1_of_a_square_is_twice_the_mean_squared_length():
    real = REAL.clone().requires_grad_()
    penalty = r1_penalty(real.square().flatten(1).sum(1), real)  # ∇ = 2x
    assert penalty.item() == pytest.approx(2 * REAL.square().flatten(1).sum(1).mean().item())


@pytest.mark.parametrize("scale", [0.25, 1.0, 3.0])
def test_wgan_penalty_of_a_linear_discriminator(scale):
    weight, discriminator = linear(scale)
    penalty = wgan_penalty(discriminator, REAL, FAKE, MIX)
    assert penalty.item() == pytest.approx((scale - 1) ** 2, abs=1e-9)
    penalty.backward()
    torch.testing.assert_close(weight.grad, 2 * (scale - 1) * weight.detach() / scale, atol=1e-9, rtol=1e-6)


def test_wgan_penalty_looks_between_real_and_fake_image_by_image():
    seen = []

    def discriminator(images):
        seen.append(images.detach())
        return images.square().sum((1, 2, 3)) / 2  # ∇ = x̂

    between = MIX * REAL + (1 - MIX) * FAKE
    expected = (between.flatten(1).norm(dim=1) - 1).square().mean()
    torch.testing.assert_close(wgan_penalty(discriminator, REAL, FAKE, MIX), expected)
    torch.testing.assert_close(seen[0], between)
    assert torch.equal(seen[0][0], FAKE[0]) and torch.equal(seen[0][2], REAL[2])


def test_a_flat_discriminator_has_a_finite_gradient():
    weight = torch.zeros((), dtype=torch.float64, requires_grad=True)
    penalty = wgan_penalty(lambda images: images.flatten(1).sum(1) * weight, REAL, FAKE, MIX)
    penalty.backward()
    assert penalty.item() == pytest.approx(1) and torch.isfinite(weight.grad)


def test_translations_get_no_gradient():
    fake = FAKE.clone().requires_grad_()
    wgan_penalty(linear(2.0)[1], REAL, fake, MIX).backward()
    assert fake.grad is None
