"""SimDCL's step against a run of the authors' code, its similarity loss, and what it refuses."""

import pytest
import torch

from cut.errors import UserError
from cut.models.simdcl import SimDCLDraws
from cut.options import train_options
from cut.registry import MODELS
from tests.models.test_cut import draws_for, random_batch
from tests.models.test_dcl import (
    check_defaults,
    check_losses,
    check_published_files,
    recorded_model,
    recorded_positions,
)
from tests.reference_runs import ReferenceRun

TINY = ["--model", "simdcl", "--dataroot", "x", "--netG", "resnet_4blocks", "--ngf", "2", "--ndf", "2"]
TINY += ["--load_size", "64", "--crop_size", "64", "--netD", "n_layers", "--n_layers_D", "2"]


def recorded_draws(run, step):
    names = {"patches_A": "A", "patches_B": "B", "similar_A": "A_sim", "similar_B": "B_sim"}
    return SimDCLDraws((None,), (None,), **{own: recorded_positions(run, step, side) for own, side in names.items()})


def tiny(*words, **build):
    return MODELS["simdcl"].factory(train_options([*TINY, *words]), **build)


def test_losses_of_all_steps():
    run = ReferenceRun.load("simdcl")
    check_losses(run, recorded_draws, torch.float64, 1e-9)
    check_losses(run, recorded_draws, torch.float32, 1e-4)


def test_gradients_of_the_first_step():
    run = ReferenceRun.load("simdcl")
    model = recorded_model(run)
    model.step(run.sides(0, torch.float64), recorded_draws(run, 0))
    run.assert_gradients(model.networks)


def test_exported_names_and_shapes_are_the_published_ones():
    check_published_files(ReferenceRun.load("simdcl"))


def test_its_defaults_are_those_of_the_authors_code():
    check_defaults(ReferenceRun.load("simdcl"))


def test_all_heads_have_the_rate_and_betas_of_the_options():
    model = tiny("--lr", "1e-3", "--beta1", "0.3")
    (heads,) = model.optimizers["F"].param_groups
    assert (heads["lr"], heads["betas"]) == (1e-3, (0.3, 0.999))
    assert len(heads["params"]) == sum(len(list(model.networks[f"F{n}"].parameters())) for n in range(1, 7))


def test_weights_of_the_losses():
    """PatchNCE and identity have none; D is logged as it is."""
    words = ["--lambda_GAN", "3", "--lambda_NCE", "5", "--lambda_SIM", "7"]
    plain, weighted = tiny(dtype=torch.float64), tiny(*words, dtype=torch.float64)
    batch = random_batch(1, 64, 64, dtype=torch.float64)
    logs, weighted_logs = (model.step(batch, draws_for(model, batch)) for model in (plain, weighted))
    weights = {"G_A": 3, "G_B": 3, "Sim": 0.7, "G": weighted_logs["G"] / logs["G"]}
    for name, value in logs.items():
        assert weighted_logs[name].item() == pytest.approx(float(weights.get(name, 1) * value), rel=1e-12), name
    halves = [weighted_logs[name].item() for name in ("G_A", "G_B", "NCE1", "NCE2", "idt_A", "idt_B")]
    assert weighted_logs["G"].item() == pytest.approx(sum(halves) / 2 + weighted_logs["Sim"].item())


def test_everything_but_the_discriminators_learns_from_the_similarity_loss():
    """Keys too: with all other weights 0, the encoders of the real images get gradients from it."""
    model, batch = tiny(), random_batch(1, 64, 64)
    to_B, to_A = model.translate_both(batch, model.own.taps)
    model.generator_loss(batch, to_B, to_A, draws_for(model, batch))[1]["Sim"].backward()
    for name, network in model.networks.items():
        learns = [weight.grad is not None and bool(weight.grad.any()) for weight in network.parameters()]
        assert any(learns) != name.startswith("D"), name
    assert all(key.grad_fn is not None for key in to_B.keys)


def test_equal_vectors_are_not_apart():
    model, vectors = tiny(), list(torch.randn(4, 1, 256, 256))
    assert model.apart("F3", vectors, "F3", vectors) == 0
    assert model.apart("F3", vectors, "F6", vectors) > 0


def test_a_step_reads_no_value():
    """On `meta`, whose tensors have none; pools, averages and moments begin."""
    model = MODELS["simdcl"].factory(train_options([*TINY, "--pool_size", "1", "--ema_decay", "0.9"]), "meta")
    batch = random_batch(1, 64, 64)
    for step in range(2):
        logs = model.train_step(batch, model.draw_share(batch, torch.Generator(), 1, 2, step))
        model.move_averages(step)
        assert all(loss.is_meta and loss.ndim == 0 for loss in logs.values())


def test_dropout_draws_anew_for_the_similarity_loss():
    model, batch = tiny("--no_dropout", "false"), random_batch(1, 64, 64)
    first, second = model.encode_twice(model.encoder_B, batch.target)
    assert not torch.equal(first[-1], second[-1])
    assert model.step(batch, draws_for(model, batch))["Sim"] > 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--batch_size", "4"], "one image of each domain at a time: --batch_size is 4 but must be 1"),
        (["--num_patches", "64"], "--num_patches is 64 but must be 256: SimDCL's networks F3 to F6"),
        (["--netF_nc", "128"], "--netF_nc is 128 but must be 256"),
        (["--netF", "sample"], "the published program listed but crashed on; choose one of mlp_sample"),
        (["--lambda_NCE", "0"], "--lambda_NCE is 0.0 but must be"),
        (
            ["--crop_size", "60"],
            "tap 12 of --netG resnet_4blocks has 15×15 positions",
        ),
        (["--lambda_IDT", "2"], "--lambda_IDT belongs to --model dcl, but the model is simdcl"),
        (["--DCL_mode", "DCL"], "choose one of SIM"),
    ],
)
def test_what_does_not_fit_is_refused_before_the_first_step(words, sentence):
    with pytest.raises(UserError, match=sentence):
        tiny(*words)


def test_sizes_are_checked_both_ways():
    model = tiny()
    model.check_size(128, 32)
    with pytest.raises(UserError, match="tap 12 .* has 16×15 positions for images of 64×60 pixels"):
        model.check_size(64, 60)
