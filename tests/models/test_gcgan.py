"""GcGAN's step against runs of the authors' code, its turns and pools, and what cannot be trained with it."""

import pytest
import torch

from cut.data.batch import Batch
from cut.errors import UserError
from cut.models.gcgan import ROTATION, UPSIDE_DOWN, GcGANDraws
from cut.models.shared_passes import translate_all
from cut.options import train_options
from cut.registry import MODELS
from cut.training.schedule import learning_rate
from tests.reference_runs import ReferenceRun, fill

RUNS = ["gcgan_rot", "gcgan_vf", "gcgan_cross"]
TINY = ["--dataroot", "x", "--netG", "resnet_4blocks", "--ngf", "4", "--ndf", "4", "--batch_size", "1", "--no_dropout"]
TINY += ["--load_size", "32", "--crop_size", "32", "--netD", "n_layers", "--n_layers_D", "2"]


def tiny(model, *words):
    return MODELS[model].factory(train_options(["--model", model, *TINY, *words]))


def images(count=1, height=32, width=32):
    return Batch(*torch.rand(2, count, 3, height, width, generator=torch.Generator().manual_seed(1)))


def recorded_model(run, dtype):
    options = train_options(["--model", run.facts["options"]["model"], *TINY])
    published = run.options | {
        "netG": run.options["which_model_netG"], "netD": run.options["which_model_netD"],
        "normG": run.options["norm"], "normD": run.options["norm"], "lr_policy": "linear",
    }  # fmt: skip
    taken = options.flat().keys() - {"gpu_ids", "display_id", "max_dataset_size"}
    model = MODELS[options.run.model].factory(
        options.replace(**{name: value for name, value in published.items() if name in taken}), dtype=dtype
    )
    for name, recipe in run.facts["weights"].items():
        fill(model.networks[name], recipe)
    return model


def recorded_draws(run, step):
    return GcGANDraws((run.places("fake_B", step), run.places("fake_gc_B", step)), (None, None))


@pytest.mark.parametrize("name", RUNS)
def test_losses_of_all_steps_and_gradients_of_the_first_in_float64(name):
    run = ReferenceRun.load(name)
    model = recorded_model(run, torch.float64)
    assert list(model.networks) == list(run.facts["weights"])
    for step, expected in enumerate(run.facts["losses_float64"]):
        logs = model.step(run.sides(step, torch.float64), recorded_draws(run, step))
        assert list(logs)[: len(expected)] == list(expected)
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


def test_the_defaults_are_those_of_the_authors_code():
    recorded = ReferenceRun.load("gcgan_rot").options
    own = ("lambda_AB", "lambda_gc", "lambda_G", "lambda_identity", "geometry", "norm", "init_type", "lr", "beta1")
    shared = ("input_nc", "output_nc", "dataset_mode", "direction", "n_epochs", "n_epochs_decay", "n_layers_D")
    for model, shared_generator in (("gc_gan_share", True), ("gcgan", True), ("gc_gan_cross", False)):
        flat = train_options(["--model", model]).flat()
        flat["norm"] = flat["normG"]
        assert {name: flat[name] for name in own + shared} == {name: recorded[name] for name in own + shared}
        # What the recorded runs have smaller or off, as the specification of the published program has it.
        assert (flat["batch_size"], flat["load_size"], flat["crop_size"], flat["pool_size"]) == (8, 288, 256, 50)
        assert (flat["no_dropout"], flat["gan_mode"], flat["netG"]) == (False, "lsgan", "resnet_9blocks")
        assert flat["no_antialias"] and flat["no_antialias_up"] and flat["gc_share"] == shared_generator


def test_the_friendly_name_is_the_same_method():
    assert train_options(["--model", "gcgan"]) == train_options(["--model", "gc_gan_share"])


def test_the_rate_falls_one_epoch_early_and_ends_at_zero():
    options = train_options(["--model", "gcgan"])
    method, rate = MODELS["gc_gan_share"].factory, options.training.lr
    rates = [learning_rate(options.training, epoch, (), method.linear_decay) / rate for epoch in (1, 99, 100, 200)]
    assert rates == pytest.approx([1, 1, 100 / 101, 0])
    assert method.schedule_ahead == 0  # of the other policies


def test_a_turn_and_back():
    picture = torch.tensor([[1.0, 2], [3, 4]]).view(1, 1, 2, 2)
    assert ROTATION.forth(picture).flatten().tolist() == [3, 1, 4, 2]  # clockwise: out[i, j] = in[S − 1 − j, i]
    assert UPSIDE_DOWN.forth(picture).flatten().tolist() == [3, 4, 1, 2]
    image = torch.rand(2, 3, 4, 4)
    for turn in (ROTATION, UPSIDE_DOWN):
        assert torch.equal(turn.back(turn.forth(image)), image)


class Commuting(torch.nn.Module):
    """A translation that acts on every pixel alone."""

    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.tensor(0.5))

    def forward(self, image):
        return self.scale * image


@pytest.mark.parametrize("geometry", ["rot", "vf", "mix"])
def test_a_translation_that_commutes_with_the_turn_pays_nothing_for_it(geometry):
    model = tiny("gc_gan_share", "--geometry", geometry)
    model.G_AB = model.G_gc_AB = Commuting()
    sources, targets = (model.turned(side) for side in images().sides)
    _, logs = model.generator_loss(model.translate_views(sources), targets)
    assert logs["Gc"].item() == 0 and logs["idt"].item() > 0
    assert logs["idt"].item() == pytest.approx(logs["idt_gc"].item())


def test_stacked_passes_give_what_separate_ones_give():
    one = tiny("gc_gan_share", "--netG", "resnet_6blocks").networks.double()["G_AB"]
    views = [torch.rand(2, 3, 32, 32, dtype=torch.float64) for _ in range(2)]
    for made, view in zip(translate_all(one, views), views, strict=True):
        torch.testing.assert_close(made, one(view), rtol=0, atol=1e-12)
    odd = [*views, torch.rand(1, 3, 16, 32, dtype=torch.float64)]
    assert [made.shape for made in translate_all(one, odd)] == [view.shape for view in odd]


def test_both_turns_halve_what_trains_g_and_add_up_for_d():
    """With equal discriminators and pictures that turning does not change, every turn pays the same."""
    one, both = tiny("gc_gan_share", "--geometry", "vf"), tiny("gc_gan_mix")
    assert list(both.networks) == ["G_AB", "D_B", "D_rot_B", "D_vf_B"]
    both.networks["G_AB"].load_state_dict(one.networks["G_AB"].state_dict())
    for name in ("D_B", "D_rot_B", "D_vf_B"):
        both.networks[name].load_state_dict(one.networks["D_B"].state_dict())
    one.networks["D_gc_B"].load_state_dict(one.networks["D_B"].state_dict())
    batch = Batch(torch.full((1, 3, 32, 32), 0.3), torch.full((1, 3, 32, 32), -0.2))
    logs, halved = (model.step(batch, model.draw(batch)) for model in (one, both))
    for name in ("G_AB", "G_gc_AB", "idt", "idt_gc"):
        assert halved[name].item() == pytest.approx(logs[name].item(), rel=1e-4), name
    assert halved["D_B"].item() == pytest.approx(1.5 * logs["D_B"].item(), rel=1e-4)


def test_weights_of_the_losses():
    plain = tiny("gc_gan_share")
    batch = images()
    _, expected = plain.generator_loss(*(views(plain, batch)))
    weighted = tiny("gc_gan_share", "--lambda_AB", "3", "--lambda_gc", "5", "--lambda_G", "7", "--lambda_identity", "2")
    weighted.networks.load_state_dict(plain.networks.state_dict())
    _, logs = weighted.generator_loss(*(views(weighted, batch)))
    factors = {"G_AB": 7, "G_gc_AB": 7, "Gc": 3 * 5 / 20, "idt": 3 * 2 / 5, "idt_gc": 3 * 2 / 5}
    for name, factor in factors.items():
        assert logs[name].item() == pytest.approx(factor * expected[name].item(), rel=1e-5), name
    assert logs["G"].item() == pytest.approx(sum(logs[name].item() for name in factors), rel=1e-6)


def views(model, batch):
    sources, targets = (model.turned(side) for side in batch.sides)
    return model.translate_views(sources), targets


def test_without_an_identity_loss_targets_are_not_translated():
    model = tiny("gc_gan_cross", "--lambda_identity", "0", "--input_nc", "1")
    batch = Batch(torch.rand(1, 1, 32, 32), torch.rand(1, 3, 32, 32))
    logs = model.step(batch, model.draw(batch))
    assert logs["idt"] == logs["idt_gc"] == 0 and "idt_B" not in model.preview(batch)
    with pytest.raises(UserError, match="--input_nc 1 and --output_nc 3 must be equal; use --lambda_identity 0"):
        train_options(["--model", "gcgan", "--input_nc", "1"])


def test_the_second_generator_learns_and_is_a_network_of_the_run():
    model = tiny("gc_gan_cross")
    weight = model.networks["G_gc_AB"].model[1].weight
    before, batch = weight.detach().clone(), images()
    model.step(batch, model.draw(batch))
    assert not torch.equal(weight, before)
    assert list(model.optimizers) == ["G", "D"] and model.translator() is model.networks["G_AB"]


def test_biases_keep_the_start_that_pytorch_gives_them():
    model = tiny("gc_gan_share")
    for name in ("G_AB", "D_B", "D_gc_B"):
        biases = [value for key, value in model.networks[name].named_parameters() if key.endswith("bias")]
        assert biases and all(value.abs().max() > 0 for value in biases)


def test_pools_are_part_of_the_state():
    first, second = (tiny("gc_gan_mix", "--pool_size", "2") for _ in range(2))
    batch = images()
    first.step(batch, first.draw(batch))
    state = first.extra_state()
    assert list(state) == ["pool_B", "pool_rot_B", "pool_vf_B"]
    second.load_extra_state(state)
    assert all(
        torch.equal(one.images[0], other.images[0]) for one, other in zip(first.pools, second.pools, strict=True)
    )


def test_pictures_that_are_not_square_can_be_turned_upside_down_but_not_by_90_degrees():
    with pytest.raises(UserError, match="so they must be square, and some are 48×32: .* or --geometry vf"):
        tiny("gc_gan_share").check_size(48, 32)
    model, batch = tiny("gc_gan_share", "--geometry", "vf"), images(height=32, width=48)
    model.check_size(48, 32)
    assert model.step(batch, model.draw(batch))["Gc"] > 0


def test_penalties_hold_every_discriminator():
    model = tiny("gc_gan_share", "--gan_mode", "wgangp")
    batch = images()
    logs = model.step(batch, model.draw(batch))
    assert logs["D_B_GP"] > 0 and logs["D_gc_B_GP"] > 0
    model = tiny("gc_gan_share", "--lambda_R1", "1")
    logs = model.step(batch, model.draw(batch))
    assert logs["D_B_R1"] > 0 and logs["D_gc_B_R1"] > 0


def test_bce_after_a_sigmoid_is_the_loss_called_vanilla():
    """--no_lsgan of the published program ends its discriminators with a sigmoid."""
    logits = torch.tensor([-30.0, -2, 0, 1, 30], dtype=torch.float64)
    gan = tiny("gc_gan_share", "--gan_mode", "vanilla").adversary.gan
    for own, answer in ((gan.real, 1.0), (gan.fake, 0.0)):
        published = torch.nn.functional.binary_cross_entropy(logits.sigmoid(), torch.full_like(logits, answer))
        assert own(logits).item() == pytest.approx(published.item(), rel=1e-4)


def test_preview_shows_every_view():
    assert list(tiny("gc_gan_share").preview(images())) == ["real_A", "fake_B", "fake_gc_B", "real_B", "idt_B"]
    shown = list(tiny("gc_gan_mix", "--lambda_identity", "0").preview(images()))
    assert shown == ["real_A", "fake_B", "fake_rot_B", "fake_vf_B", "real_B"]


@pytest.mark.parametrize(
    ("word", "own"),
    [("identity", "lambda_identity"), ("no_lsgan", "gan_mode"), ("which_model_netG", "netG"), ("fineSize", "crop_size"),
     ("loadSize", "load_size"), ("batchSize", "batch_size"), ("niter", "n_epochs"), ("niter_decay", "n_epochs_decay"),
     ("which_direction", "direction"), ("resize_or_crop", "preprocess")],
)  # fmt: skip
def test_options_that_have_another_name_here(word, own):
    with pytest.raises(UserError, match=rf"There is no option --{word} \(did you mean --{own}\?\)"):
        train_options(["--model", "gcgan", f"--{word}", "1"])
