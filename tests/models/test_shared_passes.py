"""The two savings of a step are exact, and are not made where they would not be."""

import pytest
import torch

from cut.models.adversary import judge
from tests.models.test_cut import draws_for, random_batch, tiny


@pytest.mark.parametrize("size", [1, 3])
def test_reusing_and_stacking_change_nothing(size, monkeypatch):
    batch = random_batch(size, height=32, width=48, dtype=torch.float64)
    results = []
    for exact in (True, False):
        model = tiny("--init_gain", "1", dtype=torch.float64)
        model.G.encoder_is_exact = exact
        model.D.per_image = exact
        logs = [model.step(batch, draws_for(model, batch, seed)) for seed in range(2)]
        results.append((logs, [p.detach().clone() for p in model.networks.parameters()]))
    for first, second in zip(results[0][0], results[1][0], strict=True):
        assert all(torch.allclose(first[name], second[name], rtol=1e-10) for name in first)
    for first, second in zip(results[0][1], results[1][1], strict=True):
        assert torch.allclose(first, second, rtol=1e-7, atol=1e-6)  # Adam turns rounding of a zero gradient into a step


@pytest.mark.parametrize("changes", [["--normG", "batch", "--batch_size", "2"], ["--no_dropout", "false"]])
def test_keys_are_not_reused_where_that_is_not_exact(changes):
    model = tiny(*changes)
    batch = random_batch()
    assert model.translate_batch(batch, draws_for(model, batch)).keys is None


def test_batch_norm_of_the_discriminator_sees_fake_and_real_apart():
    model = tiny("--normD", "batch", "--gan_mode", "lsgan")
    fake, real = torch.randn(2, 2, 3, 32, 32)
    together = judge(model.D, fake, real)
    assert torch.equal(together[0], model.D(fake)) and torch.equal(together[1], model.D(real))
