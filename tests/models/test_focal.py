"""Steps with focal PatchNCE, `--nce_loss focal`."""

import math

import pytest
import torch

from tests.models.test_cut import draws_for, random_batch, tiny
from tests.models.test_sincut import small


@pytest.mark.parametrize("form", ["constant", "full"])
@pytest.mark.parametrize("mode", ["CUT", "FastCUT"])
def test_focal_without_focus_takes_the_steps_of_cross_entropy(mode, form):
    plain = tiny("--CUT_mode", mode)
    focal = ["--nce_loss", "focal", "--focal_gamma", "0", "--focal_alpha", "1", "--focal_gradient", form]
    unfocused = tiny("--CUT_mode", mode, *focal)
    for seed in range(2):
        logs = [model.step(random_batch(), draws_for(plain, random_batch(), seed)) for model in (plain, unfocused)]
        assert all(torch.equal(logs[0][name], logs[1][name]) for name in logs[0])
    weights = [model.networks.state_dict().values() for model in (plain, unfocused)]
    assert all(torch.equal(first, second) for first, second in zip(*weights, strict=True))


def test_focal_weighs_every_pair_and_leaves_the_discriminator_alone():
    """At γ = 0, α = ½ both PatchNCE parts halve in the first step; no other loss changes."""
    batch = random_batch()
    plain, halved = tiny(), tiny("--nce_loss", "focal", "--focal_gamma", "0", "--focal_alpha", "0.5")
    logs = [model.step(batch, draws_for(plain, batch)) for model in (plain, halved)]
    for name, value in logs[1].items():
        expected = logs[0][name] / 2 if name.startswith("NCE") else logs[0][name]
        assert name == "G" or value.item() == pytest.approx(expected.item(), rel=1e-6), name


@pytest.mark.parametrize("form", ["constant", "full"])
def test_focal_patchnce_under_sincut(form):
    """γ = 0, α = 1 is SinCUT's own step; with focus every loss stays finite."""
    batch = random_batch(3)
    focal = ["--nce_loss", "focal", "--focal_gradient", form]
    models = [small(), small(*focal, "--focal_gamma", "0", "--focal_alpha", "1"), small(*focal)]
    plain, unfocused, focused = [model.step(batch, draws_for(models[0], batch)) for model in models]
    assert all(torch.equal(plain[name], unfocused[name]) for name in plain)
    assert focused["NCE"] < plain["NCE"] / 4 and all(math.isfinite(value) for value in focused.values())
