"""CycleGAN's step against runs of the authors' code, its pools, and what it shares with every method."""

import pytest
import torch

from cut.data.batch import Batch
from cut.models.two_way import TwoWayDraws
from cut.networks.weights import export_weights, load_weights
from cut.options import train_options
from cut.registry import MODELS
from cut.training.schedule import learning_rate
from tests.reference_runs import ReferenceRun, fill

RUNS = [
    "cyclegan", "cyclegan_pool", "cyclegan_batch2", "cyclegan_no_identity", "cyclegan_btoa", "cyclegan_antialias"
]  # fmt: skip
NETWORKS = ("G_A", "G_B", "D_A", "D_B")
TINY = ["--model", "cycle_gan", "--dataroot", "x", "--netG", "resnet_4blocks", "--ngf", "4", "--ndf", "4"]
TINY += ["--load_size", "32", "--crop_size", "32", "--netD", "n_layers", "--n_layers_D", "2"]


def recorded_model(run, dtype=torch.float64):
    recorded = dict(run.facts["options"])
    if "norm" in recorded:
        recorded["normG"] = recorded["normD"] = recorded["norm"]
    # The repository of CycleGAN has no anti-aliased layers; the copy in CUT's has, and options for them.
    recorded = {"no_antialias": True, "no_antialias_up": True} | recorded
    options = train_options(TINY)
    taken = options.flat().keys() - {"gpu_ids", "suffix", "display_id", "max_dataset_size", "pretrained_name"}
    options = options.replace(**{name: value for name, value in recorded.items() if name in taken})
    model = MODELS["cycle_gan"].factory(options, dtype=dtype)
    for name in NETWORKS:
        fill(model.networks[name], run.facts["weights"][name])
    return model


def recorded_draws(run, step):
    return TwoWayDraws(run.places("fake_B", step), run.places("fake_A", step))


@pytest.mark.parametrize("name", RUNS)
def test_losses_of_all_steps_and_gradients_of_the_first_in_float64(name):
    run = ReferenceRun.load(name)
    model = recorded_model(run)
    for step, expected in enumerate(run.facts["losses_float64"]):
        logs = model.step(run.sides(step, torch.float64), recorded_draws(run, step))
        assert logs.keys() >= expected.keys()
        for loss, value in expected.items():
            assert logs[loss].item() == pytest.approx(value, rel=1e-9), f"step {step}: {loss}"
        if step == 0:
            run.assert_gradients(model.networks)


@pytest.mark.parametrize("name", RUNS)
def test_losses_in_float32(name):
    run = ReferenceRun.load(name)
    model = recorded_model(run, torch.float32)
    logs = model.step(run.sides(0, torch.float32), recorded_draws(run, 0))
    for loss, value in run.facts["losses"][0].items():
        assert logs[loss].item() == pytest.approx(value, rel=1e-4), loss


def test_exported_names_and_shapes_are_the_published_ones():
    run = ReferenceRun.load("cyclegan")
    model = recorded_model(run)
    for network in NETWORKS:
        recorded = run.facts["weights"][network]
        exported = {key: list(value.shape) for key, value in export_weights(model.networks[network]).items()}
        assert exported == dict(recorded["parameters"])


def test_files_with_running_statistics_load():
    """Files from before PyTorch 0.4 hold statistics of instance norms that nothing used."""
    model = MODELS["cycle_gan"].factory(train_options(TINY))
    weights = export_weights(model.networks["G_A"])
    old = {**weights, "model.2.running_mean": torch.zeros(4), "model.2.running_var": torch.ones(4)}
    load_weights(model.networks["G_B"], old, "old file")
    assert all(torch.equal(value, weights[name]) for name, value in export_weights(model.networks["G_B"]).items())


def test_its_defaults_are_those_of_the_authors_code():
    recorded = ReferenceRun.load("cyclegan").facts["options"]  # without anti-aliasing, which came with CUT
    made_small = {"ngf", "ndf", "load_size", "crop_size"}
    shown_otherwise = {"gpu_ids", "max_dataset_size", "display_id", "num_threads"}
    flat = train_options(["--model", "cycle_gan"]).flat()
    names = flat.keys() & recorded.keys() - made_small - shown_otherwise
    assert len(names) > 30 and {name: flat[name] for name in names} == {name: recorded[name] for name in names}
    assert flat["no_antialias"] and flat["no_antialias_up"]


def test_the_rate_falls_one_epoch_early_and_ends_at_zero():
    options = train_options(["--model", "cycle_gan"])
    ahead = MODELS["cycle_gan"].factory.schedule_ahead
    rates = [learning_rate(options.training, epoch + ahead) / options.training.lr for epoch in (1, 99, 100, 150, 200)]
    assert rates == pytest.approx([1, 1, 100 / 101, 50 / 101, 0])


def test_swapping_the_domains_swaps_the_losses():
    run = ReferenceRun.load("cyclegan")
    plain, swapped = recorded_model(run), recorded_model(run)
    for one, other in (("G_A", "G_B"), ("D_A", "D_B")):
        swapped.networks[one].load_state_dict(plain.networks[other].state_dict())
        swapped.networks[other].load_state_dict(plain.networks[one].state_dict())
    batch, draws = run.sides(0, torch.float64), TwoWayDraws((None,), (None,))
    logs = plain.step(batch, draws)
    mirrored = swapped.step(Batch(batch.target, batch.source), draws)
    for name in ("D", "G", "cycle", "idt"):
        assert logs[f"{name}_A"].item() == pytest.approx(mirrored[f"{name}_B"].item(), rel=1e-12)


def test_pools_are_part_of_the_state():
    first, second = (MODELS["cycle_gan"].factory(train_options([*TINY, "--pool_size", "2"])) for _ in range(2))
    batch = Batch(torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32))
    first.step(batch, first.draw(batch))
    second.load_extra_state(first.extra_state())
    assert torch.equal(first.pool_B.images[0], second.pool_B.images[0]) and len(second.pool_A.images) == 1


def test_preview_shows_both_ways():
    model = MODELS["cycle_gan"].factory(train_options(TINY))
    batch = Batch(torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32))
    shown = ["real_A", "fake_B", "rec_A", "idt_B", "real_B", "fake_A", "rec_B", "idt_A"]
    assert list(model.preview(batch)) == shown


def test_preview_of_sides_of_different_channels():
    options = train_options([*TINY, "--input_nc", "1", "--lambda_identity", "0"])
    batch = Batch(torch.rand(1, 1, 32, 32), torch.rand(1, 3, 32, 32))
    pictures = MODELS["cycle_gan"].factory(options).preview(batch)
    assert pictures["rec_A"].shape[1] == 1 and pictures["rec_B"].shape[1] == 3 and "idt_A" not in pictures


def test_the_penalty_of_wgan_holds_both_discriminators():
    model = MODELS["cycle_gan"].factory(train_options([*TINY, "--gan_mode", "wgangp"]))
    batch = Batch(torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32))
    logs = model.step(batch, model.draw(batch))
    assert logs["D_A_GP"] > 0 and logs["D_B_GP"] > 0
    without = MODELS["cycle_gan"].factory(train_options([*TINY, "--gan_mode", "wgangp", "--lambda_GP", "0"]))
    assert "D_A_GP" not in without.step(batch, without.draw(batch))


@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_identity_outputs_share_a_pass_where_that_is_exact(norm, monkeypatch):
    """Whether it saves time is asked of the device; a CPU does without."""
    results, passes = [], []
    for stacked in (False, True):
        monkeypatch.setattr("cut.models.cyclegan.saves_time", lambda _, stacked=stacked: stacked)
        words = ["--dataroot", "x", "--model", "cycle_gan", "--netG", "resnet_4blocks", "--ngf", "4", "--ndf", "4"]
        options = train_options([*words, "--crop_size", "32", "--load_size", "32", "--norm", norm])
        model = MODELS["cycle_gan"].factory(options, dtype=torch.float64)
        seen = []
        model.G_A.register_forward_hook(lambda _, images, __, seen=seen: seen.append(len(images[0])))
        batch = Batch(*torch.rand(2, 2, 3, 32, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(1)))
        logs = model.step(batch, model.draw(batch, torch.Generator().manual_seed(2)))
        results.append({name: value.item() for name, value in logs.items()})
        passes.append(seen)
    assert results[0] == pytest.approx(results[1], rel=1e-12)
    assert passes == [[2, 2, 2], [4, 2] if norm == "instance" else [2, 2, 2]]
