"""DCLGAN's step against runs of the authors' code, and what its options mean."""

import numpy as np
import pytest
import torch

from cut.data.batch import Batch
from cut.errors import UserError
from cut.models import shared_passes
from cut.models.dcl import DCLDraws
from cut.networks.weights import export_weights
from cut.options import train_options
from cut.registry import MODELS
from tests.models.test_cut import draws_for, random_batch
from tests.reference_runs import NOT_OPTIONS, ReferenceRun, fill

RUNS = ["dcl", "dcl_lsgan", "dcl_batch2"]
TINY = ["--model", "dcl", "--dataroot", "x", "--netG", "resnet_4blocks", "--ngf", "4", "--ndf", "4", "--netF_nc", "8"]
TINY += ["--load_size", "32", "--crop_size", "32", "--netD", "n_layers", "--n_layers_D", "2", "--num_patches", "6"]


def recorded_model(run, dtype=torch.float64):
    recorded = {name: value for name, value in run.facts["options"].items() if name not in NOT_OPTIONS}
    options = train_options(["--model", recorded["model"], "--dataroot", "x"]).replace(**recorded)
    model = MODELS[options.run.model].factory(options, dtype=dtype)
    for name, network in model.networks.items():
        fill(network, run.facts["weights"][name])
    return model


def recorded_positions(run, step, side):
    return tuple(torch.from_numpy(run.numbers[f"step{step}/patch_ids/{side}/{tap}"]).long() for tap in range(4))


def recorded_draws(run, step):
    no_pool = (None,) * run.facts["options"]["batch_size"]
    patches_A, patches_B = (recorded_positions(run, step, side) for side in "AB")
    return DCLDraws(no_pool, no_pool, patches_A=patches_A, patches_B=patches_B)


def check_losses(run, draws_of, precision, tolerance):
    """The recorded losses of all steps."""
    model = recorded_model(run, precision)
    recorded = run.facts["losses_float64" if precision == torch.float64 else "losses"]
    for step, expected in enumerate(recorded):
        logs = model.step(run.sides(step, precision), draws_of(run, step))
        assert list(logs) == list(expected)
        for loss, value in expected.items():
            assert logs[loss].item() == pytest.approx(value, rel=tolerance), f"step {step}: {loss}"


def check_published_files(run):
    model = recorded_model(run)
    assert set(model.networks) == set(run.facts["weights"])
    for network, recorded in run.facts["weights"].items():
        exported = {key: list(value.shape) for key, value in export_weights(model.networks[network]).items()}
        assert exported == dict(recorded["parameters"] + recorded["buffers"])


def check_defaults(run):
    recorded, flat = run.facts["options"], train_options(["--model", run.facts["options"]["model"]]).flat()
    made_small = {"ngf", "ndf", "load_size", "crop_size", "netF_nc", "num_patches"}
    shown_otherwise = {"gpu_ids", "max_dataset_size", "display_id"}
    names = recorded.keys() - made_small - shown_otherwise - {"isTrain"}
    assert names <= flat.keys() and {name: flat[name] for name in names} == {name: recorded[name] for name in names}
    assert flat["netF_nc"] == flat["num_patches"] == 256 and flat["hinge_generator"] == "margin"


@pytest.mark.parametrize("name", RUNS)
def test_losses_of_all_steps(name):
    run = ReferenceRun.load(name)
    check_losses(run, recorded_draws, torch.float64, 1e-9)
    check_losses(run, recorded_draws, torch.float32, 1e-4)


@pytest.mark.parametrize("name", RUNS)
def test_gradients_of_the_first_step(name):
    run = ReferenceRun.load(name)
    model = recorded_model(run)
    model.step(run.sides(0, torch.float64), recorded_draws(run, 0))
    run.assert_gradients(model.networks)


def test_first_pictures():
    run = ReferenceRun.load("dcl")
    pictures = recorded_model(run).preview(run.sides(0, torch.float64))
    assert list(pictures) == ["real_A", "fake_B", "idt_B", "real_B", "fake_A", "idt_A"]
    for name in ("fake_B", "fake_A"):
        np.testing.assert_allclose(pictures[name].numpy(), run.numbers[f"step0/{name}"], rtol=1e-5, atol=2e-5)


def test_exported_names_and_shapes_are_the_published_ones():
    check_published_files(ReferenceRun.load("dcl"))


def test_its_defaults_are_those_of_the_authors_code():
    check_defaults(ReferenceRun.load("dcl"))


# ------------------------------------------------------------------ what the options mean


def tiny(*words, **build):
    return MODELS["dcl"].factory(train_options([*TINY, *words]), **build)


def test_the_heads_have_a_rate_of_their_own_which_the_schedule_lowers_like_the_others():
    model = tiny("--lr", "4e-4", "--beta1", "0.3")
    (heads,), (generators,) = (model.optimizers[name].param_groups for name in "FG")
    assert (heads["lr"], heads["betas"]) == (1e-3, (0.9, 0.999))
    assert (generators["lr"], generators["betas"]) == (4e-4, (0.3, 0.999))
    for _ in range(2):  # from the rates of the start, not from those of the epoch before
        model.set_learning_rate(1e-4)
        assert heads["lr"] == pytest.approx(2.5e-4) and generators["lr"] == 1e-4


def test_a_continued_run_has_the_rates_of_its_options():
    first, second = tiny(), tiny("--lr", "1e-3")
    for name, optimizer in first.optimizers.items():
        second.optimizers[name].load_state_dict(optimizer.state_dict())
    second.set_learning_rate(5e-4)
    rates = {name: optimizer.param_groups[0]["lr"] for name, optimizer in second.optimizers.items()}
    assert rates == {"G": 5e-4, "D": 5e-4, "F": pytest.approx(5e-4)}


def test_weights_of_the_losses():
    words = ["--lambda_GAN", "3", "--lambda_NCE", "5", "--lambda_IDT", "7"]
    plain, weighted = tiny("--lambda_NCE", "1", dtype=torch.float64), tiny(*words, dtype=torch.float64)
    batch = random_batch(2, dtype=torch.float64)
    logs, weighted_logs = (model.step(batch, draws_for(model, batch)) for model in (plain, weighted))
    for names, weight in ((("G_A", "G_B", "D_A", "D_B"), 3), (("NCE1", "NCE2"), 5), (("idt_A", "idt_B"), 7)):
        for name in names:
            assert weighted_logs[name].item() == pytest.approx(weight * logs[name].item(), rel=1e-12), name
    halves = [weighted_logs[name].item() for name in ("G_A", "G_B", "NCE1", "NCE2", "idt_A", "idt_B")]
    assert weighted_logs["G"].item() == pytest.approx(sum(halves) / 2)
    for name, parameter in plain.D_A.named_parameters():  # logged with λ_GAN, but trained without
        torch.testing.assert_close(parameter.grad, weighted.D_A.get_parameter(name).grad)


def test_without_the_identity_loss_the_rest_is_the_same():
    """The published program crashes there."""
    batch = random_batch(dtype=torch.float64)
    full, without = tiny(dtype=torch.float64), tiny("--nce_idt", "false", dtype=torch.float64)
    logs, fewer = (model.step(batch, draws_for(model, batch)) for model in (full, without))
    assert set(logs) - set(fewer) == {"idt_A", "idt_B"}
    assert fewer["NCE1"].item() == pytest.approx(logs["NCE1"].item(), rel=1e-12)
    halves = [fewer[name].item() for name in ("G_A", "G_B", "NCE1", "NCE2")]
    assert fewer["G"].item() == pytest.approx(sum(halves) / 2)
    assert "idt_A" not in without.preview(batch)


def test_without_patchnce_there_is_no_identity_loss_and_the_heads_stay():
    model, batch = tiny("--lambda_NCE", "0"), random_batch()
    before = [weight.clone() for weight in model.F1.parameters()]
    assert set(model.step(batch, draws_for(model, batch))) == {"D_A", "G_A", "D_B", "G_B", "G"}
    assert all(map(torch.equal, before, model.F1.parameters()))


def test_keys_send_no_gradient():
    """F1 makes the keys of NCE1 alone when NCE2 is left out."""
    model, batch = tiny(), random_batch()
    draws = draws_for(model, batch)
    to_B, to_A = model.translate_both(batch, model.own.taps)
    model.nce_losses(batch, to_B, to_A, draws)["NCE1"].backward()
    assert all(weight.grad is None for weight in model.F1.parameters())
    assert all(weight.grad.abs().sum() > 0 for weight in model.F2.parameters())


@pytest.mark.parametrize("words", [[], ["--normG", "batch", "--batch_size", "3"], ["--netF", "sample"]])
def test_swapping_the_domains_swaps_the_losses(words):
    plain, swapped = (tiny(*words, dtype=torch.float64) for _ in range(2))
    for one, other in (("G_A", "G_B"), ("D_A", "D_B"), ("F1", "F2")):
        swapped.networks[one].load_state_dict(plain.networks[other].state_dict())
        swapped.networks[other].load_state_dict(plain.networks[one].state_dict())
    batch = random_batch(3, dtype=torch.float64)
    draws = draws_for(plain, batch)
    turned = DCLDraws(draws.pool_A, draws.pool_B, patches_A=draws.patches_B, patches_B=draws.patches_A)
    logs, mirrored = plain.step(batch, draws), swapped.step(Batch(batch.target, batch.source), turned)
    for one, other in (("D_A", "D_B"), ("G_A", "G_B"), ("NCE1", "NCE2"), ("idt_A", "idt_B"), ("G", "G")):
        assert logs[one].item() == pytest.approx(mirrored[other].item(), rel=1e-10)


def test_the_order_of_the_batch_does_not_matter():
    model, batch = tiny(dtype=torch.float64), random_batch(3, dtype=torch.float64)
    draws, other = draws_for(model, batch), Batch(batch.source[[2, 0, 1]], batch.target[[2, 0, 1]])
    losses = []
    for images in (batch, other):
        to_B, to_A = model.translate_both(images, model.own.taps)
        losses.append(model.generator_loss(images, to_B, to_A, draws)[0].item())
    assert losses[0] == pytest.approx(losses[1], rel=1e-10)


@pytest.mark.parametrize("shape", [(32, 32), (48, 32)])
def test_stacked_passes_change_nothing(shape, monkeypatch):
    results = []
    batch = Batch(random_batch(2, dtype=torch.float64).source, random_batch(2, *shape, dtype=torch.float64).target)
    for stacked in (True, False):
        monkeypatch.setattr(shared_passes, "saves_time", lambda device, stacked=stacked: stacked)
        model = tiny("--init_gain", "1", dtype=torch.float64)
        logs = model.step(batch, draws_for(model, batch))
        results.append([*logs.values(), *(weight.grad for weight in model.networks.parameters())])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


def test_sides_of_different_channels():
    words = ["--input_nc", "1", "--nce_idt", "false", "--nce_layers", "0,4"]
    model, batch = tiny(*words), random_batch(channels=(1, 3))
    assert model.step(batch, draws_for(model, batch))["NCE1"] > 0
    assert model.F1.mlp_0[0].in_features == 1 and model.F2.mlp_0[0].in_features == 3
    assert [picture.shape[1] for picture in model.preview(batch).values()] == [1, 3, 3, 1]


def test_pools_are_part_of_the_state():
    first, second = (tiny("--pool_size", "2") for _ in range(2))
    batch = random_batch()
    first.step(batch, draws_for(first, batch))
    second.load_extra_state(first.extra_state())
    assert torch.equal(first.pool_B.images[0], second.pool_B.images[0]) and len(second.pool_A.images) == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--DCL_mode", "SIM"], "is not a choice; choose one of DCL"),
        (["--lambda_GAN", "0", "--lambda_NCE", "0"], "nothing would be trained; set --lambda_GAN or --lambda_NCE"),
        (["--input_nc", "1"], "--input_nc 1 and --output_nc 3 must be equal; use --nce_idt false"),
        (
            ["--netF", "sample", "--nce_layers", "0,4", "--input_nc", "1", "--nce_idt", "false"],
            "leave tap 0 out of --nce_layers, or use --netF mlp_sample",
        ),
        (["--netF", "reshape"], "the published program listed but crashed on"),
        (["--nce_layers", "4,99"], "nce_layers names tap 99"),
    ],
)
def test_what_does_not_go_together_is_refused(words, sentence):
    with pytest.raises(UserError, match=sentence):
        tiny(*words)
