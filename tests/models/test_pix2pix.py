"""pix2pix's step against runs of the authors' code, and what it asks of its data and networks."""

import numpy as np
import pytest
import torch

from cut.data.batch import Batch
from cut.errors import UserError
from cut.models.draws import MixDraws
from cut.networks.mode import as_in_training, mode
from cut.networks.weights import export_weights
from cut.options import train_options
from cut.registry import MODELS
from cut.training.schedule import learning_rate
from cut.training.steps import step_generator
from tests.reference_runs import NOT_OPTIONS, ReferenceRun, fill

RUNS = ["pix2pix", "pix2pix_batch2", "pix2pix_unet256"]
TINY = ["--model", "pix2pix", "--dataroot", "x", "--netG", "unet_128", "--ngf", "2", "--ndf", "2"]
TINY += ["--load_size", "128", "--crop_size", "128", "--netD", "n_layers", "--n_layers_D", "1"]


def make(*words):
    return MODELS["pix2pix"].factory(train_options([*TINY, *words]))


def random_batch(images=1):
    rng = torch.Generator().manual_seed(images)
    return Batch(*(torch.rand(images, 3, 128, 128, generator=rng) * 2 - 1 for _ in "AB"))


def recorded_model(run, dtype=torch.float64):
    recorded = dict(run.facts["options"])
    recorded["normG"] = recorded["normD"] = recorded["norm"]
    options = train_options(TINY)
    options = options.replace(
        **{name: recorded[name] for name in recorded.keys() & options.flat().keys() - NOT_OPTIONS}
    )
    model = MODELS["pix2pix"].factory(options, dtype=dtype)
    for name in "GD":
        fill(model.networks[name], run.facts["weights"][name])
    return model


@pytest.mark.parametrize("name", RUNS)
def test_losses_of_all_steps_in_float64(name):
    run = ReferenceRun.load(name)
    model = recorded_model(run)
    for step, expected in enumerate(run.facts["losses_float64"]):
        logs = model.step(run.sides(step, torch.float64), MixDraws())
        assert logs.keys() >= expected.keys()
        for loss, value in expected.items():
            assert logs[loss].item() == pytest.approx(value, rel=1e-9), f"step {step}: {loss}"


@pytest.mark.parametrize("name", RUNS)
def test_losses_and_gradients_in_float32(name):
    run = ReferenceRun.load(name)
    model = recorded_model(run, torch.float32)
    logs = model.step(run.sides(0, torch.float32), MixDraws())
    for loss, value in run.facts["losses"][0].items():
        assert logs[loss].item() == pytest.approx(value, rel=1e-4), loss
    for network in "GD":
        largest = max(value[0] for key, value in run.numbers.items() if key.startswith(f"grad/{network}/"))
        for parameter, value in model.networks[network].named_parameters():
            expected = run.numbers[f"grad/{network}/{parameter}"]
            gradient = value.grad.flatten().double()
            found = np.concatenate([[gradient.norm()], gradient[: len(expected) - 1]])
            tolerance = 1e-3 * max(expected[0], 1e-3 * largest)
            np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance, err_msg=f"{network} {parameter}")


def test_pictures_and_running_statistics_after_the_run():
    """Three passes through D and one through G in each step move the statistics."""
    run = ReferenceRun.load("pix2pix")
    model = recorded_model(run)
    for step in range(run.facts["steps"]):
        if step == 0:
            with as_in_training(model.G), torch.no_grad():
                fake = model.G(run.sides(0, torch.float64).source)
            np.testing.assert_allclose(fake[..., ::2, ::2], run.numbers["step0/fake_B/every2"], atol=1e-5)
        model.step(run.sides(step, torch.float64), MixDraws())
    source = run.sides(0, torch.float64).source
    with torch.no_grad():
        final = model.G(source)  # in training mode, so the statistics move once more, as in the recording
        with mode(model.G, training=False):
            final_eval = model.G(source)
    np.testing.assert_allclose(final[..., ::2, ::2], run.numbers["final/G(A)/every2"], atol=1e-4)
    np.testing.assert_allclose(final_eval[..., ::2, ::2], run.numbers["final/eval/G(A)/every2"], atol=1e-4)
    for name, value in model.G.named_buffers():
        np.testing.assert_allclose(value, run.numbers[f"final/buffers/G/{name}"], rtol=1e-4, atol=1e-5, err_msg=name)


def test_exported_names_and_shapes_are_the_published_ones():
    run = ReferenceRun.load("pix2pix_unet256")
    model = recorded_model(run)
    for network in "GD":
        recorded = run.facts["weights"][network]
        exported = {key: list(value.shape) for key, value in export_weights(model.networks[network]).items()}
        assert exported == dict(recorded["parameters"]) | dict(recorded["buffers"])


def test_its_defaults_are_those_of_the_authors_code():
    recorded = ReferenceRun.load("pix2pix_unet256").facts["options"] | {"direction": "AtoB", "no_dropout": False}
    made_small = {"ngf", "ndf", "load_size", "crop_size"}
    shown_otherwise = {"gpu_ids", "max_dataset_size", "display_id", "num_threads"}
    flat = train_options(["--model", "pix2pix"]).flat()
    names = flat.keys() & recorded.keys() - made_small - shown_otherwise
    assert len(names) > 30 and {name: flat[name] for name in names} == {name: recorded[name] for name in names}
    assert flat["no_antialias"] and flat["normG"] == flat["normD"] == "batch" and flat["jitter_while_decaying"]


def test_the_rate_falls_one_epoch_early_and_ends_at_zero():
    training, ahead = train_options(["--model", "pix2pix"]).training, MODELS["pix2pix"].factory.schedule_ahead
    rates = [learning_rate(training, epoch + ahead) / training.lr for epoch in (1, 99, 100, 150, 200)]
    assert rates == pytest.approx([1, 1, 100 / 101, 50 / 101, 0])


def test_dropout_follows_from_the_draws_of_a_step():
    batch, logs = random_batch(), []
    for seed in (0, 0, 1):
        model = make()
        torch.rand(seed + len(logs))  # what was drawn before does not count
        logs.append(model.step(batch, model.draw(batch, step_generator(seed, 0))))
    assert all(torch.equal(logs[0][name], logs[1][name]) for name in logs[0])
    assert not torch.equal(logs[0]["G_L1"], logs[2]["G_L1"])
    still = make("--no_dropout")
    first, second = (still.preview(batch)["fake_B"] for _ in range(2))
    assert torch.equal(first, second)


def test_a_batch_may_be_permuted():
    """Batch statistics do not depend on the order of the images."""
    batch = random_batch(3)
    turned = Batch(batch.source.roll(1, 0), batch.target.roll(1, 0))
    logs = [make("--no_dropout").step(one, MixDraws()) for one in (batch, turned)]
    for name, value in logs[0].items():
        assert value.item() == pytest.approx(logs[1][name].item(), rel=1e-4), name


def test_a_preview_shows_pairs_as_a_step_translates_and_changes_nothing():
    model, batch = make("--no_dropout"), random_batch(2)
    before = {name: value.clone() for name, value in model.networks.state_dict().items()}
    pictures = model.preview(batch)
    assert list(pictures) == ["real_A", "fake_B", "real_B"]
    assert all(torch.equal(value, before[name]) for name, value in model.networks.state_dict().items())
    torch.testing.assert_close(pictures["fake_B"], model.translate_batch(batch).detach())


@pytest.mark.parametrize("more", [("--gan_mode", "wgangp"), ("--lambda_R1", "1"), ("--diffaugment", "color,cutout")])
def test_penalties_and_augmentation_see_pairs(more):
    model, batch = make(*more), random_batch(2)
    logs = model.step(batch, model.draw(batch))
    assert all(torch.isfinite(value) for value in logs.values())
    assert ("D_GP" in logs) == ("wgangp" in more) and ("D_R1" in logs) == ("--lambda_R1" in more)


def test_sides_may_differ_in_channels():
    model = make("--input_nc", "1")
    batch = Batch(random_batch().source[:, :1], random_batch().target)
    model.step(batch, model.draw(batch))
    assert model.networks["D"].image_channels == 4 and model.preview(batch)["fake_B"].shape[1] == 3


def test_data_without_pairs_are_refused():
    with pytest.raises(
        UserError, match="--model pix2pix learns from pairs, and --dataset_mode unaligned has none: use"
    ):
        train_options(["--model", "pix2pix", "--dataset_mode", "unaligned"])


def test_sizes_that_a_unet_cannot_return_are_refused():
    with pytest.raises(UserError) as error:
        make("--crop_size", "192", "--load_size", "200")
    assert str(error.value) == (
        "Images of 192×192 pixels do not fit --netG unet_128: sides must be multiples of 128, so use a --preprocess "
        "with crop, and --crop_size 256."
    )


def test_a_method_that_compares_features_refuses_a_unet():
    options = train_options(["--dataroot", "x", "--netG", "unet_128", "--crop_size", "128"])
    with pytest.raises(UserError, match="--netG unet_128 has no feature taps, which --model cut compares"):
        MODELS["cut"].factory(options)


def test_cyclegan_trains_unets():
    words = [word.replace("pix2pix", "cycle_gan") for word in TINY]
    model, batch = MODELS["cycle_gan"].factory(train_options(words)), random_batch()
    assert all(torch.isfinite(value) for value in model.step(batch, model.draw(batch)).values())
