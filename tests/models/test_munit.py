"""MUNIT's step against a run of the authors' code, and what it shares with every method."""

import numpy as np
import pytest
import torch

from cut.data.batch import Batch
from cut.errors import UserError
from cut.models.munit import MUNITDraws
from cut.networks.vgg import VGG16
from cut.networks.weights import export_weights, load_weights, read_weights
from cut.options import test_options as options_to_test
from cut.options import train_options
from cut.registry import MODELS
from cut.training.steps import step_generator
from tests.reference_runs import ReferenceRun, fill, recorded_normals

NETWORKS = ("gen_a", "gen_b", "dis_a", "dis_b")
TINY = ["--model", "munit", "--dataroot", "x", "--dim", "4", "--mlp_dim", "8", "--style_dim", "3", "--n_res", "2"]
TINY += ["--dis_dim", "4", "--load_size", "64", "--crop_size", "64"]


def tiny(*words, **more):
    return MODELS["munit"].factory(train_options([*TINY, *words]), **more)


@pytest.fixture(scope="module")
def run():
    return ReferenceRun.load("munit")


def recorded_model(run, *words):
    model = tiny(*words)
    for name in NETWORKS:
        fill(model.networks[name], run.facts["weights"][name])
    return model


def recorded_draws(step):
    dis_a, dis_b, gen_a, gen_b = recorded_normals(step, [(1, 3, 1, 1)] * 4)
    return MUNITDraws((dis_a, dis_b), (gen_a, gen_b), step=step)


def test_losses_of_all_steps_and_the_last_picture(run):
    model, batch = recorded_model(run), run.batch()
    for step, expected in enumerate(run.facts["losses"]):
        logs = model.step(batch, recorded_draws(step))
        assert logs.keys() == expected.keys()
        for loss, value in expected.items():
            assert logs[loss].item() == pytest.approx(value, rel=1e-6), f"step {step}: {loss}"
    (style,) = recorded_normals(9, [(1, 3, 1, 1)])
    with torch.no_grad():
        content, own_style = model.gen_a.encode(batch.source)
        translated = model.gen_b.decode(content, style)
    np.testing.assert_allclose(own_style, run.numbers["final/style_a"], atol=1e-4)
    np.testing.assert_allclose(translated, run.numbers["final/a2b"], atol=2e-2)


def test_gradients_of_the_first_step(run):
    model = recorded_model(run)
    model.step(run.batch(), recorded_draws(0))
    for network in NETWORKS:
        recorded = {key: values for key, values in run.numbers.items() if key.startswith(f"grad/{network}/")}
        largest = max(values[0] for values in recorded.values())
        for parameter, value in model.networks[network].named_parameters():
            expected = recorded[f"grad/{network}/{parameter}"]
            if parameter.endswith("conv.bias") and expected[0] < 1e-4 * largest:
                continue  # it feeds an instance norm, so its gradient is rounding noise
            gradient = value.grad.flatten().double()
            tolerance = 1e-4 * max(expected[0], 1e-3 * largest)
            assert abs(gradient.norm().item() - expected[0]) <= tolerance, f"{network} {parameter}"
            np.testing.assert_allclose(
                gradient[: len(expected) - 1], expected[1:], rtol=0, atol=tolerance, err_msg=f"{network} {parameter}"
            )


def test_exported_names_are_the_published_ones_and_published_files_load(run, tmp_path):
    model = recorded_model(run)
    weights = {name: export_weights(model.networks[name]) for name in ("gen_a", "gen_b")}
    recorded = run.facts["weights"]["gen_a"]
    exported = {key: list(value.shape) for key, value in weights["gen_a"].items()}
    assert exported == dict(recorded["parameters"] + recorded["buffers"])
    torch.save({"a": weights["gen_a"], "b": weights["gen_b"]}, tmp_path / "gen_00000001.pt")
    other = tiny()
    for name in weights:
        load_weights(other.networks[name], read_weights(tmp_path / "gen_00000001.pt", part=name), name)
        assert all(
            torch.equal(value, weights[name][key]) for key, value in export_weights(other.networks[name]).items()
        )
    with pytest.raises(UserError, match="not a file of network weights, but holds a, b"):
        read_weights(tmp_path / "gen_00000001.pt", part="dis_c")


def test_weights_decay_in_the_gradient():
    """Adam's first step is lr · g / (|g| + ε); where a loss has no gradient, g is that of the decay."""
    model = tiny("--lr", "0.01")
    weight = model.networks["dis_a"].cnns[0][0].conv.weight
    before = weight.detach().clone()
    model.update(0 * sum(parameter.sum() for parameter in model.networks["dis_a"].parameters()), "dis")
    decay = 1e-4 * before
    torch.testing.assert_close(weight, before - 0.01 * decay / (decay.abs() + 1e-8))
    assert all(
        group["weight_decay"] == 1e-4 for name in ("dis", "gen") for group in model.optimizers[name].param_groups
    )


def test_the_rate_is_halved_by_the_step():
    model = tiny("--step_size", "3", "--lr", "0.008")
    assert [model.rate_factor(step) for step in (0, 1, 2, 4, 5, 8)] == [1, 1, 0.5, 0.5, 0.25, 0.125]
    batch = Batch(torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64))
    model.set_learning_rate(0.004)
    for _ in range(2):
        model.step(batch, model.draw(batch, step=5))
        assert model.optimizers["gen"].param_groups[0]["lr"] == 0.001
    assert train_options(["--model", "munit"]).method.step_size == 100_000


def test_swapping_the_domains_swaps_the_losses(run):
    plain, swapped = (recorded_model(run, "--recon_x_cyc_w", "10", "--gan_type", "nsgan") for _ in range(2))
    for kind in ("gen", "dis"):
        swapped.networks[f"{kind}_a"].load_state_dict(plain.networks[f"{kind}_b"].state_dict())
        swapped.networks[f"{kind}_b"].load_state_dict(plain.networks[f"{kind}_a"].state_dict())
    batch, draws = run.batch(), recorded_draws(0)
    logs = plain.step(batch, draws)
    mirrored = swapped.step(Batch(batch.target, batch.source), MUNITDraws(draws.dis[::-1], draws.gen[::-1]))
    assert logs["gen_cycrecon_x_a"] > 0
    for name in logs:
        other = name[:-1] + {"a": "b", "b": "a"}.get(name[-1], name[-1]) if name[-2] == "_" else name
        assert logs[name].item() == pytest.approx(mirrored[other].item(), rel=1e-5), name


def test_the_total_is_the_weighted_sum(run):
    words = ["--gan_w", "2", "--recon_x_w", "3", "--recon_s_w", "4", "--recon_c_w", "5", "--recon_x_cyc_w", "6"]
    logs = recorded_model(run, *words).step(run.batch(), recorded_draws(0))
    weights = {"adv": 2, "recon_x": 3, "recon_s": 4, "recon_c": 5, "cycrecon_x": 6}
    total = sum(weight * logs[f"gen_{name}_{side}"] for name, weight in weights.items() for side in "ab")
    assert logs["gen_total"].item() == pytest.approx(total.item(), rel=1e-6)
    assert logs["dis_total"].item() == pytest.approx(2 * (logs["dis_a"] + logs["dis_b"]).item(), rel=1e-6)


def test_sides_of_different_sizes_and_channels():
    model = tiny("--input_nc", "1")
    batch = Batch(torch.rand(2, 1, 64, 64), torch.rand(2, 3, 72, 64))
    assert all(torch.isfinite(loss) for loss in model.step(batch, model.draw(batch)).values())
    assert model.translator("BtoA")(batch.target).shape == (2, 1, 72, 64)


def test_a_batch_is_the_mean_over_its_images(run):
    """Permuting the images of a batch changes nothing, and each process draws for its own images."""
    model = recorded_model(run)
    batch = Batch(torch.rand(2, 3, 64, 64), torch.rand(2, 3, 64, 64))
    draws = model.draw(batch, step_generator(0, 0))
    turned = MUNITDraws(*(tuple(style.flip(0) for style in styles) for styles in (draws.dis, draws.gen)))
    logs = model.step(batch, draws)
    flipped = recorded_model(run).step(batch.map(lambda images: images.flip(0)), turned)
    assert all(logs[name].item() == pytest.approx(flipped[name].item(), rel=1e-5) for name in logs)
    assert torch.equal(draws.of_images(slice(1, 2)).gen[1], draws.gen[1][1:])


def test_preview_shows_several_styles_both_ways():
    model = tiny()
    pictures = model.preview(Batch(torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64)))
    row_a = ["real_A", "rec_A", "fake_B", "fake_B_2", "fake_B_3", "guided_B"]
    assert list(pictures) == row_a + ["real_B", "rec_B", "fake_A", "fake_A_2", "fake_A_3", "guided_A"]
    assert not torch.equal(pictures["fake_B"], pictures["fake_B_2"])


def test_the_perceptual_loss_compares_with_the_image_that_was_translated(tmp_path, run):
    torch.manual_seed(0)
    torch.save(VGG16().state_dict(), tmp_path / "vgg16.pth")
    model = recorded_model(run, "--vgg_w", "2", "--vgg_file", str(tmp_path / "vgg16.pth"))
    logs, without = (each.step(run.batch(), recorded_draws(0)) for each in (model, recorded_model(run)))
    assert logs["gen_vgg_a"] > 0
    difference = 2 * (logs["gen_vgg_a"] + logs["gen_vgg_b"])
    assert logs["gen_total"].item() == pytest.approx((without["gen_total"] + difference).item(), rel=1e-6)
    assert "vgg" not in model.networks and all(weight.grad is None for weight in model.vgg.parameters())
    features = model.vgg(run.batch().source)
    torch.testing.assert_close(features.mean((2, 3)), torch.zeros(1, 512), rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--crop_size", "32"],
            "Images of 32×32 pixels do not fit --n_layer 4 --num_scales 3: use a larger --crop_size",
        ),
        (["--n_downsample", "3", "--crop_size", "60"], "--n_downsample 3 needs images whose sides are multiples of 8"),
        (["--vgg_w", "1"], "--vgg_w 1.0 needs the weights of VGG-16: give --vgg_file"),
        (["--vgg_w", "1", "--vgg_file", "missing.pth"], "There is no weight file missing.pth"),
        (["--netG", "resnet_6blocks"], "--netG belongs to --model .*but the model is munit"),
    ],
)
def test_what_cannot_work_is_said_before_the_first_step(words, message):
    with pytest.raises(UserError, match=message):
        tiny(*words)


def test_only_methods_with_styles_take_a_number_of_them():
    assert options_to_test(["--model", "munit", "--num_style", "4"]).method.num_style == 4
    with pytest.raises(UserError, match="--num_style belongs to --model .*munit.*but the model is cut"):
        options_to_test(["--num_style", "4"])
    with pytest.raises(UserError, match="--style gives one style, so there cannot be --num_style 4"):
        options_to_test(["--model", "munit", "--num_style", "4", "--style", "x.png"])
