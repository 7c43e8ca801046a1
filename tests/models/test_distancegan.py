"""DistanceGAN's step against runs of the authors' code, what it measures before it, and one direction alone."""

import pytest
import torch

from cut.data.batch import Batch
from cut.errors import UserError
from cut.losses.distance import Spread
from cut.models.two_way import TwoWayDraws
from cut.networks.weights import export_weights
from cut.options import test_options as options_to_test
from cut.options import train_options
from cut.registry import MODELS
from cut.training.schedule import learning_rate
from tests.losses.test_distance import recorded_batches
from tests.reference_runs import ReferenceRun, fill

RUNS = ["distancegan", "selfdistance"]
TINY = ["--model", "distance_gan", "--dataroot", "x", "--netG", "resnet_6blocks_zero_pad", "--ngf", "4", "--ndf", "4"]
TINY += ["--load_size", "32", "--crop_size", "32", "--netD", "n_layers", "--n_layers_D", "2"]


def tiny(*words):
    return MODELS["distance_gan"].factory(train_options([*TINY, *words]))


def images(count=2):
    return Batch(*torch.rand(2, count, 3, 32, 32, generator=torch.Generator().manual_seed(1)))


def recorded_model(run):
    options = train_options(["--model", "distancegan", "--dataroot", "x"])
    taken = options.flat().keys() & run.options.keys() - {"gpu_ids", "model"}
    model = MODELS["distance_gan"].factory(options.replace(**{name: run.options[name] for name in taken}))
    for name, recipe in run.facts["weights"].items():
        fill(model.networks[name], recipe)
    facts = run.facts["statistics"]
    model.spread_A, model.spread_B = (Spread(facts[f"expectation_{side}"], facts[f"std_{side}"]) for side in "AB")
    return model


def no_exchange(run):
    """Draws of the recorded runs, which are too short to fill a pool."""
    places = (None,) * run.options["batch_size"]
    return TwoWayDraws(places, places)


@pytest.mark.parametrize("name", RUNS)
def test_losses_and_gradients(name):
    run = ReferenceRun.load(name)
    model = recorded_model(run)
    for step, expected in enumerate(run.facts["losses"]):
        logs = model.step(run.sides(step, torch.float32), no_exchange(run))
        assert logs.keys() == expected.keys()
        for loss, value in expected.items():
            assert logs[loss].item() == pytest.approx(value, rel=1e-4), f"step {step}: {loss}"
        if step == 0:
            run.assert_gradients(model.networks)


@pytest.mark.parametrize("name", RUNS)
def test_what_is_measured_before_the_first_step(name):
    run = ReferenceRun.load(name)
    model, recorded = recorded_model(run), run.facts["statistics"]
    model.spread_A = model.spread_B = Spread()
    # The two sides have different numbers of batches, so each is measured beside itself.
    sides = [recorded_batches(recorded[f"batches_{letter}"], run.options["batch_size"]) for letter in "AB"]
    for letter, side in zip("AB", sides, strict=True):
        said = []
        model.prepare([Batch(images, images) for images in side], said.append)
        assert model.spread_A == model.spread_B and len(said) == 2
        assert model.spread_A.mean == pytest.approx(recorded[f"expectation_{letter}"], rel=1e-6)
        assert model.spread_A.deviation == pytest.approx(recorded[f"std_{letter}"], rel=1e-5)
    assert f"{len(sides[1])} batches" in said[1]


def test_no_more_batches_are_taken_than_asked_for():
    model, taken = tiny("--max_items", "3"), []

    def batches():
        for number in range(9):
            taken.append(number)
            yield Batch(*torch.rand(2, 2, 3, 32, 32, generator=torch.Generator().manual_seed(number)))

    model.prepare(batches(), lambda text: None)
    assert taken == [0, 1, 2] and model.spread_A.deviation > 0
    plain = tiny("--unnormalized_distances")
    plain.prepare(batches(), lambda text: None)
    assert len(taken) == 3 and plain.spread_A == Spread(0, 1)


@pytest.mark.parametrize("words", [[], ["--use_self_distance"]])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_distances_that_do_not_differ_cannot_be_normalised(words, count):
    model = tiny(*words)
    with pytest.raises(UserError, match="of the source domain do not differ.* or --unnormalized_distances"):
        model.prepare([images()] * count, lambda text: None)
    assert model.spread_A == Spread()


def test_the_defaults_are_those_of_the_authors_code():
    run = ReferenceRun.load("distancegan")
    made_small = {"ngf", "ndf", "crop_size"}
    shown_otherwise = {"gpu_ids", "name", "checkpoints_dir"}
    flat = train_options(["--model", "distance_gan"]).flat()
    names = flat.keys() & run.options.keys() - made_small - shown_otherwise
    assert len(names) > 15 and {name: flat[name] for name in names} == {name: run.options[name] for name in names}
    assert flat["no_dropout"] and flat["gan_mode"] == "lsgan" and flat["netG"] == "resnet_9blocks_zero_pad"


def test_the_rate_falls_by_a_hundredth_after_each_epoch_from_101_on():
    training, decay = train_options(["--model", "distancegan"]).training, MODELS["distance_gan"].factory.linear_decay
    rates = [learning_rate(training, epoch, (), decay) / training.lr for epoch in (1, 100, 101, 102, 200)]
    assert rates == pytest.approx([1, 1, 1, 0.99, 0.01])


def test_exported_names_and_shapes_are_the_published_ones():
    run = ReferenceRun.load("distancegan")
    for name, network in recorded_model(run).networks.items():
        exported = {key: list(value.shape) for key, value in export_weights(network).items()}
        assert exported == dict(run.facts["weights"][name]["parameters"])


def test_initial_weights():
    model = tiny("--ngf", "16")
    weights = dict(model.networks["G_A"].named_parameters())
    assert weights["model.3.weight"].std().item() == pytest.approx(0.02, rel=0.05)
    assert weights["model.3.bias"].abs().max() > 0  # PyTorch's own start
    norms = torch.cat([weights[f"model.{index}.weight"] for index in (1, 4, 7)])
    assert norms.mean().item() == pytest.approx(1, abs=0.01) and norms.std().item() == pytest.approx(0.02, rel=0.3)
    assert not weights["model.1.bias"].any()


def test_dropout_moves_the_second_convolution_of_a_block():
    names = export_weights(tiny("--no_dropout", "false").networks["G_A"]).keys()
    blocks = {name.split("conv_block.")[1] for name in names if "conv_block" in name}
    assert blocks == {f"{index}.{kind}" for index in (0, 1, 4, 5) for kind in ("weight", "bias")}


def test_swapping_the_domains_swaps_the_losses():
    plain, swapped = tiny("--use_cycle_loss"), tiny("--use_cycle_loss")
    for one, other in (("G_A", "G_B"), ("D_A", "D_B")):
        swapped.networks[one].load_state_dict(plain.networks[other].state_dict())
        swapped.networks[other].load_state_dict(plain.networks[one].state_dict())
    plain.spread_A, plain.spread_B = swapped.spread_B, swapped.spread_A = Spread(0.3, 0.1), Spread(0.2, 0.05)
    batch, draws = images(), TwoWayDraws((None, None), (None, None))
    logs, mirrored = plain.step(batch, draws), swapped.step(Batch(batch.target, batch.source), draws)
    for name in ("D", "G", "distance", "cycle"):
        assert logs[f"{name}_A"].item() == pytest.approx(mirrored[f"{name}_B"].item(), rel=1e-4)


def test_permuting_the_batch_changes_nothing():
    first, second = tiny(), tiny()
    batch, draws = images(3), TwoWayDraws((None,) * 3, (None,) * 3)
    permuted = batch.map(lambda side: side[[2, 0, 1]])
    logs, same = first.step(batch, draws), second.step(permuted, draws)
    assert {name: value.item() for name, value in logs.items()} == pytest.approx(
        {name: value.item() for name, value in same.items()}, rel=1e-4
    )


@pytest.mark.parametrize(("word", "trained", "idle"), [("--A_to_B", "A", "B"), ("--B_to_A", "B", "A")])
def test_one_direction_alone(word, trained, idle):
    model, both = tiny(word), tiny()
    before = {name: value.clone() for name, value in model.networks.state_dict().items()}
    batch = images()
    logs, expected = (one.step(batch, TwoWayDraws((None, None), (None, None))) for one in (model, both))
    for name in ("G", "D", "distance"):
        assert logs[f"{name}_{trained}"].item() == pytest.approx(expected[f"{name}_{trained}"].item(), rel=1e-5)
    assert logs["G"].item() == pytest.approx((logs[f"G_{trained}"] + logs[f"distance_{trained}"]).item(), rel=1e-6)
    assert f"D_{idle}" not in logs and logs[f"G_{idle}"].item() == pytest.approx(expected[f"G_{idle}"].item(), rel=1e-5)
    changed = {
        name.split(".")[0] for name, value in model.networks.state_dict().items() if (before[name] != value).any()
    }
    assert changed == {f"G_{trained}", f"D_{trained}"}
    real, other = (["real_A", "fake_B"], ["real_B"]) if trained == "A" else (["real_B", "fake_A"], ["real_A"])
    assert set(model.preview(batch)) == {*real, *other}


def test_cycle_losses_train_both_generators_of_a_one_sided_run():
    model = tiny("--A_to_B", "--use_cycle_loss", "--lambda_B", "5")
    batch = images()
    logs = model.step(batch, model.draw(batch))
    parts = sum(logs[name] for name in ("G_A", "distance_A", "cycle_A", "cycle_B"))
    assert logs["G"].item() == pytest.approx(parts.item(), rel=1e-6) and "D_B" not in logs
    assert all(weight.grad is not None for name in ("G_A", "G_B") for weight in model.networks[name].parameters())
    assert list(model.preview(batch)) == ["real_A", "fake_B", "rec_A", "real_B"]
    pictures = model.translate_there_and_back(batch)
    _, again = model.generator_loss(batch, pictures)
    assert again["cycle_B"].item() == pytest.approx(5 * (pictures["rec_B"] - batch.target).abs().mean().item())


def test_weights_of_the_distances():
    plain, weighted = tiny(), tiny("--lambda_distance_A", "3", "--lambda_distance_B", "0.5")
    batch = images()
    logs, more = (model.step(batch, TwoWayDraws((None, None), (None, None))) for model in (plain, weighted))
    assert more["distance_A"].item() == pytest.approx(3 * logs["distance_A"].item(), rel=1e-5)
    assert more["distance_B"].item() == pytest.approx(0.5 * logs["distance_B"].item(), rel=1e-5)


def test_what_was_measured_is_part_of_the_state():
    first, second = tiny(), tiny()
    first.spread_A, first.spread_B = Spread(0.3, 0.1), Spread(0.2, 0.05)
    batch = images()
    first.step(batch, first.draw(batch))
    second.load_extra_state(first.extra_state())
    assert (second.spread_A, second.spread_B) == (first.spread_A, first.spread_B)
    assert torch.equal(first.pool_B.images[1], second.pool_B.images[1])
    for broken in ([0.3, 0.0], [0.3, float("nan")], ["a", 1.0]):
        with pytest.raises(ValueError, match="the spread of distances is something else"):
            second.load_extra_state({**first.extra_state(), "distances": {"A": broken, "B": [0.2, 0.05]}})


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--batch_size", "1"], "--batch_size is 1: use --batch_size 2, or --use_self_distance"),
        (["--A_to_B", "--B_to_A"], "--A_to_B and --B_to_A each train one direction alone: give one of them"),
        (["--B_to_A"], "which --B_to_A does not train: use --A_to_B with the other --direction"),
        (["--norm", "instance"], "There is no option --norm"),
        (["--use_dropout"], r"did you mean --no_dropout\?"),
    ],
)
def test_what_does_not_fit_together(words, sentence):
    with pytest.raises(UserError, match=sentence):
        train_options([*TINY, *words], to_run=True)


def test_one_image_is_enough_for_selfdistance():
    train_options([*TINY, "--batch_size", "1", "--use_self_distance"])
    train_options([*TINY, "--B_to_A", "--evaluation_epoch_freq", "0", "--evaluation_freq", "0"], to_run=True)


@pytest.mark.parametrize(
    ("saved", "asked", "answer"),
    [
        ([], [], "G_A"),
        ([], ["--direction", "BtoA"], "G_B"),
        (["--A_to_B"], [], "G_A"),
        (["--A_to_B"], ["--direction", "BtoA"], "trained with --A_to_B, .* use --direction AtoB"),
        (["--B_to_A"], ["--direction", "BtoA"], "G_B"),
        (["--B_to_A"], [], "trained with --B_to_A, .* use --direction BtoA"),
        (["--A_to_B", "--direction", "BtoA"], [], "G_A"),
        (["--A_to_B", "--direction", "BtoA"], ["--direction", "AtoB"], "trained with --A_to_B, .* --direction BtoA"),
    ],
)
def test_which_network_translates(saved, asked, answer, tmp_path):
    from cut.training.start import save_options

    place = ["--checkpoints_dir", str(tmp_path), "--name", "run"]
    (tmp_path / "run").mkdir()
    save_options(train_options([*TINY, *place, *saved]), tmp_path / "run")
    options = options_to_test([*place, *asked])
    method = MODELS[options.run.model].factory
    if answer.startswith("G_"):
        assert method.translator_names(options) == (answer,)
    else:
        with pytest.raises(UserError, match=answer):
            method.translator_names(options)
